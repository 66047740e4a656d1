"""How far a model's answers to several views of a clip lie apart, in a number that compares between clips."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from pellucid.visualize import RangeEstimator

# Of one frame: the disparity predicted, and what was said of each view on the same pixels (NaN where it shows none).
Answers = tuple[Float32[np.ndarray, "H W"], list[Float32[np.ndarray, "H W"]]]

BOX = 1 / 16  # of the width: three such boxes are about a Gaussian of standard deviation 1/32, however large
FARTHEST = 3.0  # times as far as what is nearest: a usual scene, as disparity does not tell its own
FLAT = 1e-6  # a disparity that varies by less says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The line that brings each view's disparity onto the prediction's, and the range of the prediction itself."""

    lines: tuple[tuple[float, float], ...]  # scale and shift of each view
    low: float
    high: float


def spreads(answers: Callable[[], Iterable[Answers]]) -> Iterator[Float[np.ndarray, "H W"]]:
    """Of each frame, the relative spread of depth over the answers.

    The root mean square of what the views differ from the prediction, over those that show a pixel and over its
    surroundings, after one line for each view and clip, as disparity is defined only up to one. It is divided by the
    disparity as it would be if the farthest 1 % of the clip lay three times as far as the nearest. `answers` gives the
    clip's frames anew each time; they are read twice, and memory holds one frame.
    """
    agreement = _agreement(answers())
    for prediction, views in answers():
        yield _spread(prediction, views, agreement)


def _agreement(answers: Iterable[Answers]) -> Agreement:
    """Least squares over the clip, by running sums."""
    total: np.ndarray | float = 0.0
    span = RangeEstimator()
    for prediction, views in answers:
        span.add(prediction[None])
        sums = []
        for view in views:
            seen = np.isfinite(view)
            x, y = view[seen].astype(np.float64), prediction[seen].astype(np.float64)
            sums.append([x.size, x.sum(), y.sum(), (x * x).sum(), (x * y).sum()])
        total = total + np.array(sums)
    count, x, y, xx, xy = np.asarray(total).T
    variance, covariance = xx / count - (x / count) ** 2, xy / count - x * y / count**2
    scale = covariance / np.maximum(variance, FLAT**2)
    shift = (y - scale * x) / count
    low, high = span.range()
    lines = tuple((float(a), float(b)) for a, b in zip(scale, shift, strict=True))
    return Agreement(lines=lines, low=low, high=max(high, low + FLAT))


def _spread(
    prediction: Float32[np.ndarray, "H W"], views: list[Float32[np.ndarray, "H W"]], agreement: Agreement
) -> Float[np.ndarray, "H W"]:
    aligned = np.stack([scale * view + shift for view, (scale, shift) in zip(views, agreement.lines, strict=True)])
    square = np.nanmean((aligned - prediction) ** 2, axis=0).astype(np.float64)
    side = round(BOX * prediction.shape[1]) | 1
    for _ in range(3):
        square = cv2.blur(square, (side, side), borderType=cv2.BORDER_REFLECT)
    near = np.maximum((prediction - agreement.low) / (agreement.high - agreement.low), 0)
    return np.sqrt(square) / (agreement.high - agreement.low) / (near + 1 / (FARTHEST - 1))
