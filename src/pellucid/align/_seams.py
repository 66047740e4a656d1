"""How two windows of one video were joined."""

from dataclasses import dataclass

from ._lines import TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """How a window was brought onto the frames before it.

    `residual` is the median of |scale * window + shift - previous| over the overlap, relative to the 5-95 % spread of
    the previous frames there. For normals it is the median angle in radians, with scale 1 and shift 0.
    """

    start: int  # first frame of the window
    overlap: int  # frames shared with the frames before it
    scale: float
    shift: float
    residual: float

    @property
    def large(self) -> bool:
        """True when more than half of the overlap disagrees by more than `TOLERANCE` even after the fit."""
        return self.residual > TOLERANCE
