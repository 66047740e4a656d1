"""From a spec's geometry to a closed mesh and to the convex parts that stand for it in physics.

The same parts serve the drop of a scene and, later, a gripper that takes things from it.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import ConvexHull

from pellucid.synth.assets import read_asset
from pellucid.synth.band import band_mesh
from pellucid.synth.geometry import Band, Geometry, Lathe, Strand, Strands, Superquadric, Torus
from pellucid.synth.lathe import lathe_mesh, lathe_parts
from pellucid.synth.mesh import Mesh, Points, convex_pieces, grid_mesh, union
from pellucid.synth.spec import Part

SECTION = 20  # points round a rod
RINGS = 40  # along it


@lru_cache(maxsize=256)
def build_mesh(geometry: Geometry) -> Mesh:
    """The closed surface in the body's own frame, metres, its normals outward."""
    match geometry:
        case Lathe():
            return union([lathe_mesh(geometry), *(_strand_mesh(handle) for handle in geometry.handles)])
        case Superquadric():
            return _superquadric(geometry)
        case Torus():
            return _torus(geometry)
        case Strands():
            return union([_strand_mesh(strand) for strand in geometry.strands])
        case Band():
            return band_mesh(geometry)
    return read_asset(geometry)


@lru_cache(maxsize=256)
def convex_parts(geometry: Geometry) -> tuple[Points, ...]:
    """Corner points of convex bodies that together are the shape, to about a millimetre."""
    match geometry:
        case Lathe():
            parts = lathe_parts(geometry) + [p for handle in geometry.handles for p in _strand_parts(handle)]
        case Superquadric():
            parts = [_hull(build_mesh(geometry).vertices)]
        case Torus():
            parts = _torus_parts(geometry)
        case Strands():
            parts = [part for strand in geometry.strands for part in _strand_parts(strand)]
        case Band():
            parts = []  # paper: thinner than the tolerance
        case _:
            mesh = build_mesh(geometry)
            hull = ConvexHull(mesh.vertices)
            convex = mesh.volume > 0.9 * hull.volume
            parts = [mesh.vertices[hull.vertices]] if convex else convex_pieces(mesh)
            parts = [_hull(points) for points in parts]
    return tuple(parts)


@lru_cache(maxsize=256)
def whole_mesh(geometry: Geometry, parts: tuple[Part, ...]) -> Mesh:
    """The closed surface round a body and its parts."""
    return union([build_mesh(geometry), *(build_mesh(p.geometry).moved(p.pose.matrix) for p in parts)])


@lru_cache(maxsize=256)
def whole_parts(geometry: Geometry, parts: tuple[Part, ...]) -> tuple[Points, ...]:
    """The convex bodies of a thing and of its parts; each hard part is its hull, for nothing gets inside a cap."""
    hard = [p for p in parts if not isinstance(p.geometry, Band)]
    hulls = (_hull(build_mesh(p.geometry).moved(p.pose.matrix).vertices) for p in hard)
    return (*convex_parts(geometry), *hulls)


def _hull(points: Points, most: int = 96) -> Points:
    """The corners of the hull, thinned evenly to at most so many."""
    corners = points[np.sort(ConvexHull(points).vertices)]
    return corners if len(corners) <= most else corners[np.linspace(0, len(corners) - 1, most).astype(int)]


def _power(value: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(value) * abs(value) ** exponent


def _superquadric(shape: Superquadric) -> Mesh:
    a, b, c = shape.half_axes
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 41)[1:-1, None]
    longitude = np.arange(80)[None] / 80 * 2 * np.pi
    radius = _power(np.cos(latitude), shape.exponents[0])
    x = a * radius * _power(np.cos(longitude), shape.exponents[1])
    y = b * radius * _power(np.sin(longitude), shape.exponents[1])
    z = np.broadcast_to(c * _power(np.sin(latitude), shape.exponents[0]), x.shape)
    return grid_mesh(np.stack([x, y, z], -1), np.array([0, 0, -c]), np.array([0, 0, c]))


def _ring_point(shape: Torus, around: np.ndarray, across: np.ndarray) -> np.ndarray:
    r = shape.radius + shape.tube * np.cos(across)
    return np.stack([r * np.cos(around), r * np.sin(around), shape.tube * np.sin(across) + 0 * around], -1)


def _torus(shape: Torus) -> Mesh:
    around, across = np.arange(80)[:, None] / 80 * 2 * np.pi, np.arange(36)[None] / 36 * 2 * np.pi
    # The rings follow each other against y, so the section runs the other way round.
    return grid_mesh(_ring_point(shape, around, -across), None, None)


def _torus_parts(shape: Torus) -> list[Points]:
    across = np.arange(10)[None] / 10 * 2 * np.pi
    step = 2 * np.pi / 16
    ends = [np.array([[k * step], [(k + 1) * step]]) for k in range(16)]
    return [_ring_point(shape, end, across).reshape(-1, 3) for end in ends]


def _strand_rings(strand: Strand, rings: int, section: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rings [R, S, 3] along the rod, caps included, and its two ends."""
    path, sizes = np.asarray(strand.path), np.asarray(strand.sections)
    knots = np.append(0, np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum())
    at = np.linspace(0, knots[-1], rings)
    spline = CubicSpline(knots, path)
    points, tangents = spline(at), spline(at, 1)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    sizes = np.stack([np.interp(at, knots, sizes[:, k]) for k in range(3)], 1)
    turn = np.linspace(0, np.pi / 2, 6)[1:-1]
    caps = [(i, sign, np.cos(a), np.sin(a)) for i, sign in ((0, -1.0), (-1, 1.0)) for a in turn]
    low = [c for c in caps if c[1] < 0][::-1]
    order = [(*c,) for c in low] + [(i, 0.0, 1.0, 0.0) for i in range(rings)] + [c for c in caps if c[1] > 0]
    phi = np.arange(section) / section * 2 * np.pi
    result = []
    for i, sign, shrink, ahead in order:
        t = tangents[i]
        side = np.asarray(strand.side) - np.dot(strand.side, t) * t
        side /= np.linalg.norm(side)
        across = np.cross(t, side)
        half, thick, rise = sizes[i]
        centre = points[i] + sign * ahead * half * t
        x, y = half * shrink * np.cos(phi), thick * shrink * np.sin(phi) + rise * (shrink * np.cos(phi)) ** 2
        result.append(centre + x[:, None] * side + y[:, None] * across)
    first, last = (points[i] + s * sizes[i, 0] * tangents[i] for i, s in ((0, -1), (-1, 1)))
    return np.stack(result), first, last


def _strand_mesh(strand: Strand) -> Mesh:
    rings, first, last = _strand_rings(strand, RINGS, SECTION)
    return grid_mesh(rings, first, last)


def _strand_parts(strand: Strand) -> list[Points]:
    rings = _strand_rings(strand, 9, 8)[0]
    joints = [0, *range(5, len(rings) - 5, 1), len(rings) - 1]
    return [rings[a : b + 1].reshape(-1, 3) for a, b in pairwise(joints)]
