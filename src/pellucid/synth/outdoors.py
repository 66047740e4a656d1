"""Yards and streets behind a table: ground, fronts with windows, hedges and trees, in daylight. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.furniture import Room
from pellucid.synth.geometry import Strand, Strands, Superquadric
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import natural, sample_surface
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Light, Material, Part, Pose, Sky
from pellucid.synth.surroundings import FLOOR, slab

HDRIS = ("city", "courtyard", "forest", "sunrise", "sunset")
GREEN = (0.16, 0.24, 0.07)


def add_yard(room: Room, rng: np.random.Generator, clear: float, floor: float) -> None:
    """Ground at that height, and from `clear` metres behind the centre on what stands there."""
    paved = sample_surface(rng, ("concrete", "concrete", "tiles", "speckle", "planks"))
    ground = paved if rng.random() < 0.75 else _leaves(rng, 3.0)
    room.add("floor", slab(60.0, 60.0, 0.1), ground, (0.0, 0.0, floor - 0.1), number=FLOOR)
    for _ in range(int(rng.integers(0, 4))):
        half, deep, tall = uniform(rng, 1.5, 8.0), uniform(rng, 1.0, 4.0), uniform(rng, 2.5, 12.0)
        at = (uniform(rng, -12, 12), clear + deep + uniform(rng, 1.0, 25.0), floor)
        room.add("furniture", slab(half, deep, tall), _front(rng), at, uniform(rng, -0.4, 0.4))
    for _ in range(int(rng.integers(0, 4))):
        half, deep, tall = uniform(rng, 0.3, 3.0), uniform(rng, 0.15, 0.5), uniform(rng, 0.3, 1.6)
        at = (uniform(rng, -4, 4), clear + deep + uniform(rng, 0.0, 5.0), floor)
        low = _leaves(rng, 1.0) if rng.random() < 0.6 else sample_surface(rng, ("bricks", "concrete", "wood", "plain"))
        room.add("furniture", slab(half, deep, tall, edge=0.03), low, at, uniform(rng, -0.5, 0.5))
    if rng.random() < 0.5:  # from side to side, close behind
        half, deep, tall = uniform(rng, 3.0, 10.0), uniform(rng, 0.2, 0.6), uniform(rng, 0.6, 1.8)
        at = (uniform(rng, -3, 3), clear + deep + uniform(rng, 0.2, 4.0), floor)
        row = _leaves(rng, 1.0) if rng.random() < 0.7 else sample_surface(rng, ("bricks", "concrete", "wood"))
        room.add("furniture", slab(half, deep, tall, edge=0.03), row, at, uniform(rng, -0.15, 0.15))
    for _ in range(int(rng.integers(0, 5))):
        _add_tree(room, rng, (uniform(rng, -8, 8), clear + uniform(rng, 1.0, 14.0), floor))


def daylight(rng: np.random.Generator) -> Light:
    """A clear sky with a sun, or a picture of the open air; no lamps."""
    light = replace(sample_light(rng), gradient=None, lamps=())
    if rng.random() < 0.5:
        sky = Sky(
            sun_elevation=uniform(rng, 0.25, 1.3), sun_azimuth=uniform(rng, 0, 2 * np.pi), haze=uniform(rng, 0.3, 4)
        )
        return replace(light, hdri=None, sky=sky)
    return replace(light, hdri=f"blender:{HDRIS[rng.integers(len(HDRIS))]}.exr", sky=None)


def _front(rng: np.random.Generator) -> Material:
    """Of plaster, concrete or brick, mostly with windows."""
    if rng.random() < 0.3:
        return sample_surface(rng, ("bricks", "concrete", "plain"))
    pane = uniform(rng, 0.02, 0.12)
    return Material(
        kind="surface", finish="windows", color=natural(rng)[0], color2=(pane, pane * 1.1, pane * 1.25),
        pattern="windows", pattern_scale=uniform(rng, 0.7, 2.2), roughness=0.6,
    )  # fmt: skip


def _leaves(rng: np.random.Generator, scale: float) -> Material:
    r, g, b = (float(c * uniform(rng, 0.7, 1.4)) for c in GREEN)
    return Material(
        kind="diffuse", finish="leaves", color=(r, g, b), color2=(r, g, b), pattern="leaves",
        pattern_scale=scale * uniform(rng, 0.7, 1.6), roughness=0.9, bump=0.03,
    )  # fmt: skip


def _add_tree(room: Room, rng: np.random.Generator, foot: tuple[float, float, float]) -> None:
    """A trunk and a few balls of leaves."""
    tall, wide = uniform(rng, 2.0, 6.0), uniform(rng, 0.5, 1.6)
    trunk = Strand(
        path=((0.0, 0.0, 0.1), (uniform(rng, -0.2, 0.2), 0.0, tall)), sections=((0.12, 0.12, 0.0), (0.05, 0.05, 0.0)),
        side=(0.0, 1.0, 0.0),
    )  # fmt: skip
    leaves, parts = _leaves(rng, 1.0), []
    for k in range(int(rng.integers(2, 6))):
        ball = Superquadric(half_axes=(wide, wide, wide * uniform(rng, 0.6, 1.3)), exponents=(1.0, 1.0))
        x, y = (uniform(rng, -0.6, 0.6) * wide for _ in range(2))
        place = Pose(position=(x, y, tall + uniform(rng, -0.5, 0.5) * wide))
        parts.append(Part(role=f"crown {k}", geometry=ball, material=leaves, pose=place))
    bark = sample_surface(rng, ("wood",))
    room.place("tree", Strands(strands=(trunk,)), bark, Pose(position=foot), tuple(parts))
