"""Geometry as pictures: one colour range for a whole clip, the field's usual colours."""

from math import gcd

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_SAMPLES_PER_FRAME = 16_384
_SAMPLED_FRAMES = 512

# The eleven anchors of ColorBrewer's Spectral (Cynthia Brewer, Apache-2.0), from far (dark red) to near (blue).
_WARM = ((158, 1, 66), (213, 62, 79), (244, 109, 67), (253, 174, 97), (254, 224, 139))
_COLD = ((230, 245, 152), (171, 221, 164), (102, 194, 165), (50, 136, 189), (94, 79, 162))
_SPECTRAL_ANCHORS = (*_WARM, (255, 255, 191), *_COLD)


def colorize_disparity(disparity: Float[np.ndarray, "T H W"], low: float, high: float) -> UInt8[np.ndarray, "T H W 3"]:
    """Spectral colours: `low` and less is dark red (far), `high` and more is blue (near), NaN is black.

    The table, the index min(int(256 x), 255) and the truncation are the released DKT code's. A clip of one value
    (`low` equal to `high`) is shown in the middle colour. Raises ValueError when the range is not finite or reversed.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"the colour range is {low} to {high}; it must be finite and rising")
    unknown = np.isnan(disparity)
    if low == high:
        index = np.full(disparity.shape, 128)
    else:
        share = np.clip((np.where(unknown, low, disparity) - low) / (high - low), 0, 1)
        index = np.minimum((share * 256).astype(np.int64), 255)
    colors = _spectral()[index]
    colors[unknown] = 0
    return colors


def colorize_normals(normals: Float[np.ndarray, "T H W 3"]) -> UInt8[np.ndarray, "T H W 3"]:
    """The usual normal colours: right is red, up is green, towards the viewer is blue; NaN is black.

    Normals are in OpenCV's frame (x right, y down, z forward), so colour = ((x, -y, -z) + 1) / 2: a wall seen face on
    is (128, 128, 255).
    """
    unknown = np.isnan(normals).any(axis=-1)
    seen = np.where(unknown[..., None], 0, normals) * np.array([1, -1, -1], normals.dtype)
    colors = np.rint(np.clip((seen + 1) / 2, 0, 1) * 255 + 1e-6).astype(np.uint8)
    colors[unknown] = 0
    return colors


def colorize_error(error: Float[np.ndarray, "T H W"], high: float = 0.3) -> UInt8[np.ndarray, "T H W 3"]:
    """OpenCV's Inferno: 0 is black, `high` and more is pale yellow, NaN is grey. One scale for all clips."""
    unknown = np.isnan(error)
    levels = np.rint(np.clip(np.where(unknown, 0, error) / high, 0, 1) * 255).astype(np.uint8)
    colors = np.stack([cv2.applyColorMap(frame, cv2.COLORMAP_INFERNO)[..., ::-1] for frame in levels])
    colors[unknown] = 128
    return colors


def side_by_side(
    left: UInt8[np.ndarray, "T H W_left 3"], right: UInt8[np.ndarray, "T H W_right 3"]
) -> UInt8[np.ndarray, "T H W_both 3"]:
    """Two clips of one length and height as one."""
    return np.concatenate([left, right], axis=2)


class RangeEstimator:
    """Low and high percentiles of a stream, the same however it is cut into chunks, in constant memory.

    Looks at evenly spread pixels of evenly spread frames: of every frame at first, and of every second one each time
    the store of 512 frames is full. Values that are not finite do not count.
    """

    def __init__(self, low_percentile: float = 1.0, high_percentile: float = 99.0) -> None:
        if not 0 <= low_percentile < high_percentile <= 100:
            raise ValueError(f"percentiles {low_percentile} and {high_percentile}; they must rise within 0 and 100")
        self._percentiles = (low_percentile, high_percentile)
        self._samples: list[np.ndarray] = []
        self._stride = 1  # of frames
        self._seen = 0

    def add(self, frames: Float[np.ndarray, "n *shape"]) -> None:
        """Takes the next frames."""
        for frame in frames:
            if self._seen % self._stride == 0:
                self._samples.append(frame.reshape(-1)[:: _pixel_stride(frame.size, frame.shape[-1])].copy())
                if len(self._samples) == _SAMPLED_FRAMES:
                    self._samples = self._samples[::2]
                    self._stride *= 2
            self._seen += 1

    def range(self) -> tuple[float, float]:
        """The two percentiles so far. Raises ValueError when no finite value was seen."""
        values = np.concatenate(self._samples) if self._samples else np.empty(0)
        values = values[np.isfinite(values)]
        if not values.size:
            raise ValueError("no finite value to take a colour range from")
        low, high = np.percentile(values, self._percentiles)
        return float(low), float(high)


def _pixel_stride(size: int, width: int) -> int:
    """Thins a frame to the wanted number of samples without falling on the same columns in every row."""
    stride = max(1, -(-size // _SAMPLES_PER_FRAME))
    while gcd(stride, width) > 1:
        stride += 1
    return stride


def _spectral() -> UInt8[np.ndarray, "256 3"]:
    """Matplotlib's 256 colour table, truncated to bytes as the released code does."""
    anchors = np.array(_SPECTRAL_ANCHORS) / 255
    at = np.linspace(0, 1, len(anchors))
    position = np.linspace(0, 1, 256)
    table = np.stack([np.interp(position, at, channel) for channel in anchors.T], axis=-1)
    return (table * 255).astype(np.uint8)
