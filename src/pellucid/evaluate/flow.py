"""Optical flow between neighbouring frames, and how far it can be trusted."""

from dataclasses import dataclass

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

    `backward` is (across, down) in pixels, so that pixel p of frame t + 1 was at p + backward[t] of frame t. The
    weight is exp(-50 |I[t+1] - warped I[t]|^2), colours in [0, 1], and 0 where forward and backward flow disagree or
    the pixel was out of the picture.
    """

    backward: Float[np.ndarray, "pairs H W 2"]
    weight: Float[np.ndarray, "pairs H W"]


def optical_flow(rgb: UInt8[np.ndarray, "T H W 3"]) -> Flow:
    """Flow between each frame and the one before it, by OpenCV's DIS in both directions (arXiv:1603.03590).

    Trusted where both directions agree to within 0.5 pixels plus 1 % of their lengths, GMFlow's check.
    Raises InputError for a single frame or frames smaller than 32 pixels.
    """
    if len(rgb) < 2 or min(rgb.shape[1:3]) < SMALLEST_SIDE:
        raise InputError(f"optical flow needs two frames of {SMALLEST_SIDE} pixels a side or more, got {rgb.shape}")
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in rgb]
    backward, weights = [], []
    for t in range(len(rgb) - 1):
        back, forth = dis.calc(grey[t + 1], grey[t], None), dis.calc(grey[t], grey[t + 1], None)
        returned = warped(forth, back)
        gap = np.linalg.norm(back + returned, axis=-1)
        lengths = np.linalg.norm(back, axis=-1) + np.linalg.norm(returned, axis=-1)
        difference = rgb[t + 1] / 255 - warped(rgb[t] / 255, back)
        weight = np.exp(-COLOUR_FALLOFF * np.square(difference).sum(axis=-1))
        weights.append(np.where(gap <= 0.01 * lengths + 0.5, weight, 0))  # what left the picture is NaN, and fails
        backward.append(back)
    return Flow(np.stack(backward), np.stack(weights))


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
