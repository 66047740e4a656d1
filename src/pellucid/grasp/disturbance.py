"""Truth made worse by known amounts, to learn what an error costs in grasps."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float32

from pellucid.synth.sensor import blobs

BLOB = 40  # pixels: how wide the hills and dales of smooth noise are
_SALT = 32_452_843
ErrorKind = Literal["bias", "noise", "blur"]
UNITS: dict[ErrorKind, str] = {"bias": "mm", "noise": "mm", "blur": "px"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """An error of depth: `bias` moves all of it away by so many millimetres, `noise` is smooth and of that standard
    deviation, `blur` has a Gaussian of so many pixels of the depth image."""

    kind: ErrorKind
    amount: float

    @property
    def name(self) -> str:
        sign = "+" if self.kind == "bias" and self.amount > 0 else ""
        return f"{self.kind} {sign}{self.amount:g} {UNITS[self.kind]}"

    def of(self, truth: Float32[np.ndarray, "H W"], seed: int) -> Float32[np.ndarray, "H W"]:
        """The disturbed depth. The field of a seed's noise is the same whatever its amount."""
        if self.kind == "bias":
            return truth + np.float32(self.amount / 1e3)
        if self.kind == "noise":
            rng = np.random.default_rng(np.random.SeedSequence([_SALT, seed]))
            return truth + (self.amount / 1e3 * blobs(rng, truth.shape, BLOB)).astype(np.float32)
        far = np.float32(20.0)  # for the sky, which a blur may not spread
        return cv2.GaussianBlur(np.minimum(truth, far), (0, 0), self.amount)


AMOUNTS: dict[ErrorKind, tuple[float, ...]] = {
    "bias": (-20, -10, -5, 5, 10, 20),
    "noise": (2, 4, 8, 16),
    "blur": (1, 2, 4, 8),
}
CURVE = tuple(Disturbance(kind=kind, amount=amount) for kind, amounts in AMOUNTS.items() for amount in amounts)
CURVE_CELL = "diffuse-on-diffuse"
