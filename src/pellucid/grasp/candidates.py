"""Our planner: hands are tried all over a cloud, and those that would close on something are scored.

A search over hand poses in the manner of GPD (ten Pas et al., arXiv:1706.09911), scored by geometry instead of a
network. At points spread over the target the hand comes from above, against the surface and from the camera's side, at
turns about its approach and at several depths. What lies between the fingers decides how far they open; the fingers
and the palm must meet nothing, nor the palm on its way. Deterministic: no random numbers, and ties keep their order.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pellucid.grasp.hand import Grasp, Hand
from pellucid.grasp.planners import View, cloud_of
from pellucid.grasp.ranking import Closings, scores

VOXEL = 0.0035  # metres
REACH = 0.125  # metres around a point that a hand there could meet
LONELY = 0.012  # metres: a point whose sixth neighbour is further flies, and things that far apart are two
FEWEST = 25  # points of a thing worth grasping
SEEDS, TURNS = 64, 12
DEPTHS = (0.012, 0.024, 0.036)  # metres from the point to the finger tips
FINGERTIP = 0.003  # metres before the tips that must be free too
MARGIN, PALM_MARGIN = 0.002, 0.01  # metres beside the hand that must be free; at the ends of the palm
STRAY = 1  # point that may be met all the same
STEEPEST = 0.35  # the least downward share of an approach
BIN, BINS, BREAK = 0.002, 100, 6  # metres; the search along the closing; empty bins that end a thing
SPARE = 0.015  # metres that the jaws open wider than what they close on, at each side
TIGHT = 0.006  # the least of it
NARROWEST, SUPPORT = 0.004, 8  # metres and points between the fingers
OVER_TABLE = 0.003  # metres that finger tips stay above it
BEHIND_PALM = 0.18  # metres: as far as the palm and its way here reach
BEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surface:
    """The thinned cloud: points with their normals, which thing each belongs to, and the things' middles."""

    points: Float64[np.ndarray, "N 3"]
    normals: Float64[np.ndarray, "N 3"]
    thing: Int64[np.ndarray, " N"]
    wanted: Bool[np.ndarray, " N"]  # seen within the target's mask
    errors: Float64[np.ndarray, " N"] | None  # relative, to be expected of the depth
    middles: Float64[np.ndarray, "M 3"]
    tree: cKDTree


class HandSearch:
    """A `GraspPlanner` that needs nothing but numpy and scipy."""

    def __call__(self, view: View, hand: Hand, /) -> list[Grasp]:
        """At most twenty grasps, the best first."""
        surface = _surface(view)
        if surface is None:
            return []
        large = np.flatnonzero(surface.wanted & (np.bincount(surface.thing)[surface.thing] >= FEWEST))
        if not len(large):
            return []
        from_camera = surface.points.mean(0) - view.camera.T_world_camera[:3, 3]
        found: list[Grasp] = []
        for seed in large[np.unique(np.linspace(0, len(large) - 1, SEEDS).astype(int))]:
            for approach in _approaches(surface.normals[seed], from_camera):
                found += _tried(surface, int(seed), approach, view, hand)
        ranked = sorted(found, key=lambda grasp: -grasp.score)  # which keeps the order of ties
        return list(islice((grasp for grasp in ranked if _way_is_free(grasp, surface, hand)), BEST))


def _surface(view: View) -> _Surface | None:
    """None when too little is there."""
    cloud = cloud_of(view)
    points = cloud.points.astype(np.float64)
    if len(points) < 2 * FEWEST:
        return None
    _, first = np.unique(np.floor(points / VOXEL).astype(np.int64), axis=0, return_index=True)
    thinned = np.sort(first)
    points = points[thinned]
    near = min(16, len(points))
    distances, neighbours = cKDTree(points).query(points, k=near)
    around = points[neighbours] - points[neighbours].mean(1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))[1][:, :, 0]
    away = ((points - view.camera.T_world_camera[:3, 3]) * normals).sum(1) > 0
    normals[away] *= -1
    kept = distances[:, min(6, near - 1)] < LONELY
    points, normals, pixels = points[kept], normals[kept], cloud.pixels[thinned[kept]]
    if len(points) < FEWEST:
        return None
    tree = cKDTree(points)
    a, b = tree.query_pairs(LONELY, output_type="ndarray").T
    thing = connected_components(coo_matrix((np.ones(len(a)), (a, b)), (len(points),) * 2), False)[1].astype(np.int64)
    counts = np.bincount(thing)
    middles = np.stack([np.bincount(thing, points[:, k]) / counts for k in range(3)], 1)
    errors = None if view.expected_error is None else view.expected_error.ravel()[pixels].astype(np.float64)
    return _Surface(
        points=points, normals=normals, thing=thing, wanted=view.target.ravel()[pixels], errors=errors,
        middles=middles, tree=tree,
    )  # fmt: skip


def _approaches(normal: Float64[np.ndarray, " 3"], from_camera: Float64[np.ndarray, " 3"]) -> list[np.ndarray]:
    """From above, against the surface, and half from the camera; all go down."""
    against = np.append(-normal[:2], min(-normal[2], -STEEPEST))
    sideways = 0.6 * from_camera / np.linalg.norm(from_camera) + np.array([0, 0, -0.4])
    return [np.array([0.0, 0, -1]), *(a / np.linalg.norm(a) for a in (against, sideways))]


