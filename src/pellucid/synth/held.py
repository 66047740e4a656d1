"""What a hand from beside holds: a kettle, a bottle, a glass, from near, before a wall that is mostly plain. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.furniture import Room, add_legs, add_to_wall, add_walls
from pellucid.synth.lifted import lift_kettle, lift_vessel
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import sample_surface
from pellucid.synth.orbit import LOWEST
from pellucid.synth.people import Hand, add_figure
from pellucid.synth.person import person
from pellucid.synth.profiles import uniform
from pellucid.synth.room import stand_things, view_of
from pellucid.synth.row import stand_row
from pellucid.synth.spec import Material, SceneObject, SceneSpec
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab

KETTLES = 0.65  # of what is held
ROWS = 0.4  # of what stands on the table
ALONE = 0.4  # of the hands: no other thing than those that the camera needs
PALE = 0.5  # of the tables
ABOVE = (0.004, 0.3)  # metres over the table
LONG_SIDE = (28.0, 58.0)  # degrees, the angle that the picture's longer side sees
ASKEW_AND_SWEEP = ((0.0, 0.5), (0.1, 0.6))  # radians, of the middle of the camera's arc and of the arc
_SALT = 86_028_121


def sample_held(seed: int, frames: int, resolution: tuple[int, int]) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames are spread over the camera's arc. What a portrait sees across is as narrow as it is in a landscape
    picture cut to it.
    """
    streams = np.random.SeedSequence([_SALT, seed]).spawn(5)
    of_room, of_things, of_light, of_camera, of_hand = (np.random.default_rng(s) for s in streams)
    room = Room(yaw=float(of_room.uniform(0, 2 * np.pi)))
    askew, sweep = (float(of_camera.choice([-1, 1]) * of_camera.uniform(*within)) for within in ASKEW_AND_SWEEP)
    side = int(of_hand.choice([-1, 1]))
    half, floor = _table_and_wall(room, of_room, beside=-float(np.sign(askew)))
    rows = of_things.random() < ROWS
    hand, place = _hand(of_hand, side, before=rows)
    foot = np.array([side * (half + uniform(of_hand, 0.06, 0.16)), uniform(of_hand, -0.3, 0.15), floor])
    facing = -side * (np.pi / 2 + uniform(of_hand, -0.3, 0.3))
    add_figure(room, "person", person(of_hand, foot, facing, (hand.grip,)), [hand])
    camera = view_of(of_camera, room.yaw - np.pi / 2 + askew, sweep, near=False)
    H, W = resolution
    across = np.tan(np.radians(uniform(of_camera, *LONG_SIDE) / 2)) * W / max(H, W)
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution, environment="held",
        objects=stand_row(of_things, room.yaw) if rows else _others(of_things, room.yaw, place),
        fixed=tuple(room.fixed), light=sample_light(of_light),
        camera=replace(
            camera,
            fov_x_degrees=float(2 * np.degrees(np.arctan(across))),
            elevation=uniform(of_camera, LOWEST, 0.4),
            fill=uniform(of_camera, 0.7, 1.6),
            rise=uniform(of_camera, 0.03, 0.18),
            total=frames,
        ),
    )  # fmt: skip


def _table_and_wall(room: Room, rng: np.random.Generator, beside: float) -> tuple[float, float]:
    """A table with its top at z = 0 before a wall; half its width, and the height of the floor (negative)."""
    half = (uniform(rng, 0.36, 0.6), uniform(rng, 0.26, 0.4))
    thick, floor, y = uniform(rng, 0.018, 0.04), -uniform(rng, 0.7, 0.95), uniform(rng, 0.0, half[1] - 0.2)
    back = y + half[1] + (0.001 if rng.random() < 0.6 else uniform(rng, 0.02, 0.8))
    plate = slab(*half, thick)
    room.add("table", plate, _top(rng), (0.0, y, -thick), number=TABLE, collides=True)
    add_legs(room, rng, half, y, -floor, thick)
    room.add("floor", slab(4.0, 4.0, 0.1), sample_surface(rng, FLOOR_PATTERNS), (0.0, 0.0, floor - 0.1), number=FLOOR)
    add_walls(room, rng, back, beside, floor)
    if rng.random() < 0.35:
        add_to_wall(room, rng, back, -0.1)
    return half[0], floor


def _top(rng: np.random.Generator) -> Material:
    if rng.random() >= PALE:
        return sample_surface(rng)
    pale, warm = uniform(rng, 0.55, 0.9), uniform(rng, 0.9, 1.0)
    return replace(sample_surface(rng, ("plain",)), color=(pale, pale, pale * warm))


def _hand(rng: np.random.Generator, side: int, before: bool) -> tuple[Hand, tuple[float, float]]:
    """A hand that holds something over the table on that side of the middle, or before it; and that place."""
    place = (side * uniform(rng, 0.03, 0.16), uniform(rng, -0.2, -0.12) if before else uniform(rng, -0.1, 0.06))
    lift = lift_kettle(rng, place, ABOVE) if rng.random() < KETTLES else lift_vessel(rng, place, ABOVE, True)
    return Hand(*lift), place


def _others(rng: np.random.Generator, yaw: float, place: tuple[float, float]) -> tuple[SceneObject, ...]:
    """Things about the place over which the hand is."""
    return stand_things(rng, yaw, [(*place, 0.07)], most=3 if rng.random() < ALONE else 6)
