"""Values carried from where they are known into the holes between, smoothly."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

_COARSEST = 8  # pixels
_SWEEPS = 16


def membrane(
    values: Float32[np.ndarray, "H W"], known: Bool[np.ndarray, "H W"], length: float
) -> Float32[np.ndarray, "H W"]:
    """`values` where known; elsewhere what joins them without a step and falls to 0 within a few times `length` pixels.

    The minimum of |grad c|^2 + (c / length)^2, a screened Poisson equation, by red-black over-relaxation from a
    half-size solution of itself; good to some hundredths of the values. Borders of the image are free.
    """
    H, W = values.shape
    if min(H, W) <= _COARSEST or length < 1:
        c = np.zeros_like(values)
    else:
        size = ((W + 1) // 2, (H + 1) // 2)
        share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        total = cv2.resize(np.where(known, values, np.float32(0)), size, interpolation=cv2.INTER_AREA)
        half = membrane(total / np.maximum(share, np.float32(1e-6)), share > 0, length / 2)
        c = cv2.resize(half, (W, H), interpolation=cv2.INTER_LINEAR)
    c = np.where(known, values, c)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / np.float32(4 + 1 / length**2)
    # Over-relaxation for waves of some lengths, beyond which the screen holds anyway (Young's optimum).
    omega = np.float32(2 / (1 + np.sin(np.pi / np.clip(3 * length, 4, max(H, W, 4)))))
    red = np.indices((H, W)).sum(axis=0) % 2 == 0
    for _ in range(_SWEEPS):
        for turn in (red & ~known, ~red & ~known):
            mean = cv2.filter2D(c, -1, cross, borderType=cv2.BORDER_REPLICATE)
            c = np.where(turn, c + omega * (mean - c), c)
    return c
