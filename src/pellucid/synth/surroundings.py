"""What objects stand on and among: table, container, floor, walls, mirror, and things in the background."""

import numpy as np

from pellucid.synth.families import FAMILIES, sample_shape
from pellucid.synth.geometry import Geometry, Lathe
from pellucid.synth.materials import WHITE, mirror_material, natural, sample_material, sample_surface
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.spec import FixedObject, Material, Part, Pose, Split

TABLE, FLOOR, CONTAINER, MIRROR, FRAME = 200, 201, 202, 203, 204
LEGS, WALLS, PROPS = 210, 220, 100  # the first of several
ENVIRONMENTS = {
    "table": 0.44,
    "tray": 0.14,
    "bin": 0.1,
    "box": 0.1,
    "glass table": 0.08,
    "mirror table": 0.05,
    "mirror": 0.09,
}
WALL_PATTERNS = ("plain", "plain", "concrete", "tiles", "bricks", "wood", "cloth")
FLOOR_PATTERNS = ("planks", "tiles", "concrete", "checker", "speckle", "cloth")
PROP_FAMILIES = ("bottle", "jar", "mug", "vase", "box")


def sample_surroundings(rng: np.random.Generator, split: Split) -> tuple[str, tuple[FixedObject, ...], float]:
    """The environment's name, what stays in place, and how far from the centre objects are let go (metres)."""
    name = str(rng.choice(list(ENVIRONMENTS), p=list(ENVIRONMENTS.values())))
    fixed = _table(rng, split, name)
    spread = float(rng.uniform(0.07, 0.15))
    clear = 0.3  # metres from the centre within which no prop stands
    if name in ("tray", "bin", "box"):
        container, spread, clear = _container(rng, split, name)
        fixed.append(container)
    if name == "mirror":
        fixed += _mirror(rng)
    fixed += _room(rng)
    fixed += _props(rng, split, clear)
    return name, tuple(fixed), spread


def slab(half_x: float, half_y: float, height: float, edge: float = 0.002) -> Lathe:
    """A block standing on z = 0 with slightly round edges."""
    wide, aspect = half_x, half_y / half_x
    cut = min(edge, height / 4, half_x / 4)
    profile = ((wide - cut, 0.0), (wide, cut), (wide, height - cut), (wide - cut, height))
    return Lathe(profile=profile, wall=0.001, floor=0.0, fillet=cut, solid=True, squareness=40.0, aspect=aspect)


def turned(position: tuple[float, float, float], yaw: float) -> Pose:
    """A pose turned by `yaw` radians about the vertical."""
    return Pose(position=position, quaternion=(float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))))


def _table(rng: np.random.Generator, split: Split, name: str) -> list[FixedObject]:
    """Top, legs and the floor below. The top is square, oblong, round, oval or in between."""
    half = float(rng.uniform(0.5, 1.1))
    squareness = float(rng.choice([2.0, 4.0, 40.0, 40.0, 40.0]))
    aspect = float(rng.uniform(0.55, 1.0))
    thick = float(rng.uniform(0.008, 0.015) if name == "glass table" else rng.uniform(0.018, 0.045))
    edge = thick * float(rng.uniform(0.1, 0.4))
    profile = ((half - edge, 0.0), (half, edge), (half, thick - edge), (half - edge, thick))
    top = Lathe(profile=profile, wall=0.001, floor=0.0, fillet=edge, solid=True, squareness=squareness, aspect=aspect)
    yaw, height = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.4, 0.8))
    # The centre of the scene is not the centre of the table, but far from its edge.
    off = (half * aspect - 0.32) * 0.6 * np.sqrt(rng.random())
    way = rng.uniform(0, 2 * np.pi)
    x, y = float(max(off, 0) * np.cos(way)), float(max(off, 0) * np.sin(way))
    fixed = [
        FixedObject(
            id=TABLE,
            role="table",
            geometry=top,
            material=_top_material(rng, split, name),
            pose=turned((x, y, -thick), yaw),
        ),
        FixedObject(
            id=FLOOR,
            role="floor",
            geometry=slab(7.0, 7.0, 0.1),
            material=sample_surface(rng, FLOOR_PATTERNS),
            pose=turned((0.0, 0.0, -height - 0.1), float(rng.uniform(0, 2 * np.pi))),
            collides=False,
        ),
    ]
    leg = sample_material(rng, split, "metal") if rng.random() < 0.5 else sample_surface(rng, ("wood", "plain"))
    thin = float(rng.uniform(0.015, 0.035))
    corner = 0.62 if squareness < 8 else 0.86
    for k, (i, j) in enumerate(((-1, -1), (-1, 1), (1, -1), (1, 1))):
        a, b = i * corner * half, j * corner * half * aspect
        at = (x + a * np.cos(yaw) - b * np.sin(yaw), y + a * np.sin(yaw) + b * np.cos(yaw))
        fixed.append(
            FixedObject(
                id=LEGS + k,
                role="leg",
                geometry=slab(thin, thin, height - thick - 0.002),
                material=leg,
                pose=turned((float(at[0]), float(at[1]), -height + 0.001), yaw),
                collides=False,
            )
        )
    return fixed


