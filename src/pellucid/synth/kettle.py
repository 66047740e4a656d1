"""Kettles and jugs: a turned body with a lid, a spout on one side and a handle on the other. Metres."""

from dataclasses import dataclass

import numpy as np

from pellucid.synth.geometry import Lathe, Strand, Strands, Superquadric, Vector
from pellucid.synth.materials import sample_material, sample_surface
from pellucid.synth.profiles import handle, points, uniform
from pellucid.synth.spec import Material, Part, Pose

KINDS = {"metal": 0.6, "ceramic": 0.12, "plastic": 0.12, "diffuse": 0.08, "glass": 0.08}
LOOP_SHARE = 0.5  # of the handles; the others stand out from the rim and hang down


@dataclass(frozen=True, slots=True)
class Kettle:
    """Body, parts and material; its handle is a rod along z at `hold` (x, z) in the body's frame, that thick."""

    body: Lathe
    material: Material
    parts: tuple[Part, ...]
    hold: tuple[float, float]
    radius: float


def sample_kettle(rng: np.random.Generator, side: int) -> Kettle:
    """A kettle whose handle is on that side of x, its spout on the other; one of glass is an open jug."""
    material = sample_material(rng, "train", str(rng.choice(list(KINDS), p=list(KINDS.values()))))
    height, foot = uniform(rng, 0.1, 0.2), uniform(rng, 0.045, 0.075)
    middle, rim = foot * uniform(rng, 0.7, 1.15), foot * uniform(rng, 0.5, 0.95)
    profile = points((foot * 0.94, 0), (foot, 0.006), (middle, height * uniform(rng, 0.35, 0.6)), (rim, height))
    closed = not material.transparent
    wall = uniform(rng, 0.0015, 0.003)
    body = Lathe(
        profile=profile, wall=wall, floor=2 * wall, fillet=0.01,
        handles=(_spout(rng, height, middle, -side),) if closed else (),
    )  # fmt: skip
    rod, hold, radius = (_loop if rng.random() < LOOP_SHARE else _hanging)(rng, height, middle, rim, side)
    made = _handle_material(rng, material)
    parts = [Part(role="handle", geometry=Strands(strands=(rod,)), material=made)]
    if closed:
        parts += _lid(rng, height, rim, material, made)
    return Kettle(body, material, tuple(parts), hold, radius)


def _spout(rng: np.random.Generator, height: float, radius: float, side: int) -> Strand:
    """From low on the wall outwards, up, and outwards again; some are thin and long, some short and wide."""
    low, high = height * uniform(rng, 0.15, 0.45), height * uniform(rng, 0.8, 1.05)
    out, thick = uniform(rng, 0.05, 0.13), uniform(rng, 0.006, 0.014)
    curve = ((-0.1, 0.0), (0.25, 0.06), (0.5, 0.4), (0.7, 0.8), (1.0, 1.0))  # of the way out, of the way up
    path = tuple((float(side * (radius + a * out)), 0.0, float(low + b * (high - low))) for a, b in curve)
    widths = np.linspace(thick, thick * uniform(rng, 0.35, 0.7), len(path))
    return Strand(path=path, sections=tuple((float(w), float(w), 0.0) for w in widths), side=(0.0, 1.0, 0.0))


def _loop(
    rng: np.random.Generator, height: float, middle: float, rim: float, side: int
) -> tuple[Strand, tuple[float, float], float]:
    """The handle of a large mug, the middle of its grip and the grip's radius."""
    reach, thick = uniform(rng, 0.045, 0.06), uniform(rng, 0.005, 0.008)
    radius = min(middle, rim)
    rod = handle(radius, height, reach, thick, uniform(rng, 0.2, 0.35), uniform(rng, 0.85, 0.95))
    path = tuple((side * x, y, z) for x, y, z in rod.path)
    x, _, z = path[len(path) // 2]
    return Strand(path=path, sections=rod.sections, side=rod.side), (x, z), 1.3 * thick


def _hanging(
    rng: np.random.Generator, height: float, middle: float, rim: float, side: int
) -> tuple[Strand, tuple[float, float], float]:
    """A handle that stands out below the rim and hangs down beside the wall."""
    top, thick = height * uniform(rng, 0.85, 0.95), uniform(rng, 0.008, 0.012)
    out = max(rim, middle) + uniform(rng, 0.035, 0.05)
    down = min(top, uniform(rng, 0.08, 0.11))
    held = top - 0.6 * down
    turns = ((0.9 * rim, top), (0.7 * out + 0.3 * rim, top), (out, top - 0.3 * down), (out, held), (out, top - down))
    path: tuple[Vector, ...] = tuple((float(side * x), 0.0, float(z)) for x, z in turns)
    sections = ((1.2 * thick, thick, 0.0),) * len(path)
    return Strand(path=path, sections=sections, side=(0.0, 1.0, 0.0)), (side * out, held), 1.1 * thick


def _lid(rng: np.random.Generator, height: float, rim: float, body: Material, knob: Material) -> list[Part]:
    dome, thick = uniform(rng, 0.004, 0.02), uniform(rng, 0.006, 0.012)
    lid = Lathe(
        profile=points((rim, 0), (rim, 0.003), (rim * 0.75, 0.003 + dome * 0.6), (rim * 0.2, 0.003 + dome)),
        wall=0.001, floor=0.0, fillet=0.002, solid=True,
    )  # fmt: skip
    ball = Superquadric(half_axes=(1.2 * thick, 1.2 * thick, thick), exponents=(0.7, 1.0))
    return [
        Part(role="cap", geometry=lid, material=body if rng.random() < 0.7 else knob, pose=_above(height + 2e-4)),
        Part(role="knob", geometry=ball, material=knob, pose=_above(height + 0.003 + dome + 0.8 * thick)),
    ]


def _above(z: float) -> Pose:
    return Pose(position=(0.0, 0.0, z))


def _handle_material(rng: np.random.Generator, body: Material) -> Material:
    """Black plastic as often as not, else wood or what the body is made of."""
    draw = rng.random()
    if draw < 0.5 or (draw >= 0.75 and body.transparent):
        tone = uniform(rng, 0.01, 0.06)
        black = (tone, tone, tone)
        return Material(kind="plastic", finish="handle", color=black, color2=black, roughness=uniform(rng, 0.3, 0.6))
    return sample_surface(rng, ("wood",)) if draw < 0.75 else body
