"""A simulated active-stereo depth camera, with the failures that glass and metal cause.

A model of what such cameras show, not of how they work: pixels of glass return nothing, or what lies behind (the two
types of ClearGrasp, arXiv:1910.02550), polished metal returns nothing or a mirrored, farther depth (DREDS,
arXiv:2208.03792); all depth has the noise and the steps of a disparity, and a shadow beside every near edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64

from pellucid.synth.frame import Frame
from pellucid.synth.spec import MATERIAL_IDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """An active-stereo camera, and the shares in which its depth fails."""

    baseline: float = 0.05  # metres
    disparity_noise: float = 0.08  # pixels, standard deviation
    disparity_step: float = 1 / 32  # pixels
    shadow: int = 3  # pixels beside a near edge that only one of its eyes sees
    nearest: float = 0.15  # metres
    farthest: float = 10.0
    transparent_missing: float = 0.45
    transparent_behind: float = 0.40  # the rest is the true surface, rougher
    shiny_missing: float = 0.45
    shiny_farther: float = 0.35


SHINY = tuple(MATERIAL_IDS[kind] for kind in ("metal", "mirror"))


def simulate_active_stereo(
    frame: Frame, K: Float64[np.ndarray, "3 3"], rng: np.random.Generator, sensor: Sensor | None = None
) -> Float32[np.ndarray, "H W"]:
    """The depth that such a camera would give, planar z in metres; NaN where it gives none."""
    sensor = sensor or Sensor()
    depth = frame.depth.astype(np.float64)
    missing = ~np.isfinite(depth)
    depth[missing] = sensor.farthest * 2

    glass = frame.transparent
    luck = _shares(blobs(rng, depth.shape, 16) + 0.5 * blobs(rng, depth.shape, 5), frame.instance, glass)
    lost = glass & (luck < sensor.transparent_missing)
    through = glass & ~lost & (luck < sensor.transparent_missing + sensor.transparent_behind)
    behind = frame.depth_behind + 0.006 * blobs(rng, depth.shape, 10)  # refraction shifts what is seen
    depth = np.where(through, behind, depth)
    depth[glass & ~through] += (0.004 * blobs(rng, depth.shape, 8))[glass & ~through]

    shiny = np.isin(frame.material, SHINY)
    facing = np.nan_to_num(-frame.normals[..., 2])
    luck = _shares(blobs(rng, depth.shape, 16) + 1.2 * facing, frame.instance, shiny)  # grazing ones fail first
    lost |= shiny & (luck < sensor.shiny_missing)
    mirrored = shiny & ~lost & (luck < sensor.shiny_missing + sensor.shiny_farther)
    depth = np.where(mirrored, depth + abs(0.03 + 0.03 * blobs(rng, depth.shape, 24)), depth)

    measured, seen = _as_disparity(depth, float(K[0, 0]), rng, sensor)
    shadow = _beside_edges(frame.depth.astype(np.float64), sensor.shadow) & (rng.random(depth.shape) > 0.35)
    missing |= lost | shadow | ~seen | ~np.isfinite(depth)
    return np.where(missing, np.nan, measured).astype(np.float32)


def _as_disparity(
    depth: Float64[np.ndarray, "H W"], focal: float, rng: np.random.Generator, sensor: Sensor
) -> tuple[Float64[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    """Depth with the noise and the steps of its disparity, and where it is within the camera's range."""
    scale = sensor.baseline * focal
    disparity = scale / np.maximum(np.nan_to_num(depth, posinf=sensor.farthest * 2), 1e-3)
    grain = 0.6 * blobs(rng, depth.shape, 3) + 0.4 * rng.standard_normal(depth.shape)
    disparity = np.round((disparity + sensor.disparity_noise * grain) / sensor.disparity_step) * sensor.disparity_step
    measured = scale / np.maximum(disparity, 1e-6)
    return measured, (measured >= sensor.nearest) & (measured <= sensor.farthest)


def _beside_edges(depth: Float64[np.ndarray, "H W"], width: int) -> Bool[np.ndarray, "H W"]:
    """Pixels near a horizontal step of depth of more than three per cent."""
    step = np.zeros(depth.shape, np.uint8)
    step[:, 1:] = abs(np.diff(np.nan_to_num(depth, posinf=1e3), axis=1)) > 0.03 * np.nan_to_num(
        depth[:, 1:], posinf=1e3
    )
    return cv2.dilate(step, np.ones((3, 2 * width + 1), np.uint8)) > 0


def blobs(rng: np.random.Generator, shape: tuple[int, ...], size: int) -> Float64[np.ndarray, "H W"]:
    """A smooth random field of mean 0 and deviation 1, its blobs so many pixels wide."""
    H, W = shape[0], shape[1]
    coarse = rng.standard_normal((H // size + 2, W // size + 2))
    field = cv2.resize(coarse, (W, H), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / (field.std() + 1e-9)


def _shares(
    field: Float64[np.ndarray, "H W"], instance: np.ndarray, mask: Bool[np.ndarray, "H W"]
) -> Float64[np.ndarray, "H W"]:
    """The field's rank from 0 to 1 within each body's masked pixels, so that shares come out exactly."""
    shares = np.ones(field.shape)
    for number in np.unique(instance[mask]):
        own = mask & (instance == number)
        values = field[own]
        rank = np.empty(len(values))
        rank[np.argsort(values, kind="stable")] = np.arange(len(values)) / len(values)
        shares[own] = rank
    return shares