def _top_material(rng: np.random.Generator, split: Split, name: str) -> Material:
    if name == "glass table":
        clear = rng.random() < 0.7
        return Material(
            kind="glass",
            finish="clear" if clear else "frosted",
            color=(0.72, 0.93, 0.85),
            color2=WHITE,
            roughness=0.0 if clear else float(rng.uniform(0.1, 0.3)),
            ior=1.52 if split == "train" else 1.58,
            density=float(rng.uniform(2, 12)),
        )
    if name == "mirror table":
        return mirror_material()
    draw = rng.random()
    return sample_surface(rng) if draw < 0.9 else sample_material(rng, split, "metal" if draw < 0.96 else "plastic")


def _container(rng: np.random.Generator, split: Split, name: str) -> tuple[FixedObject, float, float]:
    """A tray, bin or box with the spread of what falls into it, and the room it takes."""
    half = float({"tray": rng.uniform(0.15, 0.23), "bin": rng.uniform(0.13, 0.2), "box": rng.uniform(0.13, 0.19)}[name])
    height = float(
        {"tray": rng.uniform(0.02, 0.05), "bin": rng.uniform(0.07, 0.12), "box": rng.uniform(0.05, 0.1)}[name]
    )
    flare = float(rng.uniform(0.86, 0.97)) if name != "box" else 1.0
    wall = float(rng.uniform(0.004, 0.008))
    squareness = {"tray": float(rng.choice([2.0, 6.0, 14.0, 24.0])), "bin": float(rng.choice([2.0, 8.0, 14.0]))}.get(
        name, 40.0
    )
    aspect = float(rng.uniform(0.65, 1.0))
    kinds = {
        "tray": ["metal", "plastic", "ceramic", "glass", "wood"],
        "bin": ["plastic", "plastic", "clear plastic", "metal"],
        "box": ["card", "card", "wood", "plastic"],
    }[name]
    kind = str(rng.choice(kinds))
    if kind == "card":
        shade = float(rng.uniform(0.8, 1.15))
        color = (0.42 * shade, 0.28 * shade, 0.16 * shade)
        material = Material(kind="diffuse", finish="card", color=color, color2=color, roughness=0.9)
    elif kind == "wood":
        material = sample_surface(rng, ("wood",))
    else:
        material = sample_material(rng, split, kind)
    geometry = Lathe(
        profile=((half * flare, 0.0), (half, height)),
        wall=wall,
        floor=wall,
        fillet=0.004,
        squareness=squareness,
        aspect=aspect,
    )
    yaw = float(rng.uniform(0, 2 * np.pi))
    placed = FixedObject(
        id=CONTAINER, role=name, geometry=geometry, material=material, pose=turned((0.0, 0.0, 0.0003), yaw)
    )
    return placed, half * aspect * 0.45, half * 1.45 + 0.08


