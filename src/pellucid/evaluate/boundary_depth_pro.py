"""How sharp and how right depth edges are, by Depth Pro's measures (arXiv:2410.02073, Sec. 4 and Appendix).

An edge lies between two neighbours whose depths differ by more than a ratio t; it has one of four directions, by the
side that is nearer. Ten ratios from 1.05 to 1.25 count, each with a weight proportional to itself. Only ratios enter,
so that both measures are blind to scale.
"""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

RATIOS = np.linspace(1.05, 1.25, 10)
_WEIGHTS = RATIOS / RATIOS.sum()


def depth_pro_boundary_f1(prediction: Float[np.ndarray, "T H W"], truth: Float[np.ndarray, "T H W"]) -> float:
    """Boundary F1 of a depth clip against true depth, the mean over frames.

    Precision and recall are means over the four directions, in pixels exactly; a direction without edges counts 0, as
    in the released code, so that an oracle scores 1 where each direction has edges at each ratio.
    # Released code: a frame whose truth has no edge at all scores 0; here: it is left out, for it says nothing.
    Neighbours of unknown true depth are no edges, whatever is predicted there. Raises InputError when shapes differ or
    no frame has a true edge.
    """
    if prediction.shape != truth.shape:
        raise InputError(f"prediction {prediction.shape} and truth {truth.shape} must have the same shape [T, H, W]")
    scores = []
    for d, g in zip(prediction, truth, strict=True):
        true_ratios = _ratios(np.where(np.isfinite(g) & (g > 0), g, np.nan))
        # NaN is greater than nothing: where a true ratio is unknown, the predicted one is made so.
        ratios = [np.where(np.isnan(known), np.nan, ours) for ours, known in zip(_ratios(d), true_ratios, strict=True)]
        if not any((known > RATIOS[0]).any() for known in true_ratios):
            continue
        values = [_f1([r > t for r in ratios], [r > t for r in true_ratios]) for t in RATIOS]
        scores.append(float(np.dot(_WEIGHTS, values)))
    if not scores:
        raise InputError(f"no frame has two neighbours of known depth with a ratio above {RATIOS[0]}: no edge to find")
    return float(np.mean(scores))


def depth_pro_boundary_recall(prediction: Float[np.ndarray, "T H W"], mask: Bool[np.ndarray, "T H W"]) -> float:
    """Share of a mask's outline that is an edge of the depth with the inside nearer, the mean over frames.

    Depth Pro takes mattes (alpha > 0.1) for masks; here any will do that stands out, such as of glass. Of a run of
    predicted edges across the outline only the steepest counts. Means over directions and frames as in the F1; frames
    without an outline are left out. Raises InputError when shapes differ or no frame has an outline.
    """
    if prediction.shape != mask.shape:
        raise InputError(f"mask {mask.shape} must have the shape of the prediction, {prediction.shape}")
    scores = []
    for d, inside in zip(prediction, mask, strict=True):
        outline = [near & ~far for near, far in _sides(inside)]
        if not any(edge.any() for edge in outline):
            continue
        ratios = _ratios(d)
        values = [_recall([_thinned(r, t) for r in _along_rows(ratios)], _along_rows(outline)) for t in RATIOS]
        scores.append(float(np.dot(_WEIGHTS, values)))
    if not scores:
        raise InputError("no frame has a pixel inside the mask beside one outside it: no outline to find")
    return float(np.mean(scores))


def _sides(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each direction, what lies on the side asked about and what lies opposite: left, right, top, bottom."""
    left, right, top, bottom = values[:, :-1], values[:, 1:], values[:-1], values[1:]
    return [(left, right), (right, left), (top, bottom), (bottom, top)]


def _ratios(depth: Float[np.ndarray, "H W"]) -> list[Float[np.ndarray, "_ _"]]:
    """How many times nearer than its neighbour each pixel is, for each direction."""
    return [far / near for near, far in _sides(depth)]


def _along_rows(maps: list[np.ndarray]) -> list[np.ndarray]:
    """The same with vertical neighbours laid along rows."""
    return [*maps[:2], *(np.ascontiguousarray(m.T) for m in maps[2:])]


def _f1(predicted: list[Bool[np.ndarray, "_ _"]], true: list[Bool[np.ndarray, "_ _"]]) -> float:
    precision, recall = _recall(true, predicted), _recall(predicted, true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _recall(found: list[Bool[np.ndarray, "_ _"]], wanted: list[Bool[np.ndarray, "_ _"]]) -> float:
    return float(np.mean([(f & w).sum() / max(w.sum(), 1) for f, w in zip(found, wanted, strict=True)]))


def _thinned(ratio: Float[np.ndarray, "h w"], threshold: float) -> Bool[np.ndarray, "h w"]:
    """True at the first largest ratio of each run along a row of ratios above the threshold."""
    above = np.pad(ratio > threshold, ((0, 0), (1, 0))).ravel()  # a gap before each row ends the runs of the one before
    values = np.pad(ratio, ((0, 0), (1, 0))).ravel()
    begins = above & ~np.concatenate([[False], above[:-1]])
    if not begins.any():
        return np.zeros(ratio.shape, bool)
    # reduceat also runs over the gap after each run; what is not above the threshold cannot be its largest.
    largest = np.maximum.reduceat(np.where(above, values, -np.inf), np.flatnonzero(begins))
    run = np.cumsum(begins) - 1
    at = np.flatnonzero(above & (values == largest[np.maximum(run, 0)]))
    first = at[np.unique(run[at], return_index=True)[1]]
    thin = np.zeros(above.size, bool)
    thin[first] = True
    return thin.reshape(ratio.shape[0], -1)[:, 1:]
