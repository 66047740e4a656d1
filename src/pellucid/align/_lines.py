"""Scale and shift between two maps of the same scene: closed form and robust.

An affine-invariant disparity says nothing until it is compared with another map. Every comparison in the package is
a line, target ≈ scale * source + shift, fitted here. Sums are float64 and centred, so that tens of millions of
nearly equal float32 values lose nothing.
"""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

TOLERANCE = 0.05  # of the target's spread: a pixel further from the line than this says nothing about it
FLAT = 0.01  # a target flatter than this, in the models' unit range, is measured as if it were this wide

_FIT_PIXELS = 40_000
_SCORE_PIXELS = 4_000
_PAIRS = 512
_MAX_REFITS = 50


def fit_scale_shift(
    source: Float[np.ndarray, "*shape"],
    target: Float[np.ndarray, "*shape"],
    valid: Bool[np.ndarray, "*shape"] | None = None,
    weights: Float[np.ndarray, "*shape"] | None = None,
) -> tuple[float, float]:
    """(scale, shift) with the least (weighted) sum of (scale * source + shift - target)^2.

    A constant source cannot tell a scale: it gives scale 1 and the mean difference. The scale may be negative.
    Raises InputError when no pixel is valid.
    """
    s, t = _select(source, target, valid)
    if weights is None:
        w = None
    else:
        w = np.asarray(weights if valid is None else weights[valid], np.float64).ravel()
        if not np.isfinite(w).all() or w.min() < 0 or w.sum() == 0:
            raise InputError("weights must be finite, not negative and not all zero")
    return _least_squares(s, t, w)


def fit_scale_shift_robust(
    source: Float[np.ndarray, "*shape"],
    target: Float[np.ndarray, "*shape"],
    valid: Bool[np.ndarray, "*shape"] | None = None,
    *,
    tolerance: float | None = None,
) -> tuple[float, float]:
    """(scale, shift), scale > 0, of the line most pixels agree on; stands more than half of them being wrong.

    MSAC over pairs of pixels, then Tukey's reweighted least squares with the same fixed `tolerance` (default: 5 % of
    the target's 5-95 % spread). The tolerance is never re-estimated: a scale taken from the residuals grows when the
    wrong pixels are the majority and undoes the search. Deterministic: at most 40 000 pixels at a fixed stride, and
    pairs by rank. When no pair gives a positive scale the answer is scale 1 and the median difference.
    """
    if valid is None and source.shape == target.shape:  # before the conversion to float64, not after
        source, target = _thin(source.reshape(-1), target.reshape(-1), _FIT_PIXELS)
    s, t = _thin(*_select(source, target, valid), _FIT_PIXELS)
    cut = TOLERANCE * spread(t) if tolerance is None else tolerance
    if not cut > 0:
        raise InputError(f"tolerance must be positive, got {tolerance}")
    return robust_line(s, t, cut) or (1.0, float(np.median(t - s)))


def robust_line(s: Float[np.ndarray, " n"], t: Float[np.ndarray, " n"], cut: float) -> tuple[float, float] | None:
    """The same on float64 vectors that are thinned already; None when no pair gives a positive scale."""
    found = _search(s, t, cut)
    if found is None:
        return None
    scale, shift = found
    for _ in range(_MAX_REFITS):
        w = tukey((scale * s + shift - t) / cut)
        refit = _least_squares(s, t, w) if w.sum() > 0 else (scale, shift)
        if refit[0] <= 0:
            break
        moved = abs(refit[0] - scale) * np.abs(s).max() + abs(refit[1] - shift)
        scale, shift = refit
        if moved < 1e-9 * cut:
            break
    return scale, shift


def tukey(residual: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Weights of Tukey's biweight: 1 at residual 0, 0 from 1 on."""
    return np.square(np.clip(1 - np.square(residual), 0, None))


def spread(values: Float[np.ndarray, "*shape"]) -> float:
    """Distance from the 5 % to the 95 % quantile, at least `FLAT`, from at most 40 000 values at a fixed stride."""
    flat = values.reshape(-1)
    low, high = np.quantile(flat[:: _stride(flat.size, _FIT_PIXELS)], (0.05, 0.95))
    return max(float(high - low), FLAT)


def _select(
    source: Float[np.ndarray, "*shape"], target: Float[np.ndarray, "*shape"], valid: Bool[np.ndarray, "*shape"] | None
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    if source.shape != target.shape:
        raise InputError(f"source {source.shape} and target {target.shape} must have the same shape")
    if valid is not None and valid.shape != source.shape:
        raise InputError(f"valid {valid.shape} must have the shape of the maps, {source.shape}")
    s, t = (np.asarray(x if valid is None else x[valid], np.float64).ravel() for x in (source, target))
    if s.size == 0:
        raise InputError("no valid pixel to fit scale and shift on")
    if not (np.isfinite(s).all() and np.isfinite(t).all()):
        raise InputError("source or target is NaN or infinite at valid pixels; mark those pixels as not valid")
    return s, t


def _stride(size: int, most: int) -> int:
    """Smallest odd stride that leaves at most `most`: odd, so that it does not walk along image columns."""
    return -(-size // most) | 1 if size > most else 1


def _thin(
    s: Float[np.ndarray, " n"], t: Float[np.ndarray, " n"], most: int
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    step = _stride(s.size, most)
    return s[::step], t[::step]


def _least_squares(
    s: Float[np.ndarray, " n"], t: Float[np.ndarray, " n"], w: Float[np.ndarray, " n"] | None
) -> tuple[float, float]:
    mean_s, mean_t = np.average(s, weights=w), np.average(t, weights=w)
    ds, dt = s - mean_s, t - mean_t
    variance = np.average(ds * ds, weights=w)
    if variance <= np.square(1e-12 * np.abs(s).max()):
        return 1.0, float(mean_t - mean_s)
    scale = np.average(ds * dt, weights=w) / variance
    return float(scale), float(mean_t - scale * mean_s)


def _search(s: Float[np.ndarray, " n"], t: Float[np.ndarray, " n"], cut: float) -> tuple[float, float] | None:
    """MSAC: of the lines through pairs of pixels, and the least-squares line, the one with the least truncated cost."""
    order = np.argsort(s, kind="stable")
    ranked_s, ranked_t = s[order], t[order]
    lower, upper = [], []
    for parts in (2, 3, 5, 8):  # baselines in rank, so that wrong pixels gathered at one end do not spoil every pair
        step = s.size // parts
        first = np.unique(np.linspace(0, s.size - 1 - step, _PAIRS // 4).astype(int))
        lower.append(first)
        upper.append(first + step)
    i, j = np.concatenate(lower), np.concatenate(upper)
    apart = ranked_s[j] - ranked_s[i] > 1e-6 * max(ranked_s[-1] - ranked_s[0], 1e-12)
    i, j = i[apart], j[apart]
    scales = (ranked_t[j] - ranked_t[i]) / (ranked_s[j] - ranked_s[i])
    shifts = ranked_t[i] - scales * ranked_s[i]
    scale, shift = _least_squares(s, t, None)
    scales, shifts = np.append(scales, scale), np.append(shifts, shift)
    positive = scales > 0
    if not positive.any():
        return None
    scales, shifts = scales[positive], shifts[positive]
    few_s, few_t = _thin(s, t, _SCORE_PIXELS)
    error = scales[:, None] * few_s + (shifts[:, None] - few_t)
    best = int(np.argmin(np.minimum(np.square(error), cut * cut).sum(axis=1)))
    return float(scales[best]), float(shifts[best])
