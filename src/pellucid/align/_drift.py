"""One line from disparity to inverse depth for a whole clip, or one that drifts slowly."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.linalg import spsolve

from pellucid.clip import InputError

from ._evidence import Pairs
from ._lines import robust_line, tukey

_PIXELS = 40_000
_REFITS = 30
_STEADY, _STRAIGHT = 1e-3, 0.1  # weights of changing little and evenly from knot to knot, in shares of an interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Scale and shift at knots (frame numbers, rising), linear between and constant beyond them."""

    knots: Float[np.ndarray, " k"]
    scales: Float[np.ndarray, " k"]
    shifts: Float[np.ndarray, " k"]

    def at(self, frame: float) -> tuple[float, float]:
        """(scale, shift) of a frame."""
        scale, shift = (float(np.interp(frame, self.knots, values)) for values in (self.scales, self.shifts))
        return scale, shift

    def apply(self, pairs: Pairs) -> Float[np.ndarray, " n"]:
        """The inverse depths (1/m) that the lines give to the pairs' disparities."""
        scale, shift = (np.interp(pairs.frames, self.knots, values) for values in (self.scales, self.shifts))
        return scale * pairs.disparity + shift


def fit_lines(pairs: Pairs, tolerance: float, spacing: int | None = None) -> Lines:
    """The line most pixels of the clip agree on, or with `spacing` lines that drift, one knot every so many frames.

    Knots begin with the line of their own neighbourhood where that explains more pixels than the clip's does; then all
    are fitted at once by Tukey's reweighted least squares, each held to its neighbours, so that a stretch in which the
    sensor saw nothing right follows those around it. `tolerance` (1/m) is fixed throughout.
    Raises InputError when no positive scale explains the pairs.
    """
    line = _robust(pairs.disparity, pairs.inverse, tolerance)
    if line is None:
        raise InputError(
            "what was measured falls where the model's disparity rises: no positive scale brings them together; "
            "check that the depth is of this video, aligned to its colours, and in the right unit"
        )
    last = int(pairs.frames.max())
    low, high = np.quantile(pairs.disparity, (0.05, 0.95))
    if spacing is None or last < spacing or high - low <= 1e-6 * np.abs(pairs.disparity).max():
        return Lines(knots=np.zeros(1), scales=np.array(line[:1]), shifts=np.array(line[1:]))
    knots = np.linspace(0, last, round(last / spacing) + 1)
    # Each line by its values at two disparities, which unlike scale and shift are of one unit and hardly correlated.
    ends = np.array([_ends(_own_line(pairs, knot, spacing, line, tolerance), low, high) for knot in knots])
    ends = _refine(pairs, knots, ends, (low, high), tolerance)
    scales = (ends[:, 1] - ends[:, 0]) / (high - low)
    if scales.min() <= 0:
        raise InputError(f"the scale turns negative near frame {knots[scales.argmin()]:.0f}; leave out --drift")
    return Lines(knots=knots, scales=scales, shifts=ends[:, 0] - scales * low)


def _robust(d: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], tolerance: float) -> tuple[float, float] | None:
    step = -(-d.size // _PIXELS) | 1 if d.size > _PIXELS else 1
    return robust_line(d[::step], y[::step], tolerance)


def _own_line(
    pairs: Pairs, knot: float, spacing: int, line: tuple[float, float], tolerance: float
) -> tuple[float, float]:
    near = np.abs(pairs.frames - knot) <= spacing / 2
    d, y = pairs.disparity[near], pairs.inverse[near]
    own = _robust(d, y, tolerance) if d.size else None
    if own is None:
        return line

    def explained(by: tuple[float, float]) -> int:
        return int((np.abs(by[0] * d + by[1] - y) < tolerance).sum())

    return own if explained(own) > explained(line) else line


def _ends(line: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    return line[0] * low + line[1], line[0] * high + line[1]


def _refine(
    pairs: Pairs, knots: Float[np.ndarray, " k"], ends: Float[np.ndarray, "k 2"], span: tuple[float, float], cut: float
) -> Float[np.ndarray, "k 2"]:
    """Tukey's reweighted least squares over all knots at once."""
    n, k, (low, high) = pairs.frames.size, knots.size, span
    position = pairs.frames / (knots[1] - knots[0])
    first = np.clip(position.astype(int), 0, k - 2)
    later, near = position - first, (pairs.disparity - low) / (high - low)
    shares = np.stack([(1 - later) * (1 - near), (1 - later) * near, later * (1 - near), later * near], axis=1)
    columns = 2 * first[:, None] + np.arange(4)
    A = sparse.csr_array((shares.ravel(), columns.ravel(), np.arange(0, 4 * n + 1, 4)), shape=(n, 2 * k))
    change, bend = _difference(2 * k), _difference(2 * k - 2) @ _difference(2 * k)
    stiff = n / (k - 1) * (_STEADY * change.T @ change + _STRAIGHT * bend.T @ bend)
    x = ends.ravel()
    for _ in range(_REFITS):
        w = tukey((A @ x - pairs.inverse) / cut)
        refit = spsolve((A.T @ (A * w[:, None]) + stiff).tocsc(), A.T @ (w * pairs.inverse))
        moved, x = np.abs(refit - x).max(), refit
        if moved < 1e-6 * cut:
            break
    return x.reshape(k, 2)


def _difference(size: int) -> sparse.dia_array:
    """From values at knots, two to a knot, to their changes from knot to knot."""
    ones = np.ones(max(size - 2, 0))
    return sparse.diags_array([-ones, ones], offsets=[0, 2], shape=(max(size - 2, 0), size))
