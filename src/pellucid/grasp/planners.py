"""What a grasp planner is given and what it gives back."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from pellucid.camera import backproject, edge_mask, transform
from pellucid.grasp.hand import Grasp, Hand
from pellucid.grasp.observe import Camera

NEAR_TABLE = 0.008  # metres: what lies lower is taken for the table
HIGHEST = 0.35
EDGE = 0.03  # of the depth, from one pixel to the next but one: a point there may fly between two surfaces


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One depth image of a table top whose place is known: z = 0 in the world frame, which z points away from.

    Depth is planar z in metres, NaN where nothing is known. `rgb`, for planners that want colours, has its size, and so
    has `target`, the mask of the thing to grasp, as a detector finds it in the colours. `expected_error` is the mean
    relative error to expect of the depth, 0.02 for 2 %, NaN where that is not known.
    """

    camera: Camera
    depth: Float32[np.ndarray, "H W"]
    rgb: UInt8[np.ndarray, "H W 3"]
    target: Bool[np.ndarray, "H W"]
    half_size: float  # metres: the workspace reaches so far along x and y
    expected_error: Float32[np.ndarray, "H W"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The points of a view that lie on something in the workspace, world frame, metres."""

    points: Float32[np.ndarray, "N 3"]
    pixels: Int64[np.ndarray, " N"]  # row * columns + column


@runtime_checkable
class GraspPlanner(Protocol):
    """Grasps for a view, the best first, in the world frame; none where nothing can be grasped.

    They may be of other things than the target: of those, none is taken (see `best_on_target`).
    """

    def __call__(self, view: View, hand: Hand, /) -> list[Grasp]: ...


def cloud_of(view: View) -> Cloud:
    """The points above the table, without those at edges of the depth."""
    seen = np.isfinite(view.depth) & (view.depth > 0)
    depth = np.where(seen, view.depth, np.nan).astype(np.float32)
    points = transform(backproject(depth, view.camera.K.astype(np.float32)), view.camera.T_world_camera)
    x, y, z = np.moveaxis(np.nan_to_num(points, nan=-1.0), -1, 0)
    inside = seen & (np.maximum(abs(x), abs(y)) < view.half_size) & (z > NEAR_TABLE) & (z < HIGHEST)
    pixels = np.flatnonzero(inside & ~edge_mask(depth, EDGE))
    return Cloud(points=points.reshape(-1, 3)[pixels].astype(np.float32), pixels=pixels)


def between_fingers(cloud: Cloud, grasp: Grasp, hand: Hand) -> Int64[np.ndarray, " n"]:
    """The pixels whose points the closing jaws would meet."""
    x, y, z = ((cloud.points - grasp.position) @ grasp.rotation).T
    held = (x < 0) & (x > -hand.length) & (abs(y) < grasp.width / 2) & (abs(z) < hand.width / 2)
    return cloud.pixels[held]


def best_on_target(grasps: list[Grasp], view: View, hand: Hand) -> Grasp | None:
    """The first of the grasps for which most of what the jaws would meet is seen within the target's mask."""
    cloud, target = cloud_of(view), view.target.ravel()
    for grasp in grasps:
        pixels = between_fingers(cloud, grasp, hand)
        if len(pixels) and target[pixels].mean() > 0.5:
            return grasp
    return None
