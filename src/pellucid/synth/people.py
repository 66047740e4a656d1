"""People and robot arms that reach for things and lift them, at a table in a room or outdoors, near or seen whole."""

from dataclasses import dataclass, replace

import numpy as np

from pellucid.synth.desk import add_desk
from pellucid.synth.flat import flat_thing
from pellucid.synth.furniture import Room, add_boxes, add_legs, add_to_wall, add_walls
from pellucid.synth.lifted import Lifted, lift_kettle, lift_vessel
from pellucid.synth.lights import sample_light
from pellucid.synth.limbs import Figure, Grip
from pellucid.synth.materials import sample_material, sample_surface
from pellucid.synth.outdoors import add_yard, daylight
from pellucid.synth.person import person
from pellucid.synth.profiles import uniform
from pellucid.synth.robot_arm import robot
from pellucid.synth.room import ASKEW_AND_SWEEP, Circle, free_place, lay, stand_things, view_of
from pellucid.synth.spec import Pose, SceneSpec
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab

HAND = 0.06  # metres round a hand that things keep clear of
_SALT = 67_867_967


@dataclass(frozen=True, slots=True)
class Setting:
    """In which share of scenes there is what, and from how far the camera looks."""

    name: str
    outdoors: float = 0.3
    behind: float = 0.8  # somebody who reaches for things
    robot: float = 0.35  # where there is somebody too: without, there always is one
    bystander: float = 0.5
    metal_table: float = 0.1
    fill: tuple[float, float] | None = None  # of the camera's path; None is as in rooms
    desk: float = 0.0  # outdoors, beside it, with a screen
    deep: bool = False  # a table that reaches below the picture, which looks over it at what stands behind
    round: float = 0.0  # of all tables
    rise: tuple[float, float] | None = None  # metres above the things, of what the camera looks at
    resting: float = 0.33  # hands that lie on the table; the others lift something
    kettles: float = 0.0  # of what is lifted
    above: tuple[float, float] = (0.005, 0.25)  # metres over the table


HANDS = Setting("people")
WIDE = Setting("wide", outdoors=0.7, behind=0.6, robot=0.6, metal_table=0.35, fill=(1.9, 3.2), desk=0.6)
STREET = Setting(
    "street", outdoors=0.85, behind=0.35, robot=0.8, bystander=0.7, metal_table=0.55, fill=(1.3, 2.6), desk=0.6,
    deep=True, rise=(0.15, 0.45),
)  # fmt: skip
POUR = Setting(
    "pour", outdoors=0.1, behind=1.0, robot=0.1, bystander=0.15, fill=(0.7, 1.7), round=0.4, rise=(0.06, 0.28),
    resting=0.1, kettles=0.5, above=(0.005, 0.3),
)  # fmt: skip


