"""Closed triangle meshes in numpy, and what needs solid geometry: union, overlap, cutting into convex parts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32

from pellucid.clip import InputError

Points = Float64[np.ndarray, "_ 3"]
Point = Float64[np.ndarray, " 3"]

SPLINTER = 0.02  # of a body's volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Vertices in metres and triangles, counter-clockwise seen from outside."""

    vertices: Float64[np.ndarray, "V 3"]
    triangles: Int32[np.ndarray, "F 3"]

    @property
    def volume(self) -> float:
        """Cubic metres, negative when the surface is inside out."""
        a, b, c = (self.vertices[self.triangles[:, k]] for k in range(3))
        return float(np.einsum("ni,ni->", a, np.cross(b, c)) / 6)

    @property
    def closed(self) -> bool:
        """Whether every edge is shared by exactly two triangles that run along it in opposite directions."""
        edges = np.concatenate([self.triangles[:, [i, (i + 1) % 3]] for i in range(3)]).astype(np.int64)
        n = len(self.vertices)
        forward, backward = edges[:, 0] * n + edges[:, 1], edges[:, 1] * n + edges[:, 0]
        return len(np.unique(forward)) == len(forward) and bool(np.isin(forward, backward).all())

    def moved(self, T_to_from: Float64[np.ndarray, "4 4"]) -> "Mesh":
        """The mesh in another frame."""
        return Mesh(vertices=self.vertices @ T_to_from[:3, :3].T + T_to_from[:3, 3], triangles=self.triangles)


def grid_mesh(rings: Float64[np.ndarray, "R S 3"], low: Point | None, high: Point | None) -> Mesh:
    """The closed mesh through rings of points; poles close both ends, or with none the last ring meets the first.

    Rings run counter-clockwise about the direction in which they follow each other.
    """
    R, S, _ = rings.shape
    triangles = [ring_triangles(R, S, closed=low is None)]
    vertices = rings.reshape(-1, 3)
    if low is not None and high is not None:
        k = np.arange(S)
        after = (k + 1) % S
        foot, top = np.full(S, R * S), np.full(S, R * S + 1)
        triangles += [np.stack([foot, after, k], 1), np.stack([top, (R - 1) * S + k, (R - 1) * S + after], 1)]
        vertices = np.concatenate([vertices, low.reshape(1, 3), high.reshape(1, 3)])
    return Mesh(vertices=vertices.astype(np.float64), triangles=np.concatenate(triangles).astype(np.int32))


def ring_triangles(R: int, S: int, closed: bool) -> Int32[np.ndarray, "F 3"]:
    """Triangles between each of R rings of S points and the next; `closed`: the last ring is followed by the first."""
    i, j = (axis.ravel() for axis in np.meshgrid(np.arange(R if closed else R - 1), np.arange(S), indexing="ij"))
    a, b = i * S + j, i * S + (j + 1) % S
    c, d = (i + 1) % R * S + (j + 1) % S, (i + 1) % R * S + j
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def union(meshes: list[Mesh]) -> Mesh:
    """One closed surface round all of them, without inner walls."""
    if len(meshes) == 1:
        return meshes[0]
    whole = _solid(meshes[0])
    for mesh in meshes[1:]:
        whole = whole + _solid(mesh)
    return _mesh(whole)


def overlap_thickness(a: Mesh, b: Mesh) -> float:
    """How far two bodies stand in each other, metres: the least extent of the thickest piece they share."""
    deepest = 0.0
    for piece in (_solid(a) ^ _solid(b)).decompose():
        points = _mesh(piece).vertices
        axes = np.linalg.svd(points - points.mean(0), full_matrices=False)[2]
        deepest = max(deepest, float(np.ptp(points @ axes.T, axis=0).min()))
    return deepest


def pierces(a: Mesh, b: Mesh) -> bool:
    """Whether one body goes right through the other: without what they share, one of them falls into more parts.

    A thin rod through a wall shares less with it than bodies that rest on each other may, see `overlap_thickness`.
    """
    one, other = _solid(a), _solid(b)
    return _parts(one - other) > _parts(one) or _parts(other - one) > _parts(other)


def _parts(solid: Any) -> int:
    """How many pieces it has, but for splinters where surfaces touch."""
    return sum(piece.volume() > SPLINTER * solid.volume() for piece in solid.decompose())


def convex_pieces(mesh: Mesh, cells: int = 4) -> list[Points]:
    """Point sets whose hulls cover the mesh: its pieces in a grid with `cells` along the longest side."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    counts = np.maximum(1, np.rint((high - low) / (high - low).max() * cells)).astype(int)
    size, solid = (high - low) / counts, _solid(mesh)
    cube = _manifold().Manifold.cube
    pieces = []
    for corner in np.ndindex(*counts):
        cell = cube(tuple(size * 1.001)).translate(tuple(low + np.array(corner) * size - 0.0005 * size))
        pieces += [_mesh(piece).vertices for piece in (solid ^ cell).decompose()]
    return [points for points in pieces if len(points) > 3 and np.ptp(points, axis=0).min() > 1e-5]


def _manifold() -> Any:
    try:
        import manifold3d
    except ImportError as error:
        raise InputError(f"{error.name} is missing; `pip install 'pellucid[synth]'` brings it") from error
    return manifold3d


def _solid(mesh: Mesh) -> Any:
    library = _manifold()
    solid = library.Manifold(library.Mesh64(mesh.vertices, mesh.triangles.astype(np.uint64)))
    if solid.status() != library.Error.NoError:
        raise ValueError(f"not the surface of a solid: {solid.status()}")
    return solid


def _mesh(solid: Any) -> Mesh:
    found = solid.to_mesh64()
    vertices = np.asarray(found.vert_properties)[:, :3].astype(np.float64)
    return Mesh(vertices=vertices, triangles=np.asarray(found.tri_verts).astype(np.int32))
