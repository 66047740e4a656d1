"""From affine-invariant disparity to metres, by whatever was measured: the fit, and how far it can be relied on."""

from dataclasses import dataclass

import numpy as np

from pellucid.clip import InputError

from ._disparity import MIN_DISPARITY
from ._drift import Lines, fit_lines
from ._evidence import Evidence, Pairs
from ._lines import spread

_TOLERANCE = 0.02  # of the spread of the measured inverse depths
_LEAST_TOLERANCE = 0.003  # 1/m: the noise of a stereo camera of 50 mm baseline
_FEWEST = 100  # pixels
_PARTS = 8  # of a clip, whose own lines tell its drift


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFit:
    """Lines from disparity to inverse depth (1/m), and what they leave unexplained."""

    lines: Lines
    tolerance: float  # 1/m; a pixel further off is an outlier
    inliers: float  # share of the measured pixels that the lines explain
    residual: float  # metres; median of the inliers' error in depth
    middle: float  # median disparity of the inliers
    drift: float  # metres; how far the depth of that disparity moves, by the lines of the clip's parts

    def depth_at(self, disparity: float, frame: float = 0.0) -> float:
        """Metres; infinite where the line reaches no depth."""
        scale, shift = self.lines.at(frame)
        inverse = scale * disparity + shift
        return 1 / inverse if inverse > 0 else float("inf")


def fit_metric(evidence: Evidence, *, tolerance: float | None = None, spacing: int | None = None) -> MetricFit:
    """The robust fit of disparity to measured inverse depth over a whole clip.

    `tolerance` in 1/m is fixed: by default 2 % of the spread of what was measured, and never re-estimated, since
    outliers may be the majority. With `spacing` the line drifts, one knot every so many frames.
    Raises InputError when too little was measured, or no positive scale explains it.
    """
    pairs = evidence.pairs()
    if pairs.frames.size < _FEWEST:
        raise InputError(f"depth is known at {pairs.frames.size} pixels of the clip; a fit needs at least {_FEWEST}")
    cut = max(_TOLERANCE * spread(pairs.inverse), _LEAST_TOLERANCE) if tolerance is None else tolerance
    lines = fit_lines(pairs, cut, spacing)
    explained = lines.apply(pairs)
    inlier = np.abs(explained - pairs.inverse) < cut
    if not inlier.any():
        raise InputError(f"no pixel agrees with any fit within {cut:g} 1/m; give a larger --tolerance")
    error = np.abs(1 / np.maximum(explained[inlier], MIN_DISPARITY) - 1 / pairs.inverse[inlier])
    middle = float(np.median(pairs.disparity[inlier]))
    return MetricFit(
        lines=lines,
        tolerance=cut,
        inliers=float(inlier.mean()),
        residual=float(np.median(error)),
        middle=middle,
        drift=_drift(pairs, lines, cut, middle),
    )


def _drift(pairs: Pairs, lines: Lines, cut: float, middle: float) -> float:
    if lines.knots.size == 1:
        last = int(pairs.frames.max())
        parts = np.minimum(pairs.frames * _PARTS // (last + 1), _PARTS - 1)
        found = []
        for part in range(_PARTS):
            own = parts == part
            if own.sum() >= _FEWEST:
                chosen = Pairs(frames=pairs.frames[own], disparity=pairs.disparity[own], inverse=pairs.inverse[own])
                try:
                    found.append(fit_lines(chosen, cut).at(0))
                except InputError:  # a part in which nothing fits says nothing of drift
                    continue
    else:
        found = [lines.at(knot) for knot in lines.knots]
    depths = [1 / y for scale, shift in found if (y := scale * middle + shift) > 0]
    return float(max(depths) - min(depths)) if depths else 0.0
