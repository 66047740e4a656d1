"""A depth sensor's frame made whole by a model: what can be trusted stays, the rest is filled and joined.

Glass and polished metal read as what lies behind them, or as nothing. There the model is right and the sensor is not;
on everything else it is the other way round. The two are told apart by their ratio: a model's own faults are wide and
smooth, or blur the outlines of what is near, a sensor's are as large as a thing and make it farther.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from pellucid.clip import InputError

from ._membrane import membrane

FARTHER, NEARER = 0.04, 0.12  # of the depth; measured by benchmarks/metric.py
_REACHED = 1.5
_CELLS = 32  # columns of the grid on which the model's wide faults are measured
_SAMPLES = 4  # of a cell, each way
_WINDOW = 0.25  # of the image's width; a thing must be smaller than half of it
_REACH = 0.05  # of the image's width: how far a border's correction is carried into a hole


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Depth in metres everywhere, where it is the sensor's own, and the relative error to expect if that is told."""

    depth: Float32[np.ndarray, "H W"]
    trusted: Bool[np.ndarray, "H W"]
    expected_error: Float32[np.ndarray, "H W"] | None = None


@runtime_checkable
class Completer(Protocol):
    """Whatever completes a depth sensor's frame: from its colours, a model's depth of it (metres, positive), the
    sensor's (metres, NaN where unknown) and the camera's focal length (pixels, None where unknown)."""

    def __call__(
        self,
        rgb: UInt8[np.ndarray, "H W 3"],
        model: Float32[np.ndarray, "H W"],
        sensor: Float32[np.ndarray, "H W"],
        focal: float | None,
        /,
    ) -> Completed: ...


def complete_depth(
    model: Float32[np.ndarray, "H W"],
    sensor: Float32[np.ndarray, "H W"],
    *,
    farther: float = FARTHER,
    nearer: float = NEARER,
    believe_model: bool = False,
) -> Completed:
    """The sensor's depth where the model bears it out, exactly; elsewhere the model's, joined without a step.

    Both in metres, `model` positive everywhere, `sensor` NaN where it has none. The model is first corrected by the
    median of its surroundings' ratio to the sensor; then a pixel of the sensor is trusted if it is at most the share
    `farther` behind, or `nearer` in front, and so are most pixels around it. What remains of the ratio at the borders
    of the trusted is carried into the holes and fades there. `believe_model` leaves the first correction out: where
    the model's metres are known from elsewhere, most of a sensor may be wrong.
    Raises InputError when the two are of different size.
    """
    if model.shape != sensor.shape:
        raise InputError(f"the model's depth {model.shape} and the sensor's {sensor.shape} must have the same size")
    known = np.isfinite(sensor) & (sensor > 0)
    ratio = np.log(np.where(known, sensor, model) / model)
    wide = np.zeros_like(ratio) if believe_model else _local_median(ratio, known)
    rest = ratio - wide
    agrees = known & (rest <= np.log1p(farther)) & (rest >= -np.log1p(nearer))
    side = max(3, model.shape[1] // 64 | 1)
    around = cv2.boxFilter(agrees.astype(np.float32), -1, (side, side), borderType=cv2.BORDER_REFLECT)
    trusted = agrees & (around > 0.5)
    return Completed(depth=join_depth(model * np.exp(wide), sensor, trusted), trusted=trusted)


def within_reach(model: Float32[np.ndarray, "H W"], sensor: Float32[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W"]:
    """The model's depth, held within what the sensor sees and half as much again. Metres.

    A line of disparity says next to nothing of what is far away; the sensor says how far things are at all.
    """
    known = sensor[np.isfinite(sensor) & (sensor > 0)]
    if not known.size:
        return model
    low, high = np.quantile(known, (0.01, 0.99))
    return np.clip(model, np.float32(low / _REACHED), np.float32(high * _REACHED))


def join_depth(
    model: Float32[np.ndarray, "H W"], sensor: Float32[np.ndarray, "H W"], trusted: Bool[np.ndarray, "H W"]
) -> Float32[np.ndarray, "H W"]:
    """The sensor's depth where trusted, exactly; elsewhere the model's, joined to it without a step. Metres.

    The ratio of the two at the borders of what is trusted is carried into the holes and fades there.
    """
    rest = np.log(np.where(trusted, sensor, model) / model)
    carried = membrane(rest, trusted, _REACH * model.shape[1])
    return np.where(trusted, sensor, model * np.exp(carried))


def _local_median(ratio: Float32[np.ndarray, "H W"], known: Bool[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W"]:
    """The median of `ratio` over the known pixels of a wide window around each pixel; 0 where none is known.

    Measured on a coarse grid and interpolated.
    """
    H, W = ratio.shape
    size = (_CELLS * _SAMPLES, max(1, round(_CELLS * H / W)) * _SAMPLES)
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.where(known, ratio, np.float32(0)), size, interpolation=cv2.INTER_AREA)
    means = np.where(share > 0.25, total / np.maximum(share, np.float32(1e-6)), np.float32(np.nan))
    r = int(_WINDOW * size[0] / 2)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(means, r, constant_values=np.nan), (2 * r + 1, 2 * r + 1))
    middle = _SAMPLES // 2
    windows = windows[middle::_SAMPLES, middle::_SAMPLES, ::2, ::2]
    cells = windows.reshape(*windows.shape[:2], -1)
    seen = np.isfinite(cells).any(axis=-1)
    medians = np.zeros(seen.shape, np.float32)
    medians[seen] = np.nanmedian(cells[seen], axis=-1)
    return cv2.resize(medians, (W, H), interpolation=cv2.INTER_CUBIC)
