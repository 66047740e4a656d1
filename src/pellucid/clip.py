"""The nouns that cross layer borders: what a camera saw, and what an estimator says about it.

One legend of axis letters for the package: B batch, T frames, H W pixels, C channels; f h w latent
frames, rows, columns. The camera frame is OpenCV's (x right, y down, z forward). Depth is planar z in
metres, never ray length. Unknown depth is NaN, the sky is +inf, so `np.isfinite(depth)` is the one
validity rule. Disparity is 1/depth up to a positive scale and a shift: larger is nearer.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

Quantity = Literal["disparity", "depth", "normals"]
Invariance = Literal["affine", "scale", "none"]


class InputError(ValueError):
    """What the user gave cannot be used. The message is one line: what was given, what is allowed, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video with its camera and whatever truth exists for it."""

    name: str
    rgb: UInt8[np.ndarray, "T H W 3"]
    fps: Fraction | None = None
    K: Float[np.ndarray, "3 3"] | None = None  # pixels
    T_world_camera: Float[np.ndarray, "T 4 4"] | None = None
    depth: Float[np.ndarray, "T H W"] | None = None  # metres
    normals: Float[np.ndarray, "T H W 3"] | None = None  # unit, camera frame, z < 0
    transparent: Bool[np.ndarray, "T H W"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Geometry of a clip, and the transform up to which it is defined.

    disparity [T,H,W] is affine-invariant (larger is nearer), depth [T,H,W] is metres (up to scale and shift where the
    invariance says so; larger is farther), normals [T,H,W,3] are unit vectors in the camera frame.

    expected_error is the confidence of a prediction that has one: the relative error |depth - truth| / truth that is
    to be expected at a pixel, 0.05 for 5 %, once depth is free of the transform that the invariance leaves open (one
    scale and shift a clip). NaN where nothing is known of it. Normals have none.
    Raises ValueError when it is not of the values' shape.
    """

    quantity: Quantity
    invariance: Invariance
    values: Float[np.ndarray, "T H W *C"]
    expected_error: Float32[np.ndarray, "T H W"] | None = None

    def __post_init__(self) -> None:
        if self.expected_error is None:
            return
        if self.quantity == "normals":
            raise ValueError("expected_error is of depth, but the prediction is of normals")
        if self.expected_error.shape != self.values.shape:
            raise ValueError(f"expected_error is {self.expected_error.shape}, but the values are {self.values.shape}")


@runtime_checkable
class Estimator(Protocol):
    """Anything that turns a video into geometry: our pipeline, a rival, an oracle."""

    def __call__(self, rgb: UInt8[np.ndarray, "T H W 3"], /) -> Prediction: ...
