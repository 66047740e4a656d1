"""Long videos in windows: which frames each window covers, and how windows are joined again as a stream.

DKT blends overlapping windows of latents at every step (`plan_latent`, `LatentBlender`). DVD joins windows of decoded
frames by a scale and a shift on their overlap and a cross-fade (`plan_frames`, `Stitcher`). Both joiners take windows
in order, give back the frames that no later window touches, keep only the overlap and can be saved and resumed.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.align import Seam, fit_scale_shift, fit_scale_shift_robust, spread
from pellucid.clip import InputError
from pellucid.model.sizes import padded_length

Mode = Literal["robust", "reference", "unit"]

REFERENCE_BOUNDS = (0.7, 1.5)
ROBUST_BOUNDS = (0.4, 2.5)  # a window further off than this is not drift; chained, wilder fits would flatten the video


def plan_latent(num_frames: int, window: int, overlap: int) -> list[slice]:
    """DKT's windows of latent frames: one every `window - overlap`; the last may be short (arXiv:2512.23705)."""
    _check_plan(num_frames, window, overlap)
    stride = window - overlap
    starts = [0, *(t for t in range(stride, num_frames, stride) if t + overlap < num_frames)]
    return [slice(t, min(t + window, num_frames)) for t in starts]


def plan_frames(num_frames: int, window: int, overlap: int, *, reference: bool = False) -> list[slice]:
    """Windows of video frames, each pair sharing at least `overlap` frames, none longer than `window`.

    `reference=True` is the released DVD code: full windows every `window - overlap`, the last one pushed back to end
    with the video, so that 82 frames cost two full windows of 81.
    Default: the same number of windows, which is the least possible, but all of one length, the shortest 4k + 1 that
    does it (`window` if no 4k + 1 fits), and spread evenly: 82 frames with overlap 21 cost two windows of 53.
    """
    _check_plan(num_frames, window, overlap)
    if num_frames <= window:
        return [slice(0, num_frames)]
    count = -(-(num_frames - overlap) // (window - overlap))
    if reference:
        starts = [min(i * (window - overlap), num_frames - window) for i in range(count)]
        return [slice(t, t + window) for t in starts]
    shortest = -(-(num_frames + (count - 1) * overlap) // count)
    length = min(padded_length(shortest), window)
    starts = [i * (num_frames - length) // (count - 1) for i in range(count)]
    return [slice(t, t + length) for t in starts]


def ramp(length: int, border: int, is_first: bool, is_last: bool) -> Float[Tensor, " length"]:
    """DKT's blending weights of a window: (i + 0.5) / border rising on the left, mirrored on the right.

    The ends of the video keep weight 1. Where both ramps meet, the right one wins, as in the released code.
    """
    weights = torch.ones(length)
    rising = (torch.arange(border) + 0.5) / border if border else weights[:0]
    if not is_first:
        weights[:border] = rising
    if not is_last and border:
        weights[-border:] = rising.flip(0)
    return weights


class LatentBlender:
    """Weighted mean of overlapping windows, sum(ramp * v) / sum(ramp), as a stream along one dimension.

    The sums are made in window order, so the result is bit for bit that of adding up the whole video.
    """

    def __init__(self, windows: Sequence[slice], overlap: int, dim: int = 2) -> None:
        self.windows = list(windows)
        self.overlap = overlap
        self.dim = dim
        self._index = 0
        self._total: Tensor | None = None  # weighted sums from the first unfinished frame on
        self._weight: Tensor | None = None

    def push(self, values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The frames finished by the next window of the plan, maybe none."""
        if self._index == len(self.windows):
            raise InputError(f"all {len(self.windows)} windows of the plan were given already")
        window = self.windows[self._index]
        length = window.stop - window.start
        if values.shape[self.dim] != length:
            raise InputError(f"window {self._index} must have {length} frames, got {values.shape[self.dim]}")
        last = self._index == len(self.windows) - 1
        shape = [1] * values.ndim
        shape[self.dim] = length
        mask = ramp(length, self.overlap, self._index == 0, last).to(values).view(shape)
        total, weight = values * mask, mask
        if self._total is not None and self._weight is not None:
            shared = self._total.shape[self.dim]
            total.narrow(self.dim, 0, shared).add_(self._total)
            weight = weight.clone()
            weight.narrow(self.dim, 0, shared).add_(self._weight)
        finished = length if last else min(self.windows[self._index + 1].start - window.start, length)
        self._index += 1
        kept = length - finished
        # Cloned: a view would keep the whole window alive.
        self._total = total.narrow(self.dim, finished, kept).clone()
        self._weight = weight.narrow(self.dim, finished, kept).clone()
        return total.narrow(self.dim, 0, finished) / weight.narrow(self.dim, 0, finished)

    def state(self) -> dict[str, Tensor]:
        """Everything needed to go on after the windows given so far."""
        state = {"index": torch.tensor(self._index)}
        if self._total is not None and self._weight is not None:
            state |= {"total": self._total.clone(), "weight": self._weight.clone()}
        return state

    def load_state(self, state: dict[str, Tensor]) -> None:
        self._index = int(state["index"])
        self._total = state["total"].clone() if "total" in state else None
        self._weight = state["weight"].clone() if "weight" in state else None


class Stitcher:
    """Windows of frames joined into one video, as a stream.

    Each window is brought onto the frames before it by a line fitted on their real overlap, then cross-faded over it
    with weights linspace(0, 1), both ends included. Modes:
    - "robust" (default): robust fit, so that moving or mistaken pixels do not bend the rest; where the scale meets its
      bounds the shift is the median difference at that scale; values below 0 stay.
    - "reference": the released DVD code (arXiv:2603.12250). Least squares, the scale clipped to [0.7, 1.5] with the
      shift left as it was, negative values set to 0. `scale_only` fits no shift.
    - "unit": unit vectors [..., 3]; no fit, the cross-fade is a normalised linear one.
    `seams` holds one entry for each pair of windows that overlaps.
    """

    def __init__(self, windows: Sequence[slice], mode: Mode = "robust", *, scale_only: bool = False) -> None:
        if scale_only and mode != "reference":
            raise InputError(f"scale_only belongs to mode 'reference', not to {mode!r}")
        self.windows = list(windows)
        self.mode = mode
        self.scale_only = scale_only
        self.seams: list[Seam] = []
        self._index = 0
        self._tail: Float[np.ndarray, "n H W *C"] | None = None  # joined frames that the next window will touch

    def push(self, window: Float[np.ndarray, "n H W *C"], start: int) -> Float[np.ndarray, "m H W *C"]:
        """The joined frames that no later window touches, given the next window of the plan."""
        if self._index == len(self.windows):
            raise InputError(f"all {len(self.windows)} windows of the plan were given already")
        plan = self.windows[self._index]
        if (start, start + len(window)) != (plan.start, plan.stop):
            given = f"[{start}, {start + len(window)})"
            raise InputError(f"window {self._index} must cover frames [{plan.start}, {plan.stop}), got {given}")
        if not np.isfinite(window).all():
            raise InputError(f"the window of frames [{plan.start}, {plan.stop}) holds NaN or infinite values")
        window = window.astype(np.float32)  # a copy: what was given stays as it is
        if self._tail is not None and len(self._tail):
            shared = len(self._tail)
            window = self._aligned(window, self._tail, start)
            window[:shared] = self._cross_fade(self._tail, window[:shared])
        self._index += 1
        last = self._index == len(self.windows)
        finished = len(window) if last else min(self.windows[self._index].start - start, len(window))
        self._tail = window[finished:].copy()
        return window[:finished]

    def flush(self) -> Float[np.ndarray, "m H W *C"]:
        """The frames still held when the plan is cut short; none after its last window."""
        if self._tail is None:
            raise InputError("no window was given yet")
        rest, self._tail = self._tail, self._tail[:0]
        self._index = len(self.windows)
        return rest

    def state(self) -> dict[str, np.ndarray]:
        """Everything needed to go on after the windows given so far."""
        seams = [[s.start, s.overlap, s.scale, s.shift, s.residual] for s in self.seams]
        state = {"index": np.array(self._index), "seams": np.array(seams, np.float64).reshape(-1, 5)}
        return state if self._tail is None else state | {"tail": self._tail.copy()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        self._index = int(state["index"])
        self._tail = state["tail"].copy() if "tail" in state else None
        self.seams = [
            Seam(start=int(start), overlap=int(overlap), scale=float(a), shift=float(b), residual=float(r))
            for start, overlap, a, b, r in state["seams"]
        ]

    def _aligned(
        self, window: Float[np.ndarray, "n H W *C"], before: Float[np.ndarray, "o H W *C"], start: int
    ) -> Float[np.ndarray, "n H W *C"]:
        current = window[: len(before)]
        if self.mode == "unit":
            scale, shift = 1.0, 0.0
            cosine = np.clip((current * before).sum(axis=-1), -1, 1)
            residual = float(np.median(np.arccos(cosine)))
        else:
            scale, shift = self._fit(current, before)
            window = window * np.float32(scale) + np.float32(shift)
            if self.mode == "reference":
                window = np.maximum(window, 0)
            residual = float(np.median(np.abs(window[: len(before)] - before))) / spread(before)
        self.seams.append(Seam(start=start, overlap=len(before), scale=scale, shift=shift, residual=residual))
        return window

    def _fit(
        self, current: Float[np.ndarray, "o H W *C"], before: Float[np.ndarray, "o H W *C"]
    ) -> tuple[float, float]:
        if self.mode == "robust":
            fitted, shift = fit_scale_shift_robust(current, before)
            scale = float(np.clip(fitted, *ROBUST_BOUNDS))
            return scale, shift if scale == fitted else float(np.median(before - np.float32(scale) * current))
        if self.scale_only:
            c, r = current.astype(np.float64), before.astype(np.float64)
            scale, shift = float((c * r).sum() / ((c * c).sum() + 1e-6)), 0.0
        elif np.ptp(current) == 0:
            scale, shift = 1.0, 0.0  # the released code's answer to a singular system
        else:
            scale, shift = fit_scale_shift(current, before)
        return float(np.clip(scale, *REFERENCE_BOUNDS)), shift

    def _cross_fade(
        self, before: Float[np.ndarray, "o H W *C"], current: Float[np.ndarray, "o H W *C"]
    ) -> Float[np.ndarray, "o H W *C"]:
        weight = np.linspace(0, 1, len(before), dtype=np.float32).reshape(-1, *[1] * (before.ndim - 1))
        mixed = before * (1 - weight) + current * weight
        if self.mode != "unit":
            return mixed
        norm = np.linalg.norm(mixed, axis=-1, keepdims=True)
        opposite = norm < 1e-6  # no middle between opposite directions: take the nearer window's
        return np.where(opposite, np.where(weight < 0.5, before, current), mixed / np.where(opposite, 1, norm))


def _check_plan(num_frames: int, window: int, overlap: int) -> None:
    if num_frames < 1:
        raise InputError(f"a video needs at least one frame, got {num_frames}")
    if not 0 <= overlap < window:
        raise InputError(f"need 0 <= overlap < window, got window {window} and overlap {overlap}")
