"""Views that a circle from above never takes, but photographs do: from the side before a wall, and from very near."""

from dataclasses import replace

import numpy as np

from pellucid.synth.materials import sample_surface
from pellucid.synth.orbit import LOWEST
from pellucid.synth.spec import CameraPath, FixedObject
from pellucid.synth.surroundings import WALL_PATTERNS, WALLS, slab, turned

FROM_THE_SIDE, FROM_NEAR = 0.3, 0.15  # of all scenes
BACKDROP = WALLS + 8


def sample_view(rng: np.random.Generator, orbit: CameraPath) -> tuple[CameraPath, tuple[FixedObject, ...]]:
    """The orbit, or one of the other views in its place, and the wall behind the table that a view from the side has.

    From the side the path is an arc that stays before the wall.
    """
    draw = rng.random()
    if draw < FROM_THE_SIDE:
        low = replace(
            orbit,
            elevation=float(rng.uniform(LOWEST, 0.3)),
            sweep=float(np.sign(orbit.sweep) * rng.uniform(0.2, 0.9)),
            fill=float(rng.uniform(0.6, 1.1)),
            elevation_wobble=replace(orbit.elevation_wobble, amplitude=orbit.elevation_wobble.amplitude / 3),
        )
        return low, (_backdrop(rng, low),)
    if draw < FROM_THE_SIDE + FROM_NEAR:
        return replace(orbit, fill=float(rng.uniform(0.4, 0.75))), ()
    return orbit, ()


def _backdrop(rng: np.random.Generator, path: CameraPath) -> FixedObject:
    """A wall close behind the scene, across the middle of the camera's arc, plain and light more often than not."""
    behind = path.azimuth + path.sweep / 2 + np.pi
    away, askew = float(rng.uniform(0.4, 1.0)), float(rng.uniform(-0.5, 0.5))
    plain = rng.random() < 0.6
    return FixedObject(
        id=BACKDROP,
        role="wall",
        geometry=slab(3.5, 0.05, 3.0),
        material=sample_surface(rng, ("plain",) if plain else WALL_PATTERNS),
        pose=turned((float(away * np.cos(behind)), float(away * np.sin(behind)), -1.0), behind + np.pi / 2 + askew),
        collides=False,
    )
