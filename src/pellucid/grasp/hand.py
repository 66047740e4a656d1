"""A parallel-jaw hand, and where one takes hold.

The hand's frame: x is the approach, y the way the jaws close, z lies along the pads' width. Its origin is the middle
of the palm's face; the pads reach `length` along x from there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Sizes in metres: those of a common 85 mm gripper."""

    opening: float = 0.085  # between the pads, at most
    length: float = 0.045  # of the pads, along the approach
    width: float = 0.020  # of the pads
    thickness: float = 0.010  # of the pads, along the closing
    palm: tuple[float, float, float] = (0.060, 0.150, 0.044)  # along x, y, z, behind the pads
    force: float = 50.0  # newtons, at most


HAND = Hand()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grasp:
    """Seven numbers and a score: where the tips' middle goes, how the hand is turned, how far the jaws open before.

    The columns of `rotation` are approach, closing and lateral in the frame that `position` is in; scores rank the
    grasps of one planner, and the higher is the better.
    """

    position: Float64[np.ndarray, " 3"]  # metres
    rotation: Float64[np.ndarray, "3 3"]
    width: float  # metres
    score: float

    def moved(self, T_to_from: Float64[np.ndarray, "4 4"]) -> "Grasp":
        """The grasp in another frame."""
        turn = T_to_from[:3, :3]
        return Grasp(
            position=turn @ self.position + T_to_from[:3, 3], rotation=turn @ self.rotation,
            width=self.width, score=self.score,
        )  # fmt: skip
