"""Point clouds: in metres of metric depth; of affine-invariant disparity, right only up to scale and shift."""

import numpy as np
from jaxtyping import Float, UInt8

from pellucid.camera import backproject, edge_mask

RELATIVE = "relative: scale and shift unknown, not metres"
METRES = "metres"

# Disparity has no unit: its usual range is laid between these two depths.
NEAREST, FARTHEST = 1.0, 5.0


def relative_depth(disparity: Float[np.ndarray, "H W"], low: float, high: float) -> Float[np.ndarray, "H W"]:
    """Depth 1 / disparity, after a scale and a shift that bring `high` to depth 1 and `low` to 5.

    One range for a whole clip keeps its clouds consistent. What is farther than 5 is put at 5.
    """
    share = (disparity - low) / (high - low) if high > low else np.full_like(disparity, 0.5)
    inverse = 1 / FARTHEST + np.maximum(share, 0) * (1 / NEAREST - 1 / FARTHEST)
    return (1 / inverse).astype(np.float32)


def points(
    depth: Float[np.ndarray, "H W"], rgb: UInt8[np.ndarray, "H W 3"], K: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, "N 3"], UInt8[np.ndarray, "N 3"]]:
    """The frame's points (camera frame, x right, y down, z forward) and their colours, without those at depth edges."""
    kept = np.isfinite(depth) & ~edge_mask(depth)
    return backproject(depth, K)[kept], rgb[kept]
