"""Between a rival's pictures and the clip's: frames a few at a time, maps back at the clip's size."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8

FRAMES_AT_ONCE = 4  # keeps the memory of a clip that of a few pictures


def batches(rgb: UInt8[np.ndarray, "T H W 3"]) -> Iterator[UInt8[np.ndarray, "n H W 3"]]:
    """The frames, a few at a time."""
    return (rgb[start : start + FRAMES_AT_ONCE] for start in range(0, len(rgb), FRAMES_AT_ONCE))


def resized(maps: Float[np.ndarray, "n h w *C"], size: tuple[int, int]) -> Float32[np.ndarray, "n H W *C"]:
    """The maps at (height, width), bilinear, float32."""
    if maps.shape[1:3] == size:
        return np.ascontiguousarray(maps, np.float32)
    planes = torch.from_numpy(np.ascontiguousarray(maps, np.float32).reshape(*maps.shape[:3], -1)).movedim(-1, 1)
    larger = F.interpolate(planes, size, mode="bilinear", align_corners=False)
    return np.ascontiguousarray(larger.movedim(1, -1).reshape(len(maps), *size, *maps.shape[3:]).numpy())


def unit(normals: Float[np.ndarray, "*N 3"]) -> Float32[np.ndarray, "*N 3"]:
    """The same directions at length one."""
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return (normals / np.maximum(length, 1e-6)).astype(np.float32)
