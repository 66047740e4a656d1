"""Shapes of bodies as pure data. Metres, radians; z points up in a body's own frame."""

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """A rod with round ends along a path, elliptical in section: handles, cutlery, sticks."""

    path: tuple[Vector, ...]
    sections: tuple[Vector, ...]  # at each point: half width along `side`, half thickness across, rise of the edges
    side: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Lathe:
    """A profile turned about z, hollow with a wall or solid; the cross-section may be lobed, twisted or squarish."""

    profile: tuple[tuple[float, float], ...]  # radius and height of the outside, from the foot up
    wall: float
    floor: float  # height of the inner bottom
    fillet: float = 1.0  # the longest cut at a corner of the profile
    solid: bool = False
    lobes: int = 0
    lobe_depth: float = 0.0  # of the radius
    twist: float = 0.0  # radians from foot to rim
    squareness: float = 2.0  # exponent of the superellipse: 2 is round, 40 square
    aspect: float = 1.0  # depth along y over width along x
    round_above: tuple[float, float] | None = None  # shares of the height between which a squarish one turns round
    handles: tuple[Strand, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Superquadric:
    """A solid between ball and block."""

    half_axes: Vector
    exponents: tuple[float, float]  # north-south, east-west; 1 is a ball, 0.2 nearly a block


@dataclass(frozen=True, slots=True, kw_only=True)
class Torus:
    """A ring: the radius of its centre line and of its tube."""

    radius: float
    tube: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strands:
    """Several rods grown together: forks, tongs, whisks."""

    strands: tuple[Strand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticMesh:
    """A user's file, scaled; centred over its foot when it is read."""

    path: str
    sha256: str
    size: float  # the longest side


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A thin sheet round a turned body, from one height to another, its middle towards +x: a label."""

    body: Lathe
    low: float
    high: float
    arc: float  # radians; 2 pi goes all the way round
    thickness: float


Geometry = Lathe | Superquadric | Torus | Strands | StaticMesh | Band
