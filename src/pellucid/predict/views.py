"""Other looks at the same frames, in which a model that knows what it sees says the same."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8

from pellucid.model.pipeline import Settings

SHIFT = 0.03  # of the height and of the width: some pixels, and another place on the network's grid


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The frames mirrored left to right, or moved down and to the right by so many shifts (negative: up and left).

    `seed` is added to that of a model that starts from noise.
    """

    name: str
    seed: int
    mirrored: bool = False
    shifts: int = 0

    def of(self, rgb: UInt8[np.ndarray, "n H W 3"]) -> UInt8[np.ndarray, "n H W 3"]:
        """The frames as the view shows them, of the same size; what comes in at a border repeats it."""
        moved = rgb[:, :, ::-1] if self.mirrored else rgb
        for axis in (1, 2):
            index = np.arange(rgb.shape[axis]) - self._pixels(rgb.shape[axis])
            moved = np.take(moved, np.clip(index, 0, rgb.shape[axis] - 1), axis=axis)
        return np.ascontiguousarray(moved)

    def back(self, maps: Float32[np.ndarray, "n H W"]) -> Float32[np.ndarray, "n H W"]:
        """What was said of the view, on the pixels of the frames; NaN where it does not show them."""
        for axis in (1, 2):
            pixels = self._pixels(maps.shape[axis])
            maps = np.roll(maps, -pixels, axis=axis)
            hidden = slice(-pixels, None) if pixels > 0 else slice(-pixels)
            if pixels:
                maps[(slice(None),) * axis + (hidden,)] = np.nan
        return maps[:, :, ::-1] if self.mirrored else maps

    def settings(self, settings: Settings) -> Settings:
        """Those of the prediction, with noise of the view's own."""
        return replace(settings, seed=settings.seed + self.seed)

    def _pixels(self, length: int) -> int:
        return self.shifts * max(round(SHIFT * length), 1)


VIEWS = (
    View(name="mirrored", seed=1, mirrored=True),
    View(name="down-right", seed=2, shifts=1),
    View(name="up-left", seed=3, shifts=-1),
)
