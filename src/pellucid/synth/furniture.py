"""What a room has beside its table: walls, cupboards, shelves and pictures. Metres.

Rooms are built in a frame of their own: the back wall across +y, the scene's centre at the origin, then turned.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from pellucid.synth.families import FAMILIES
from pellucid.synth.flat import flat_colours
from pellucid.synth.geometry import Geometry, Lathe
from pellucid.synth.materials import sample_material, sample_surface
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import FixedObject, Material, Part, Pose
from pellucid.synth.surroundings import LEGS, PROPS, WALL_PATTERNS, WALLS, slab, turned

FURNITURE = 230  # ids up to the last
ON_SHELVES = ("bottle", "jar", "mug", "vase", "tumbler", "goblet", "bowl")
CEILING = 2.5


@dataclass(slots=True)
class Room:
    """What stands in it, by id; `yaw` turns all of it about the vertical."""

    yaw: float
    fixed: list[FixedObject] = field(default_factory=list)

    def add(
        self,
        role: str,
        geometry: Geometry,
        material: Material,
        at: tuple[float, float, float],
        turn: float = 0.0,
        *,
        number: int | None = None,
        collides: bool = False,
        parts: tuple[Part, ...] = (),
    ) -> None:
        """Puts a body with its foot there, turned about its own vertical by `turn`; the next free id unless told."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        place = turned((float(c * at[0] - s * at[1]), float(s * at[0] + c * at[1]), float(at[2])), self.yaw + turn)
        if number is None:
            number = self._free({"wall": WALLS, "prop": PROPS}.get(role, FURNITURE))
        self.fixed.append(
            FixedObject(
                id=number, role=role, geometry=geometry, material=material, pose=place, collides=collides, parts=parts
            )
        )

    def place(
        self, role: str, geometry: Geometry, material: Material, pose: Pose, parts: tuple[Part, ...] = ()
    ) -> None:
        """Puts a body there, posed in the room's frame, that things on the table do not touch; the next free id."""
        turn = Rotation.from_euler("z", self.yaw)
        x, y, z = (float(v) for v in turn.apply(pose.position))
        b, c, d, a = (float(v) for v in (turn * Rotation.from_quat(np.roll(pose.quaternion, -1))).as_quat())
        there = Pose(position=(x, y, z), quaternion=(a, b, c, d))
        number = self._free(PROPS)
        self.fixed.append(
            FixedObject(
                id=number, role=role, geometry=geometry, material=material, pose=there, collides=False, parts=parts
            )
        )

    def _free(self, first: int) -> int:
        taken = {item.id for item in self.fixed}
        return next(number for number in range(first, 256) if number not in taken)


def add_walls(room: Room, rng: np.random.Generator, back: float, beside: float, floor: float) -> None:
    """The wall behind, `back` from the centre, often one that makes a corner with it, and skirting boards.

    `beside` is the sign of x on the side of that corner.
    """
    material = sample_surface(rng, ("plain",) if rng.random() < 0.6 else WALL_PATTERNS)
    skirting = sample_surface(rng, ("plain", "wood")) if rng.random() < 0.5 else None
    height = CEILING - floor
    sides = [(0.0, back, 0.0)]
    if rng.random() < 0.5:
        sides.append((beside * uniform(rng, 0.7, 1.7), 0.0, np.pi / 2))
    for x, y, turn in sides:
        out = 0.05 + 1e-4
        room.add("wall", slab(4.0, 0.05, height), material, (x + np.sign(x) * out, y + np.sign(y) * out, floor), turn)
        if skirting is not None:
            board = slab(4.0, 0.008, 0.09)
            room.add("furniture", board, skirting, (x - np.sign(x) * 0.008, y - np.sign(y) * 0.008, floor), turn)


def add_to_wall(room: Room, rng: np.random.Generator, back: float, above: float) -> None:
    """Pictures, a panel of tiles, a shelf with things on it, or cupboards on the back wall, from `above` upwards."""
    draw = rng.random()
    if draw < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            half, height = uniform(rng, 0.08, 0.3), uniform(rng, 0.15, 0.5)
            at = (uniform(rng, -0.9, 0.9), back - 0.008, above + uniform(rng, 0.1, 0.6))
            room.add("furniture", slab(half, 0.007, height), flat_colours(rng), at)
    elif draw < 0.45:
        tiles = replace(sample_surface(rng, ("tiles", "bricks", "wood", "plain")), roughness=uniform(rng, 0.1, 0.5))
        room.add("furniture", slab(1.2, 0.006, uniform(rng, 0.3, 0.7)), tiles, (0.0, back - 0.007, above + 0.001))
    elif draw < 0.7:
        _add_shelf(room, rng, back, above + uniform(rng, 0.22, 0.5))
    elif draw < 0.85:
        wide, deep = uniform(rng, 0.22, 0.4), uniform(rng, 0.1, 0.17)
        front, low = sample_surface(rng, ("plain", "wood")), above + uniform(rng, 0.35, 0.6)
        for k in range(-2, 3):
            box = slab(wide - 0.002, deep, 0.6)
            room.add("furniture", box, front, (2 * k * wide + 0.1, back - deep - 0.001, low))


