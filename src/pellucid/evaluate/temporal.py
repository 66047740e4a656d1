"""How steady a depth clip is over time: along the camera's true motion, and along optical flow.

Both are measures of the prediction alone; the truth's own value, which motion and pixels keep above zero, is the floor.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from pellucid.camera import backproject, transform
from pellucid.clip import InputError
from pellucid.evaluate.flow import Flow, warped


def temporal_alignment_error(
    depth: Float[np.ndarray, "T H W"],
    K: Float[np.ndarray, "3 3"],
    T_world_camera: Float[np.ndarray, "T 4 4"],
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> float:
    """TAE of Video Depth Anything (arXiv:2501.12375, its eval_tae.py), a share (the paper gives per cent).

    The depth of each frame is moved by the true poses into the next one and the one before, rounded to pixels, and
    compared with the depth there: |moved - there| / there, the mean over pixels, then over the 2 (T - 1) moves. Where
    several points meet on a pixel the last in reading order counts, not the nearest; a move that meets nothing counts
    0; both as in the released code. `mask` says where the depth moved to is looked at. Of a rigid scene only.
    Unknown depth (NaN) is left out, and so are pairs of frames with an unknown pose (not finite). Raises InputError
    when shapes differ or no pair is left.
    """
    for name, given, shape in (("poses", T_world_camera, (len(depth), 4, 4)), ("mask", mask, depth.shape)):
        if given is not None and given.shape != shape:
            raise InputError(f"{name} {given.shape} must have the shape {shape} for a depth {depth.shape}")
    placed = np.isfinite(T_world_camera).all(axis=(1, 2))
    pairs = [(t, u) for t, u in pairwise(range(len(depth))) if placed[t] and placed[u]]
    if not pairs:
        raise InputError("no two neighbouring frames with known poses: a temporal error needs some")
    errors = []
    for t, u in pairs:
        for source, target in ((t, u), (u, t)):
            T_target_source = np.linalg.inv(T_world_camera[target]) @ T_world_camera[source]
            moved = _splat(transform(backproject(depth[source].astype(np.float64), K), T_target_source), K)
            there = depth[target].astype(np.float64)
            compared = (moved > 0) & (there > 0) & np.isfinite(there)
            if mask is not None:
                compared &= mask[target]
            error = np.abs(moved - there)[compared] / there[compared]
            errors.append(error.mean() if error.size else 0.0)
    return float(np.mean(errors))


def _splat(points: Float[np.ndarray, "H W 3"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W"]:
    """Depth of the points in the picture of the camera they are given in, 0 where none falls."""
    H, W = points.shape[:2]
    image = np.zeros((H, W))
    points = points[np.isfinite(points).all(axis=-1)]
    points = points[points[:, 2] > 0]
    pixels = points @ K.T
    u, v = np.rint(pixels[:, 0] / pixels[:, 2]), np.rint(pixels[:, 1] / pixels[:, 2])
    inside = (u >= 0) & (u < W) & (v >= 0) & (v < H)
    image[v[inside].astype(int), u[inside].astype(int)] = points[inside, 2]
    return image


def flow_warping_error(
    depth: Float[np.ndarray, "T H W"],
    flows: Sequence[Flow],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> float:
    """OPW of NVDS (arXiv:2307.08695) in metres (papers give 100 times that): weight * |depth - warped depth before|.

    `flows` are those from each frame but the first to the one before it. The mean over the valid pixels of each of
    these frames, distrusted ones counting 0, then over pairs.
    # Papers: flow by FlowNet2 or GMFlow; here: OpenCV's DIS, so compare only values of this package.
    It does not know that depth changes where the camera comes nearer. Raises InputError when shapes differ or no frame
    after the first has a valid pixel.
    """
    if len(depth) != len(flows) + 1 or any(flow.weight.shape != depth.shape[1:] for flow in flows):
        raise InputError(f"depth {depth.shape} does not fit the flows of {len(flows)} pairs of frames")
    scored = np.isfinite(depth)
    for name, given in (("valid", valid), ("mask", mask)):
        if given is not None:
            if given.shape != depth.shape:
                raise InputError(f"{name} {given.shape} must have the shape of the depth, {depth.shape}")
            scored &= given
    errors = []
    for t, flow in enumerate(flows):
        here = scored[t + 1]
        if here.any():
            change = np.abs(depth[t + 1] - warped(depth[t], flow.backward))
            errors.append(np.where(np.isfinite(change) & (flow.weight > 0), flow.weight * change, 0)[here].mean())
    if not errors:
        raise InputError("no frame after the first has a valid pixel: a change over time needs one")
    return float(np.mean(errors))
