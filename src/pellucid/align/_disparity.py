"""Disparity as depth: the benchmark alignment, and the inversion that every alignment ends with."""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

from ._lines import fit_scale_shift

MIN_DISPARITY = 1e-3  # 1/m: aligned disparities are clipped here before inversion, so no depth exceeds 1 km


def align_disparity(
    prediction: Float[np.ndarray, "T H W"],
    depth: Float[np.ndarray, "T H W"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    min_depth: float = 0.0,
    max_depth: float = np.inf,
    positive_only: bool = True,
) -> Float[np.ndarray, "T H W"]:
    """Depth in metres from disparity: one scale and shift for the whole clip, fitted to 1/depth, then inverted.

    The benchmark alignment of DKT (arXiv:2512.23705) and DVD (arXiv:2603.12250): least squares in disparity over all
    frames at once, disparity clipped at 1e-3, inverted, clipped to the data set's range. Fitted where `valid`
    (default: everywhere) and the depth is finite and positive. Both released evaluations also leave out pixels with a
    prediction of 0 or less; `positive_only=False` keeps them, for predictions whose zero means nothing.
    """
    if prediction.shape != depth.shape:
        raise InputError(f"prediction {prediction.shape} and depth {depth.shape} must have the same shape [T, H, W]")
    if not 0 <= min_depth < max_depth:
        raise InputError(f"need 0 <= min_depth < max_depth, got {min_depth} and {max_depth}")
    fitted = np.isfinite(depth) & (depth > 0)
    if valid is not None:
        if valid.shape != depth.shape:
            raise InputError(f"valid {valid.shape} must have the shape of depth, {depth.shape}")
        fitted &= valid
    if not np.isfinite(prediction[fitted]).all():
        raise InputError("the prediction is NaN or infinite at valid pixels; mark those pixels as not valid")
    if positive_only:
        fitted &= prediction > 0
    if not fitted.any():
        raise InputError("no pixel to align on: none is valid with a finite positive depth and a positive prediction")
    scale, shift = fit_scale_shift(prediction[fitted].astype(np.float64), 1 / depth[fitted].astype(np.float64))
    return depth_from_disparity(prediction, scale, shift, min_depth=min_depth, max_depth=max_depth)


def depth_from_disparity(
    disparity: Float[np.ndarray, "*shape"],
    scale: float,
    shift: float,
    *,
    min_depth: float = 0.0,
    max_depth: float = np.inf,
) -> Float[np.ndarray, "*shape"]:
    """1 / max(scale * disparity + shift, 1e-3), clipped to the range, float32 metres."""
    aligned = np.maximum(scale * disparity.astype(np.float64) + shift, MIN_DISPARITY)
    return np.clip(1 / aligned, min_depth, max_depth).astype(np.float32)
