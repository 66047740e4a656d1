"""Planes that fill the picture: a keyboard, a page, a board of buttons, a cloth, from near and with little on them.

From very near only a part of them is seen. The camera keeps its distance there too: what it looks at is larger instead,
which is the same picture. Half of the keyboards from there are laptops', with a palm rest.
"""

from dataclasses import replace

import numpy as np

from pellucid.synth.flat import Flat, flat_colours, flat_thing, keyboard, page
from pellucid.synth.laptop import with_palm_rest
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import natural, sample_surface, vivid
from pellucid.synth.orbit import HIGHEST, sample_orbit
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import CameraPath, FixedObject, Part, Pose, SceneObject, SceneSpec
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab, turned
from pellucid.synth.things import packaged, sample_thing

NEARER = (2.0, 4.5)  # times as large, from very near
PITCH = (0.03, 0.045)  # metres from key to key: large, so that the camera, which keeps its distance, sees few
KINDS = {"keyboard": 0.5, "buttons": 0.15, "page": 0.2, "cloth": 0.15}
NEAR_KINDS = {"keyboard": 0.8, "buttons": 0.1, "page": 0.06, "cloth": 0.04}
BESIDE = 0.12  # metres from the middle within which little things lie
ASKEW, SWEEP = 0.5, 0.7  # radians, most of either way
_SALT = 49_979_687


def sample_close(seed: int, frames: int, resolution: tuple[int, int], near: bool = False) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames are spread over the camera's arc. `near` is from very near.
    """
    of_plane, of_things, of_light, of_camera, of_near, of_rest = (
        np.random.default_rng(s) for s in np.random.SeedSequence([_SALT, seed]).spawn(6)
    )
    kinds = NEAR_KINDS if near else KINDS
    kind = str(of_plane.choice(list(kinds), p=list(kinds.values())))
    size = uniform(of_near, *NEARER) if near else 1.0
    plane = _plane(of_plane, kind, size)
    if near and kind == "keyboard" and of_rest.random() < 0.5:
        plane = with_palm_rest(of_rest, plane)
    x, y = (uniform(of_near, -0.4, 0.4), uniform(of_near, -0.3, 0.3)) if near else (0.0, 0.0)
    pose = turned((x, y, 0.001), float(of_plane.normal(0, 0.25)))
    things = _button(of_things, size) if near and of_near.random() < 0.6 else _little_things(of_things)
    lying = SceneObject(
        id=1, family=kind, geometry=plane.block, material=plane.material, parts=plane.parts, pose=pose
    )  # fmt: skip
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution,
        environment=f"{'near' if near else 'close'}, {kind}",
        objects=(lying, *things), fixed=_ground(of_plane), light=sample_light(of_light),
        camera=replace(_view(of_camera), total=frames),
    )  # fmt: skip


def _plane(rng: np.random.Generator, kind: str, size: float) -> Flat:
    """What fills the picture, about half a metre wide, or `size` times as wide."""
    if kind == "keyboard":
        return keyboard(rng, (4, 8), (11, 17), size * uniform(rng, *PITCH), lettered=True)
    half = size * uniform(rng, 0.22, 0.35)
    block = slab(half, half * uniform(rng, 0.65, 1.0), uniform(rng, 0.006, 0.03))
    if kind == "page":
        return Flat(block, page(rng, half))
    if kind == "cloth":
        return Flat(block, sample_surface(rng, ("cloth", "cloth", "checker", "tiles", "planks", "speckle")))
    return _buttons(rng, size)


def _buttons(rng: np.random.Generator, size: float) -> Flat:
    """A board with rows of buttons, of one colour or of many."""
    rows, columns, pitch = int(rng.integers(4, 10)), int(rng.integers(6, 14)), size * uniform(rng, 0.03, 0.06)
    share, tall = uniform(rng, 0.25, 0.48), size * uniform(rng, 0.002, 0.012)
    cap, many = flat_colours(rng), rng.random() < 0.4
    thick = uniform(rng, 0.006, 0.02)
    parts: list[Part] = []
    for r in range(rows):
        for c in range(columns):
            place = ((c + 0.5 - columns / 2) * pitch, (r + 0.5 - rows / 2) * pitch, thick)
            material = replace(cap, color=vivid(rng) if rng.random() < 0.5 else natural(rng)[0]) if many else cap
            button = slab(share * pitch, share * pitch, tall, edge=0.0)
            parts.append(Part(role=f"key {len(parts)}", geometry=button, material=material, pose=Pose(position=place)))
    block = slab((columns / 2 + 0.3) * pitch, (rows / 2 + 0.3) * pitch, thick)
    return Flat(block, flat_colours(rng), tuple(parts))


def _little_things(rng: np.random.Generator) -> tuple[SceneObject, ...]:
    """One to three things on the plane or beside it: phones, cards, or what stands on tables."""
    things = []
    for number, stream in enumerate(rng.spawn(int(rng.integers(1, 4))), start=2):
        x, y = (float(v) for v in stream.uniform(-BESIDE, BESIDE, 2))
        if stream.random() < 0.6:
            flat = flat_thing(stream, ("phone", "book", "mat"))
            pose = turned((x, y, 0.002), 2 * float(stream.uniform(0, np.pi)))
            block = replace(flat.block, profile=tuple((r * 0.35, z) for r, z in flat.block.profile))
            things.append(SceneObject(id=number, family="card", geometry=block, material=flat.material, pose=pose))
        else:
            item = packaged(stream, "train", sample_thing(stream, number, "train", 0.0, upright_share=0.5))
            things.append(replace(item, pose=replace(item.pose, position=(x, y, item.pose.position[2]))))
    return tuple(things)


def _button(rng: np.random.Generator, size: float) -> tuple[SceneObject, ...]:
    """A round one by itself, as laptops have between their keys."""
    radius, tall = size * uniform(rng, 0.008, 0.02), size * uniform(rng, 0.006, 0.012)
    round_ = replace(slab(radius, radius, tall, edge=radius / 3), squareness=2.0)
    material = replace(flat_colours(rng), color=vivid(rng), pattern="plain")
    pose = Pose(position=(uniform(rng, -BESIDE, BESIDE), uniform(rng, -BESIDE, BESIDE), 0.002))
    return (SceneObject(id=2, family="button", geometry=round_, material=material, pose=pose),)


def _ground(rng: np.random.Generator) -> tuple[FixedObject, ...]:
    """A table that is wider than the picture, and a floor."""
    return (
        FixedObject(
            id=TABLE, role="table", geometry=slab(uniform(rng, 0.5, 1.2), 0.6, 0.03), material=sample_surface(rng),
            pose=Pose(position=(0.0, 0.0, -0.03)),
        ),
        FixedObject(
            id=FLOOR, role="floor", geometry=slab(7.0, 7.0, 0.1), material=sample_surface(rng, FLOOR_PATTERNS),
            pose=Pose(position=(0.0, 0.0, -0.85)), collides=False,
        ),
    )  # fmt: skip


def _view(rng: np.random.Generator) -> CameraPath:
    """An arc before it, low or from straight above, so near that the plane fills the picture."""
    sweep = float(rng.uniform(-SWEEP, SWEEP))
    return replace(
        sample_orbit(rng),
        azimuth=float(-np.pi / 2 + rng.uniform(-ASKEW, ASKEW) - sweep / 2),
        sweep=sweep,
        elevation=float(rng.uniform(0.35, HIGHEST)),
        fill=float(rng.uniform(0.25, 0.55)),
    )
