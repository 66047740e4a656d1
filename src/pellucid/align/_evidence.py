"""What a fit over a whole clip is made of: a thin sample of its pixels, in constant memory."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_PIXELS = 2_048  # of a frame
_FRAMES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pixels at which both are known: the frame, the model's disparity, and the inverse of the measured depth (1/m)."""

    frames: Int[np.ndarray, " n"]
    disparity: Float[np.ndarray, " n"]
    inverse: Float[np.ndarray, " n"]


class Evidence:
    """Disparity beside measured depth, frame after frame.

    Of every frame at first, and of every second one each time the store is full; the same however the clip is cut
    into chunks.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._stride = 1

    def wants(self, index: int) -> bool:
        """Whether that frame would be kept, so that what it needs may as well be spared."""
        return index % self._stride == 0

    def add(self, index: int, disparity: Float[np.ndarray, "H W"], depth: Float[np.ndarray, "H W"]) -> None:
        """Takes frame `index`; they must come in order. Depth in metres, unknown where not finite and positive."""
        if not self.wants(index):
            return
        known = np.flatnonzero(np.isfinite(depth) & (depth > 0))
        known = known[:: -(-known.size // _PIXELS) | 1] if known.size > _PIXELS else known  # odd: not along columns
        self._kept[index] = disparity.reshape(-1)[known].astype(np.float64), 1 / depth.reshape(-1)[known].astype(float)
        if len(self._kept) > _FRAMES:
            self._stride *= 2
            self._kept = {i: pair for i, pair in self._kept.items() if self.wants(i)}

    def pairs(self) -> Pairs:
        """All that is kept."""
        sizes = [len(d) for d, _ in self._kept.values()]
        parts = [np.concatenate([pair[k] for pair in self._kept.values()] or [np.empty(0)]) for k in (0, 1)]
        return Pairs(frames=np.repeat(list(self._kept), sizes).astype(np.int64), disparity=parts[0], inverse=parts[1])