def sample_people(seed: int, frames: int, resolution: tuple[int, int], setting: Setting = HANDS) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames are spread over the camera's arc.
    """
    streams = np.random.SeedSequence([_SALT, seed]).spawn(7)
    of_room, of_things, of_light, of_camera, of_flat, of_figures, of_wide = (np.random.default_rng(s) for s in streams)
    room = Room(yaw=float(of_room.uniform(0, 2 * np.pi)))
    askew, sweep = (float(of_camera.choice([-1, 1]) * of_camera.uniform(*within)) for within in ASKEW_AND_SWEEP)
    outdoors = of_room.random() < setting.outdoors
    table = _deep_table if setting.deep else _table
    if setting.round and of_wide.random() < setting.round:
        table = _round_table
    edge, floor = table(room, of_room, setting.metal_table)
    if outdoors:
        add_yard(room, of_room, edge + 1.0, floor)
        if of_wide.random() < setting.desk:
            add_desk(room, of_wide, -float(np.sign(askew)), floor)
    else:
        _walls(room, of_room, edge + uniform(of_room, 0.6, 2.5), floor, beside=-np.sign(askew))
    taken = _figures(room, of_figures, setting, edge, floor, far=6.0 if outdoors else 0.9)
    objects = stand_things(of_things, room.yaw, taken)
    for _ in range(int(of_flat.integers(0, 3))):
        lay(room, of_flat, flat_thing(of_flat), None, taken)
    camera = view_of(of_camera, room.yaw - np.pi / 2 + askew, sweep, near=False)
    if setting.fill is not None:
        camera = replace(camera, fill=uniform(of_wide, *setting.fill))
    if setting.rise is not None:
        camera = replace(camera, rise=uniform(of_wide, *setting.rise))
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution,
        environment=f"{setting.name}, {'outdoors' if outdoors else 'room'}",
        objects=objects, fixed=tuple(room.fixed), light=daylight(of_light) if outdoors else sample_light(of_light),
        camera=replace(camera, elevation=uniform(of_camera, 0.1, 0.35 if setting.deep else 0.6), total=frames),
    )  # fmt: skip


def _table(room: Room, rng: np.random.Generator, metal: float) -> tuple[float, float]:
    """A table with its top at z = 0; the y of its far edge, and the height of the floor below it (negative)."""
    half = (uniform(rng, 0.5, 1.0), uniform(rng, 0.26, 0.42))
    thick, height, y = uniform(rng, 0.018, 0.04), uniform(rng, 0.7, 0.95), uniform(rng, 0.0, half[1] - 0.2)
    return _add_table(room, rng, metal, half, y, thick, height)


def _deep_table(room: Room, rng: np.random.Generator, metal: float) -> tuple[float, float]:
    """The same, of a table that comes far towards the camera."""
    half = (uniform(rng, 0.45, 1.0), uniform(rng, 0.4, 0.8))
    thick, height = uniform(rng, 0.018, 0.05), uniform(rng, 0.7, 0.95)
    return _add_table(room, rng, metal, half, uniform(rng, 0.25, 0.4) - half[1], thick, height)


def _round_table(room: Room, rng: np.random.Generator, metal: float) -> tuple[float, float]:
    """A round or oval one, wide enough for the things."""
    half = (uniform(rng, 0.75, 1.0), uniform(rng, 0.5, 0.8))
    thick, height = uniform(rng, 0.018, 0.04), uniform(rng, 0.7, 0.95)
    return _add_table(room, rng, metal, half, uniform(rng, 0.32, 0.4) - half[1], thick, height, squareness=2.0)


def _add_table(
    room: Room,
    rng: np.random.Generator,
    metal: float,
    half: tuple[float, float],
    y: float,
    thick: float,
    height: float,
    squareness: float = 40.0,
) -> tuple[float, float]:
    """With that half width and half depth about y, and legs; `metal` is the share of tops of metal."""
    draw = rng.random()
    top = (
        sample_surface(rng)
        if draw < 0.95 - metal
        else sample_material(rng, "train", "metal" if draw < 0.95 else "plastic")
    )
    plate = replace(slab(*half, thick), squareness=squareness)
    room.add("table", plate, top, (0.0, y, -thick), number=TABLE, collides=True)
    inside = 1.0 if squareness > 2 else 0.7
    add_legs(room, rng, (inside * half[0], inside * half[1]), y, height, thick)
    return y + half[1], -height


def _walls(room: Room, rng: np.random.Generator, back: float, floor: float, beside: float) -> None:
    room.add("floor", slab(4.0, 4.0, 0.1), sample_surface(rng, FLOOR_PATTERNS), (0.0, 0.0, floor - 0.1), number=FLOOR)
    add_walls(room, rng, back, beside, floor)
    add_to_wall(room, rng, back, -0.2)
    add_boxes(room, rng, back, floor, 0.6)


def _figures(
    room: Room, rng: np.random.Generator, setting: Setting, edge: float, floor: float, far: float
) -> list[Circle]:
    """Who stands behind the table, a robot on it, and people further off; the circles that hands and foot take."""
    taken: list[Circle] = []
    behind = rng.random() < setting.behind
    if behind:
        foot = np.array([uniform(rng, -0.35, 0.35), edge + uniform(rng, 0.1, 0.2), floor])
        hands = [_hand(rng, setting, taken) for _ in range(int(rng.integers(1, 3)))]
        add_figure(room, "person", person(rng, foot, uniform(rng, -0.3, 0.3), tuple(h.grip for h in hands)), hands)
    if not behind or rng.random() < setting.robot:
        place = free_place(rng, taken, 0.1)
        if place is not None:
            taken.append((*place, 0.12))
            hand = _hand(rng, setting, taken, tilted=False)
            add_figure(room, "robot", robot(rng, np.array([*place, 0.0]), hand.grip), [hand])
    if rng.random() < setting.bystander:
        for _ in range(int(rng.integers(1, 4))):
            foot = np.array([uniform(rng, -1, 1) * (0.6 + far / 2), edge + 0.5 + uniform(rng, 0, far), floor])
            add_figure(room, "person", person(rng, foot, uniform(rng, 0, 2 * np.pi), ()), [])
    return taken


@dataclass(frozen=True, slots=True)
class Hand:
    """Where a hand goes, and what it lifts."""

    grip: Grip
    lifted: Lifted | None = None


def _hand(rng: np.random.Generator, setting: Setting, taken: list[Circle], tilted: bool = True) -> Hand:
    """A hand that lifts something or lies on the table; one that does not tilt has no kettle either."""
    x, y = free_place(rng, taken, HAND) or (0.0, 0.0)
    taken.append((x, y, HAND))
    if rng.random() < setting.resting:
        return Hand(Grip(np.array([x, y, uniform(rng, 0.02, 0.05)]), np.array([1.0, 0.0, 0.0]), None))
    if tilted and setting.kettles and rng.random() < setting.kettles:
        return Hand(*lift_kettle(rng, (x, y), setting.above))
    return Hand(*lift_vessel(rng, (x, y), setting.above, tilted))


def add_figure(room: Room, role: str, figure: Figure, hands: list[Hand]) -> None:
    """The figure and what its hands hold, where they came to be."""
    still = Pose(position=(0.0, 0.0, 0.0))
    room.place(role, figure.geometry, figure.material, still, figure.parts)
    for hand, grip in zip(hands, figure.grips, strict=False):
        if (lifted := hand.lifted) is not None:
            room.place("prop", lifted.geometry, lifted.material, lifted.pose(grip), lifted.parts)
