"""How far a depth clip is from the truth, in the field's numbers.

d is the predicted depth, g the true one, both in metres and already aligned (`pellucid.align`). Unless said otherwise
a number is the mean over the valid pixels of a frame, then over frames, as DVD's evaluation does (arXiv:2603.12250).
Frames without a valid pixel are skipped; the released code gives NaN for the whole clip there.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError
from pellucid.evaluate.scored import scored_pixels

DELTA_THRESHOLDS = {
    "delta_1.05": 1.05,
    "delta_1.10": 1.10,
    "delta_1.25": 1.25,
    "delta_1.25^2": 1.25**2,
    "delta_1.25^3": 1.25**3,
}


def depth_metrics(
    prediction: Float[np.ndarray, "T H W"],
    truth: Float[np.ndarray, "T H W"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> dict[str, float]:
    """Every depth metric of the clip on the pixels that are valid and, if a mask is given, inside it.

    `mask` scores a part of the picture, such as the glass alone. Lower is better, except for the deltas:
    - `abs_rel` |d-g|/g, `sq_rel` (d-g)^2/g [m], `mae` |d-g| [m], `rmse` [m], `rmse_log` (natural logarithm),
      `i_rmse` on 1/d [1/m];
    - `log10`: |log10 d - log10 g|, the mean over all pixels of the clip at once;
    - `silog`: 100 sqrt(mean over frames of the variance of log d - log g); blind to scale;
    - `delta_t`: share of pixels with max(d/g, g/d) < t;
    - `relative_temporal_diff`: see that function; left out when no two neighbouring frames share a valid pixel.

    Raises InputError when nothing can be scored or a scored prediction is not finite and positive.
    """
    scored = scored_pixels(prediction, truth, valid, mask)
    frames: dict[str, list[float]] = {}
    variances, log10_sum = [], 0.0
    for d, g in _valid_frames(prediction, truth, scored):
        error, log_ratio, inverse = d - g, np.log(d / g), 1 / d - 1 / g
        values = {
            "abs_rel": (np.abs(error) / g).mean(),
            "sq_rel": (np.square(error) / g).mean(),
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt(np.square(error).mean()),
            "rmse_log": np.sqrt(np.square(log_ratio).mean()),
            "i_rmse": np.sqrt(np.square(inverse).mean()),
        }
        ratio = np.maximum(d / g, g / d)
        values |= {name: (ratio < threshold).mean() for name, threshold in DELTA_THRESHOLDS.items()}
        for name, value in values.items():
            frames.setdefault(name, []).append(float(value))
        variances.append(log_ratio.var())
        log10_sum += np.abs(log_ratio).sum() / np.log(10)
    result = {name: float(np.mean(values)) for name, values in frames.items()}
    result["log10"] = float(log10_sum / scored.sum())
    result["silog"] = float(100 * np.sqrt(np.mean(variances)))
    if _paired(scored).any():
        result["relative_temporal_diff"] = _relative_temporal_diff(prediction, truth, scored)
    return result


def relative_temporal_diff(
    prediction: Float[np.ndarray, "T H W"],
    truth: Float[np.ndarray, "T H W"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> float:
    """Root mean square of (d[t+1]-d[t])/d[t] minus the same of the truth, per pair of frames, then their mean.

    Taken on the pixels valid in both frames. It follows pixels, not surfaces: a moving edge that is predicted right
    counts as right. Raises InputError when no two neighbouring frames share a valid pixel.
    """
    scored = scored_pixels(prediction, truth, valid, mask)
    if not _paired(scored).any():
        raise InputError("no two neighbouring frames share a valid pixel: a temporal difference needs some")
    return _relative_temporal_diff(prediction, truth, scored)


def _valid_frames(
    prediction: Float[np.ndarray, "T H W"], truth: Float[np.ndarray, "T H W"], scored: Bool[np.ndarray, "T H W"]
) -> Iterator[tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]]:
    for d, g, here in zip(prediction, truth, scored, strict=True):
        if here.any():
            yield d[here].astype(np.float64), g[here].astype(np.float64)


def _paired(scored: Bool[np.ndarray, "T H W"]) -> Bool[np.ndarray, "pairs H W"]:
    return scored[1:] & scored[:-1]


def _relative_temporal_diff(
    prediction: Float[np.ndarray, "T H W"], truth: Float[np.ndarray, "T H W"], scored: Bool[np.ndarray, "T H W"]
) -> float:
    differences = []
    for t, here in enumerate(_paired(scored)):
        if here.any():
            d, g = (
                (x[t + 1][here].astype(np.float64) - x[t][here]) / (x[t][here].astype(np.float64) + 1e-6)
                for x in (prediction, truth)
            )
            differences.append(np.sqrt(np.square(d - g).mean()))
    return float(np.mean(differences))
