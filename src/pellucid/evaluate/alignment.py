"""From a prediction to depth in metres: what a protocol lets be fitted to the truth before anything is scored."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from pellucid.align import depth_from_disparity, fit_scale_shift, fit_scale_shift_robust
from pellucid.clip import InputError, Prediction
from pellucid.evaluate.protocol import Alignment, Protocol

LEAST_DEPTH = 1e-3  # metres: a line in depth may go through zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """Depth in metres, and the line that made it so: scale * prediction + shift, one pair or one for each frame.

    `space` says of what the line is: disparity or depth.
    """

    depth: Float32[np.ndarray, "T H W"]
    space: str
    scale: list[float]
    shift: list[float]


def align(prediction: Prediction, truth: Float[np.ndarray, "T H W"], protocol: Protocol) -> Aligned:
    """The prediction in metres by the protocol's alignment, fitted where the truth is known, clipped to its range.

    Fits in disparity are those of the papers: a prediction of 0 or less is left out, aligned disparity is at least
    1e-3. Depth is inverted for them. Depth that is itself defined up to scale and shift has no such inverse, so for it
    "disparity" and its kinds are fits in depth; `space` then says so. "scale" is the median of truth / prediction.
    Raises InputError when shapes differ, when the prediction is not finite where the truth is known, or when it is
    defined up to more than the alignment fits.
    """
    known = np.isfinite(truth) & (truth > 0)
    _require_scorable(prediction, truth, known)
    _require_defined(prediction, protocol.alignment)
    values, mode = prediction.values, protocol.alignment
    affine_depth = prediction.quantity == "depth" and prediction.invariance == "affine"
    space = "depth" if mode in ("depth", "scale", "none") or affine_depth else "disparity"
    source = values if prediction.quantity == space else _inverse(values)
    target = truth if space == "depth" else np.divide(1, truth, out=np.full(truth.shape, np.nan), where=known)
    fitted = known & (source > 0) if space == "disparity" or mode == "scale" else known
    if not fitted.any():
        raise InputError("the prediction is 0 or less wherever the truth is known: nothing to align on")

    def line(part: slice) -> tuple[float, float]:
        if mode == "none":
            return 1.0, 0.0
        # A frame without truth is not scored, and takes the clip's line.
        here = part if fitted[part].any() else slice(None)
        s, t, use = source[here], target[here], fitted[here]
        if mode == "scale":
            return float(np.median(t[use].astype(np.float64) / s[use])), 0.0
        return (fit_scale_shift_robust if mode == "disparity-robust" else fit_scale_shift)(s, t, use)

    parts = [slice(t, t + 1) for t in range(len(truth))] if mode == "disparity-per-frame" else [slice(None)]
    lines = [line(part) for part in parts]
    depth = [_depth(source[part], *line, space, protocol) for part, line in zip(parts, lines, strict=True)]
    scale, shift = ([float(x) for x in column] for column in zip(*lines, strict=True))
    return Aligned(depth=np.concatenate(depth), space=space, scale=scale, shift=shift)


def _require_scorable(
    prediction: Prediction, truth: Float[np.ndarray, "T H W"], known: Bool[np.ndarray, "T H W"]
) -> None:
    if prediction.quantity == "normals":
        raise InputError("the prediction is of normals, which have nothing to align; depth is asked for")
    if prediction.values.shape != truth.shape:
        raise InputError(f"the prediction is {prediction.values.shape} but the clip {truth.shape} [T, H, W]")
    if not known.any():
        raise InputError("no pixel to score: the truth is unknown everywhere, or outside the protocol's range")
    bad = int((~np.isfinite(prediction.values[known])).sum())
    if bad:
        raise InputError(f"the prediction is NaN or infinite at {bad} of {int(known.sum())} pixels that are scored")


def _require_defined(prediction: Prediction, mode: Alignment) -> None:
    """Raises InputError when the alignment leaves open what the prediction does not know."""
    open_to = {"none": ("none",), "scale": ("none", "scale")}.get(mode, ("none", "scale", "affine"))
    if prediction.invariance not in open_to:
        raise InputError(
            f"alignment {mode}: the prediction is {prediction.quantity} with invariance {prediction.invariance}, so "
            "more of it must be fitted; use --alignment disparity"
        )


def _inverse(values: Float[np.ndarray, "T H W"]) -> Float[np.ndarray, "T H W"]:
    """1 / values; 0 where they are 0 or less, which no fit takes."""
    return np.divide(1, values, out=np.zeros(values.shape), where=values > 0)


def _depth(
    source: Float[np.ndarray, "n H W"], scale: float, shift: float, space: str, protocol: Protocol
) -> Float32[np.ndarray, "n H W"]:
    low, high = protocol.min_depth, protocol.max_depth
    if space == "disparity":
        return depth_from_disparity(source, scale, shift, min_depth=low, max_depth=high)
    depth = scale * source.astype(np.float64) + shift
    return np.clip(depth, max(low, LEAST_DEPTH), high).astype(np.float32)