def _mirror(rng: np.random.Generator) -> list[FixedObject]:
    """A framed mirror that stands upright beside the objects."""
    half, height, yaw = float(rng.uniform(0.12, 0.25)), float(rng.uniform(0.18, 0.35)), float(rng.uniform(0, 2 * np.pi))
    away = float(rng.uniform(0.27, 0.36))

    def at(distance: float, z: float) -> Pose:
        return turned((float(distance * np.cos(yaw)), float(distance * np.sin(yaw)), z), yaw + np.pi / 2)

    return [
        FixedObject(
            id=MIRROR,
            role="mirror",
            geometry=slab(half, 0.003, height),
            material=mirror_material(),
            pose=at(away, 0.012),
        ),
        FixedObject(
            id=FRAME,
            role="frame",
            geometry=slab(half + 0.012, 0.009, height + 0.024),
            material=sample_surface(rng, ("wood", "plain")),
            pose=at(away + 0.0115, 0.0002),
        ),
    ]


def _room(rng: np.random.Generator) -> list[FixedObject]:
    """None to four walls, far enough for the camera to go round inside."""
    count = int(rng.choice([0, 1, 2, 3, 4], p=[0.3, 0.2, 0.25, 0.15, 0.1]))
    yaw, material = float(rng.uniform(0, 2 * np.pi)), sample_surface(rng, WALL_PATTERNS)
    walls = []
    for k in range(count):
        away, direction = float(rng.uniform(1.5, 3.2)), yaw + k * np.pi / 2
        position = (float(away * np.cos(direction)), float(away * np.sin(direction)), -1.0)
        walls.append(
            FixedObject(
                id=WALLS + k,
                role="wall",
                geometry=slab(3.5, 0.05, float(rng.uniform(2.2, 3.0))),
                material=material,
                pose=turned(position, direction + np.pi / 2),
                collides=False,
            )
        )
    return walls


def _props(rng: np.random.Generator, split: Split, clear: float) -> list[FixedObject]:
    """Things that stand about in the background: books, cartons, bottles, jars; they never move."""
    props: list[FixedObject] = []
    taken: list[tuple[float, float, float]] = []
    for _ in range(int(rng.integers(0, 8))):
        geometry, material, radius, parts = _prop(rng, split)
        way, away = rng.uniform(0, 2 * np.pi), rng.uniform(clear + radius, clear + radius + 0.3)
        x, y = float(away * np.cos(way)), float(away * np.sin(way))
        if any(np.hypot(x - a, y - b) < radius + r + 0.01 for a, b, r in taken):
            continue
        taken.append((x, y, radius))
        pose = turned((x, y, 0.0002), float(rng.uniform(0, 2 * np.pi)))
        number = PROPS + len(props)
        props.append(FixedObject(id=number, role="prop", geometry=geometry, material=material, pose=pose, parts=parts))
    return props


def _prop(rng: np.random.Generator, split: Split) -> tuple[Geometry, Material, float, tuple[Part, ...]]:
    """One background thing, the radius of the circle it stands in, and its cap and label."""
    draw = rng.random()
    if draw < 0.5:
        book = draw < 0.25
        a, b = (
            (rng.uniform(0.07, 0.12), rng.uniform(0.05, 0.085))
            if book
            else (rng.uniform(0.03, 0.07), rng.uniform(0.02, 0.06))
        )
        height = rng.uniform(0.012, 0.05) if book else rng.uniform(0.06, 0.2)
        color, color2 = natural(rng)
        material = Material(
            kind="diffuse",
            finish="card",
            color=color,
            color2=color2,
            pattern=str(rng.choice(["plain", "bands"])),
            pattern_scale=float(rng.uniform(1, 3)),
            roughness=float(rng.uniform(0.3, 0.8)),
        )
        return slab(float(a), float(b), float(height)), material, float(np.hypot(a, b)), ()
    if split == "train":
        family = PROP_FAMILIES[rng.integers(len(PROP_FAMILIES))]
        geometry: Geometry = FAMILIES["train"][family](rng)
    else:
        family, geometry = sample_shape(rng, "test")
        while not isinstance(geometry, Lathe):
            family, geometry = sample_shape(rng, "test")
    # A stream of its own: the surroundings' other choices do not depend on it.
    geometry, parts = sample_packaging(rng.spawn(1)[0], split, family, geometry)
    kind = str(rng.choice(["glass", "plastic", "metal", "ceramic", "diffuse"]))
    assert isinstance(geometry, Lathe)
    reach = max(r for r, _ in geometry.profile) * (1.45 if geometry.squareness > 2 else 1.05) + (
        0.05 if geometry.handles else 0
    )
    return geometry, sample_material(rng, split, kind), float(reach), parts
