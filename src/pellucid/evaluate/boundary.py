"""How well depth edges lie on picture edges: DVD's variant of boundary precision, recall and F1 (arXiv:2603.12250).

Not the boundary F1 of Depth Pro, which compares depth with depth: here the reference edges are those of the picture,
so that a printed pattern counts as a missed edge, even for perfect depth. Compare it only with itself.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from pellucid.clip import InputError

MIN_DEPTH_RATIO = 1.05  # to a neighbour further away
MIN_GRADIENT = 0.15  # of the frame's range of gradients
_LUMA = np.array([0.299, 0.587, 0.114])
_EPS = 1e-6  # the released code's, in every place it has one; rgb is in [0, 1]


def dvd_boundary(
    prediction: Float[np.ndarray, "T H W"],
    rgb: UInt8[np.ndarray, "T H W 3"] | Float[np.ndarray, "T H W 3"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
) -> dict[str, float]:
    """Boundary precision, recall and F1 of a depth clip against its pictures, edges pooled over all frames.

    A pixel is a depth edge when one of its four neighbours is more than 1.05 times further away and no pixel beside it
    in that direction has a larger ratio; it is a picture edge when its Sobel gradient exceeds 0.15 of the frame's
    range. Edges match within one pixel, diagonals included. uint8 pictures are divided by 255. A clip without edges
    scores 0. Raises InputError when shapes differ or the prediction is not finite and positive.
    """
    if rgb.shape != (*prediction.shape, 3):
        raise InputError(f"rgb must be {(*prediction.shape, 3)} for a prediction {prediction.shape}, got {rgb.shape}")
    if valid is not None and valid.shape != prediction.shape:
        raise InputError(f"valid {valid.shape} must have the shape of the prediction, {prediction.shape}")
    if not (np.isfinite(prediction).all() and prediction.min() > 0):
        raise InputError("the predicted depth must be finite and positive everywhere: edges are ratios of neighbours")
    predicted = matched_predicted = pictured = matched_pictured = 0
    for t, depth in enumerate(prediction):
        here = np.True_ if valid is None else valid[t]
        ours, theirs = _depth_edges(depth) & here, _picture_edges(rgb[t]) & here
        predicted += ours.sum()
        pictured += theirs.sum()
        matched_predicted += (ours & _widened(theirs)).sum()
        matched_pictured += (theirs & _widened(ours)).sum()
    precision, recall = matched_predicted / (predicted + _EPS), matched_pictured / (pictured + _EPS)
    return {
        "dvd_boundary_precision": float(precision),
        "dvd_boundary_recall": float(recall),
        "dvd_boundary_f1": float(2 * precision * recall / (precision + recall + _EPS)),
    }


def _depth_edges(depth: Float[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    edges = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            neighbour = np.take(depth, np.arange(depth.shape[axis]) + step, axis=axis, mode="clip")
            ratio = neighbour / depth
            edges |= (ratio > MIN_DEPTH_RATIO) & (ratio == ndimage.maximum_filter1d(ratio, 3, axis=axis))
    return edges


def _picture_edges(rgb: UInt8[np.ndarray, "H W 3"] | Float[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"]:
    luma = (rgb / 255 if rgb.dtype == np.uint8 else rgb) @ _LUMA
    # Beyond the frame lies black, as in the released code: a bright border is an edge.
    across, down = (ndimage.sobel(luma, axis=axis, mode="constant") for axis in (1, 0))
    gradient = np.sqrt(across**2 + down**2 + _EPS)
    low, high = gradient.min(), gradient.max()
    return (gradient - low) / (high - low + _EPS) > MIN_GRADIENT


def _widened(edges: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    return ndimage.binary_dilation(edges, np.ones((3, 3)))
