"""Optical flow between neighbouring frames, and how far it can be trusted."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from pellucid.clip import InputError

SMALLEST_SIDE = 32  # pixels; DIS starts on patches of 8 pixels in pictures reduced four times
COLOUR_FALLOFF = 50.0  # of the weight with the squared difference of colours in [0, 1], as in NVDS


@dataclass(frozen=True, slots=True)
class Flow:
    """Where each pixel of a frame was in the frame before, and the weight of that.

    `backward` is (across, down) in pixels: pixel p was at p + backward. The weight is exp(-50 |I - warped I before|^2),
    colours in [0, 1], and 0 where forward and backward flow disagree or the pixel was out of the picture.
    """

    backward: Float[np.ndarray, "H W 2"]
    weight: Float[np.ndarray, "H W"]


def optical_flow(before: UInt8[np.ndarray, "H W 3"], frame: UInt8[np.ndarray, "H W 3"]) -> Flow:
    """Flow between a frame and the one before it, by OpenCV's DIS in both directions (arXiv:1603.03590).

    Trusted where both directions agree to within 0.5 pixels plus 1 % of their lengths, GMFlow's check.
    Raises InputError for frames that differ in size or are smaller than 32 pixels.
    """
    if before.shape != frame.shape or min(frame.shape[:2]) < SMALLEST_SIDE:
        raise InputError(
            f"optical flow needs two frames of one size, of {SMALLEST_SIDE} pixels a side or more, got {before.shape} "
            f"and {frame.shape}"
        )
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # its stubs know no flow to start from
    first, second = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (before, frame))
    backward, forward = dis.calc(second, first, None), dis.calc(first, second, None)
    returned = warped(forward, backward)
    gap = np.linalg.norm(backward + returned, axis=-1)
    lengths = np.linalg.norm(backward, axis=-1) + np.linalg.norm(returned, axis=-1)
    difference = frame / 255 - warped(before / 255, backward)
    weight = np.exp(-COLOUR_FALLOFF * np.square(difference).sum(axis=-1))
    return Flow(backward, np.where(gap <= 0.01 * lengths + 0.5, weight, 0))  # what came in from outside is NaN: fails


def warped(values: Float[np.ndarray, "H W *C"], flow: Float[np.ndarray, "H W 2"]) -> Float[np.ndarray, "H W *C"]:
    """At each pixel p the value at p + flow, linear between pixels; NaN outside the picture."""
    rows, columns = np.indices(flow.shape[:2], dtype=np.float64)
    at = np.stack([rows + flow[..., 1], columns + flow[..., 0]])
    channels = values.reshape(*flow.shape[:2], -1).astype(np.float64)
    sampled = [
        ndimage.map_coordinates(channels[..., c], at, order=1, cval=np.nan, prefilter=False)
        for c in range(channels.shape[-1])
    ]
    return np.stack(sampled, axis=-1).reshape(values.shape)