def _tried(surface: _Surface, seed: int, approach: np.ndarray, view: View, hand: Hand) -> list[Grasp]:
    """What is found at one point along one approach, at all depths and turns: each such hand is a row."""
    p, thing = surface.points[seed], surface.middles[surface.thing[seed]]
    near = np.asarray(surface.tree.query_ball_point(p, REACH))
    near = near[(surface.points[near] - p) @ approach < DEPTHS[-1] + FINGERTIP]  # the others lie past the fingers
    local = surface.points[near] - p
    first = np.cross(approach, [1.0, 0, 0] if abs(approach[0]) < 0.9 else [0, 1.0, 0])
    first /= np.linalg.norm(first)
    angles = (np.arange(TURNS) / TURNS * np.pi)[:, None]
    closings = np.cos(angles) * first + np.sin(angles) * np.cross(approach, first)
    laterals = np.cross(approach, closings)
    x, y, z = local @ approach, closings @ local.T, laterals @ local.T
    depths = np.repeat(DEPTHS, TURNS)
    closings, laterals = np.tile(closings, (len(DEPTHS), 1)), np.tile(laterals, (len(DEPTHS), 1))
    # What the fingers could meet, row by row: the point itself at least.
    turn, point = np.nonzero(abs(z) < hand.width / 2 + MARGIN)
    turn, point = np.tile(turn, len(DEPTHS)), np.tile(point, len(DEPTHS))
    row = np.repeat(np.arange(len(DEPTHS)) * TURNS, len(turn) // len(DEPTHS)) + turn
    begin = np.searchsorted(row, np.arange(len(depths)))
    up, across, along = depths[row] - x[point], y[turn, point], z[turn, point]  # from the tips; from the point
    column = np.clip(np.floor(across / BIN).astype(int) + BINS // 2, 0, BINS - 1)
    held = (abs(along) < hand.width / 2) & (up > 0) & (up < hand.length)
    low, high = _extent(row[held], column[held], len(depths))
    held &= (column >= low[row]) & (column <= high[row])
    left = np.minimum.reduceat(np.where(held, across, np.inf), begin)
    right = np.maximum.reduceat(np.where(held, across, -np.inf), begin)
    size = np.where(np.bincount(row[held], minlength=len(depths)) >= SUPPORT, right - left, np.inf)
    fits = (size > NARROWEST) & (size < hand.opening - 2 * TIGHT)
    middle = np.where(fits, (left + right) / 2, 0)
    width = np.minimum(size + 2 * SPARE, hand.opening)
    offset = across - middle[row]
    away = abs(offset) - width[row] / 2  # from the fingers' inner sides, outwards
    met = (up > -FINGERTIP) & (up < hand.length) & (away > -0.001) & (away < hand.thickness + MARGIN)
    fits &= np.bincount(row[met], minlength=len(depths)) <= STRAY
    above = local[x < DEPTHS[-1] - hand.length]
    palm = above @ approach < depths[:, None] - hand.length
    palm &= abs(laterals @ above.T) < hand.palm[2] / 2 + MARGIN
    palm &= abs(closings @ above.T - middle[:, None]) < hand.palm[1] / 2 + PALM_MARGIN
    fits &= palm.sum(1) <= STRAY
    tips = p + middle[:, None] * closings + depths[:, None] * approach
    reach_down = abs(closings[:, 2]) * (width / 2 + hand.thickness) + abs(laterals[:, 2]) * hand.width / 2
    k = np.flatnonzero(fits & (tips[:, 2] - np.where(fits, reach_down, 0) > OVER_TABLE))
    if not len(k):
        return []
    place = np.full(len(depths), -1)
    place[k] = np.arange(len(k))
    held &= place[row] >= 0
    of = near[point[held]]
    hands = Closings(
        tips=tips[k], rotations=np.stack([np.broadcast_to(approach, (len(k), 3)), closings[k], laterals[k]], 2),
        sizes=size[k], widths=width[k], filled=np.maximum.reduceat(np.where(held, up, -np.inf), begin)[k],
        hand=place[row[held]], offset=offset[held], along=along[held], normals=surface.normals[of],
        errors=None if surface.errors is None else surface.errors[of],
    )  # fmt: skip
    ranks = scores(hands, thing, view, hand)
    return [
        Grasp(position=hands.tips[i], rotation=hands.rotations[i], width=float(hands.widths[i]), score=float(ranks[i]))
        for i in range(len(k))
    ]


def _extent(
    row: Int64[np.ndarray, " n"], column: Int64[np.ndarray, " n"], rows: int
) -> tuple[Int64[np.ndarray, " R"], Int64[np.ndarray, " R"]]:
    """The first and last occupied bin of the thing at the middle bin, for each row; gaps end it."""
    occupied = np.bincount(row * BINS + column, minlength=rows * BINS).reshape(-1, BINS) > 0
    c = BINS // 2
    # How many bins ago, walking outwards from the middle, there was something; the walk ends where that is too long.
    ends = []
    for side in (occupied[:, c::-1], occupied[:, c:]):
        steps = np.arange(side.shape[1])
        last = np.maximum.accumulate(np.where(side, steps, 0), axis=1)
        lost = steps - last >= BREAK
        stop = np.where(lost.any(1), lost.argmax(1), side.shape[1])
        ends.append(np.where(steps < stop[:, None], last, 0).max(1))
    return c - ends[0], c + ends[1]


def _way_is_free(grasp: Grasp, surface: _Surface, hand: Hand) -> bool:
    """Whether the palm, and the whole hand on its way there along the approach, would run into no more than a stray
    point of what stands around."""
    x, y, z = ((surface.points - grasp.position) @ grasp.rotation).T
    met = (x < -hand.length) & (x > -hand.length - BEHIND_PALM) & (abs(y) < hand.palm[1] / 2 + PALM_MARGIN)
    return int((met & (abs(z) < hand.palm[2] / 2 + MARGIN)).sum()) <= STRAY