def _add_shelf(room: Room, rng: np.random.Generator, back: float, height: float) -> None:
    half, deep, middle = uniform(rng, 0.3, 0.7), uniform(rng, 0.07, 0.12), uniform(rng, -0.3, 0.3)
    board = sample_surface(rng, ("wood", "plain")) if rng.random() < 0.7 else sample_material(rng, "train", "metal")
    room.add("furniture", slab(half, deep, 0.02), board, (middle, back - deep - 0.001, height))
    x = middle - half
    for _ in range(int(rng.integers(2, 8))):
        geometry, material, parts, reach = _shelved(rng)
        x += reach + uniform(rng, 0.01, 0.12)
        if reach > deep or x + reach > middle + half:
            break
        room.add("prop", geometry, material, (x, back - deep, height + 0.0202), uniform(rng, 0, 6), parts=parts)
        x += reach


def _shelved(rng: np.random.Generator) -> tuple[Geometry, Material, tuple[Part, ...], float]:
    """A vessel or a carton with its cap and label, and the radius of the circle that it takes."""
    if rng.random() < 0.35:
        a, b = uniform(rng, 0.02, 0.05), uniform(rng, 0.02, 0.06)
        return slab(a, b, uniform(rng, 0.06, 0.22)), flat_colours(rng), (), float(np.hypot(a, b))
    family = ON_SHELVES[rng.integers(len(ON_SHELVES))]
    body, parts = sample_packaging(rng, "train", family, FAMILIES["train"][family](rng))
    kind = str(rng.choice(["glass", "plastic", "metal", "ceramic", "diffuse"]))
    assert isinstance(body, Lathe)
    reach = max(r for r, _ in body.profile) * (1.45 if body.squareness > 2 else 1.05) + (0.05 if body.handles else 0)
    return body, sample_material(rng, "train", kind), parts, float(reach)


def add_cupboards(room: Room, rng: np.random.Generator, half: tuple[float, float], y: float, height: float) -> None:
    """Doors with handles below a counter whose half sides are told and whose middle lies at (0, y)."""
    count = int(rng.integers(2, 5))
    wide, front = half[0] / count, y - half[1] + 0.02
    body, knobs = sample_surface(rng, ("plain", "wood")), sample_material(rng, "train", "metal")
    room.add("furniture", slab(half[0] - 0.02, half[1] - 0.03, height - 0.002), body, (0.0, y, -height))
    for k in range(count):
        x = (2 * k + 1 - count) * wide
        door = slab(wide - 0.004, 0.009, height - 0.14)
        room.add("furniture", door, body, (x, front, -height + 0.1))
        grip = slab(0.07, 0.006, 0.012)
        room.add("furniture", grip, knobs, (x, front - 0.03, -0.12))


def add_legs(
    room: Room, rng: np.random.Generator, half: tuple[float, float], y: float, height: float, thick: float
) -> None:
    """Legs of a table top `thick` metres thick at `height` over the floor, half sides and middle as of a counter."""
    leg = sample_material(rng, "train", "metal") if rng.random() < 0.5 else sample_surface(rng, ("wood", "plain"))
    thin = uniform(rng, 0.015, 0.03)
    for k, (i, j) in enumerate(((-1, -1), (-1, 1), (1, -1), (1, 1))):
        at = (i * (half[0] - 0.06), y + j * (half[1] - 0.06), -height)
        room.add("leg", slab(thin, thin, height - thick - 0.002), leg, at, number=LEGS + k)


def add_boxes(room: Room, rng: np.random.Generator, back: float, floor: float, clear: float) -> None:
    """Cupboards, cartons and bins on the floor along the back wall, beside what stands within `clear` of the middle."""
    for side in (-1, 1):
        x = clear
        while x < 1.8 and rng.random() < 0.6:
            wide, deep, tall = uniform(rng, 0.15, 0.4), uniform(rng, 0.12, 0.3), uniform(rng, 0.25, 1.1)
            made = sample_surface(rng, ("wood", "plain", "planks")) if rng.random() < 0.7 else flat_colours(rng)
            at = (side * (x + wide), back - deep - uniform(rng, 0.005, 0.1), floor + 0.0005)
            room.add("furniture", slab(wide, deep, tall), made, at)
            x += 2 * wide + uniform(rng, 0.01, 0.4)
