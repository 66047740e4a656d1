"""Rooms as photographs show them: a few things apart and upright, on a table, a counter or the floor before a wall."""

from dataclasses import replace

import numpy as np

from pellucid.synth.flat import Flat, flat_thing
from pellucid.synth.furniture import Room, add_boxes, add_cupboards, add_legs, add_to_wall, add_walls
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import sample_material, sample_surface
from pellucid.synth.orbit import LOWEST, sample_orbit
from pellucid.synth.profiles import uniform
from pellucid.synth.shapes import whole_mesh
from pellucid.synth.spec import CameraPath, SceneObject, SceneSpec
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab
from pellucid.synth.things import packaged, sample_thing

SPREAD = (0.3, 0.17)  # metres along and across the table within which things stand
GAP = 0.02  # metres between the circles in which two things stand
UPRIGHT_SHARE = 0.9
NEAR_SHARE = 0.2
ASKEW_AND_SWEEP = ((0.1, 0.7), (0.2, 0.9))  # radians, of the middle of the camera's arc and of the arc
SUPPORTS = {"table": 0.5, "counter": 0.25, "floor": 0.25}
_DRAWS = 12
_SALT = 32_452_843

Circle = tuple[float, float, float]  # that a thing takes on the table: its middle and radius


def sample_room(seed: int, frames: int, resolution: tuple[int, int]) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames are spread over the camera's arc.
    """
    streams = np.random.SeedSequence([_SALT, seed]).spawn(5)
    of_room, of_things, of_light, of_camera, of_flat = (np.random.default_rng(s) for s in streams)
    room = Room(yaw=float(of_room.uniform(0, 2 * np.pi)))
    support = str(of_room.choice(list(SUPPORTS), p=list(SUPPORTS.values())))
    # From one side, so that a wall beside is on the other and the camera never behind it.
    askew, sweep = (float(of_camera.choice([-1, 1]) * of_camera.uniform(*within)) for within in ASKEW_AND_SWEEP)
    furnish(room, of_room, support, beside=-np.sign(askew))
    taken: list[Circle] = []
    near = of_flat.random() < NEAR_SHARE
    if near:  # what is looked at lies flat
        lay(room, of_flat, flat_thing(of_flat, ("keyboard", "keyboard", "book", "sheet")), (0.0, 0.0), taken)
    objects = stand_things(of_things, room.yaw, taken)
    for _ in range(int(of_flat.integers(0, 4))):
        lay(room, of_flat, flat_thing(of_flat), None, taken)
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution, environment=f"room, {support}",
        objects=objects, fixed=tuple(room.fixed), light=sample_light(of_light),
        camera=replace(view_of(of_camera, room.yaw - np.pi / 2 + askew, sweep, near), total=frames),
    )  # fmt: skip


def furnish(room: Room, rng: np.random.Generator, support: str, beside: float) -> None:
    """What the things stand on, with its top at z = 0, and the room round it."""
    ground = sample_surface(rng, FLOOR_PATTERNS)
    if support == "floor":
        back = uniform(rng, 0.35, 1.2)
        room.add("table", slab(4.0, 4.0, 0.1), ground, (0.0, 0.0, -0.1), number=TABLE, collides=True)
        add_walls(room, rng, back, beside, 0.0)
        add_to_wall(room, rng, back, 0.1)
        add_boxes(room, rng, back, 0.0, uniform(rng, 0.4, 0.9))
        return
    half = (uniform(rng, 0.5, 1.0), uniform(rng, 0.3, 0.45))
    thick, height = uniform(rng, 0.018, 0.04), uniform(rng, 0.7, 0.9)
    y = uniform(rng, 0.0, half[1] - 0.22)  # the things stand nearer to the front
    against = support == "counter" or rng.random() < 0.6
    back = y + half[1] + (0.001 if against else uniform(rng, 0.05, 1.2))
    draw = rng.random()
    top = sample_surface(rng) if draw < 0.92 else sample_material(rng, "train", "metal" if draw < 0.97 else "plastic")
    room.add("table", slab(*half, thick), top, (0.0, y, -thick), number=TABLE, collides=True)
    room.add("floor", slab(4.0, 4.0, 0.1), ground, (0.0, 0.0, -height - 0.1), number=FLOOR)
    add_walls(room, rng, back, beside, -height)
    add_to_wall(room, rng, back, 0.0 if against else -0.2)
    if support == "counter":
        add_cupboards(room, rng, half, y, height - thick)
    else:
        add_legs(room, rng, half, y, height, thick)
    add_boxes(room, rng, back, -height, half[0] + 0.05)


def stand_things(rng: np.random.Generator, yaw: float, taken: list[Circle], most: int = 6) -> tuple[SceneObject, ...]:
    """Two to `most` things outside the circles that are taken, in the room's frame; fewer where there is no room."""
    items: list[SceneObject] = []
    wanted = int(rng.integers(2, most + 1))
    for stream in rng.spawn(_DRAWS):
        item = sample_thing(stream, len(items) + 1, "train", 0.0, upright_share=UPRIGHT_SHARE)
        item = packaged(stream, "train", item)
        body = whole_mesh(item.geometry, item.parts).vertices @ item.pose.matrix[:3, :3].T
        reach = float(np.linalg.norm(body[:, :2], axis=1).max())
        place = free_place(stream, taken, reach)
        if place is None:
            continue
        taken.append((*place, reach))
        c, s = np.cos(yaw), np.sin(yaw)
        x, y = float(c * place[0] - s * place[1]), float(s * place[0] + c * place[1])
        items.append(replace(item, pose=replace(item.pose, position=(x, y, item.pose.position[2]))))
        if len(items) == wanted:
            break
    return tuple(items)


def free_place(rng: np.random.Generator, taken: list[Circle], reach: float) -> tuple[float, float] | None:
    """Where a circle of that radius meets none of those taken; None when fifty draws find nothing."""
    for _ in range(50):
        x, y = (float(rng.uniform(-s, s)) for s in SPREAD)
        if all(np.hypot(x - a, y - b) > reach + r + GAP for a, b, r in taken):
            return x, y
    return None


def lay(
    room: Room, rng: np.random.Generator, thing: Flat, place: tuple[float, float] | None, taken: list[Circle]
) -> None:
    """Lays a flat thing there, or where there is room; not at all where there is none."""
    reach = max(r for r, _ in thing.block.profile) * float(np.hypot(1, thing.block.aspect))
    place = place or free_place(rng, taken, reach)
    if place is not None:
        taken.append((*place, reach))
        turn = float(rng.normal(0, 0.5))
        room.add("prop", thing.block, thing.material, (*place, 0.0002), turn, collides=True, parts=thing.parts)


def view_of(rng: np.random.Generator, azimuth: float, sweep: float, near: bool) -> CameraPath:
    """An arc about that azimuth, as a person stands before a table or sits at it."""
    return replace(
        sample_orbit(rng),
        azimuth=azimuth - sweep / 2,
        sweep=sweep,
        elevation=float(rng.uniform(LOWEST + 0.05, 0.75)),
        fill=float(rng.uniform(0.3, 0.6) if near else rng.uniform(0.7, 1.9)),
    )
