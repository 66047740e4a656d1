"""Rendered frames as a failing depth camera and a model of disparity see them: what depth completion trains on.

Which frames a step takes, how the sensor fails on them and how they are cut is a pure function of (seed, step).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from pellucid.align import Evidence, depth_from_disparity, fit_metric, fit_scale_shift, within_reach
from pellucid.camera import focal_length
from pellucid.clip import InputError
from pellucid.data.augment import Augmentation, camera_matrix, look, warp
from pellucid.data.behind import behind_things
from pellucid.data.sequences import Sequence, read_sequence
from pellucid.store import load_scene_frame
from pellucid.synth.frame import Frame
from pellucid.synth.sensor import SHINY, Sensor, simulate_active_stereo

FAR = 8.0  # metres; beyond, what a model of disparity says is of no use
_FRAMES = 5  # of a sequence: its neighbours show the same


@dataclass(frozen=True, slots=True)
class SensedSample:
    """One frame under one augmentation."""

    sequence: Sequence
    index: int
    variant: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """One frame as both see it. Depth in metres, NaN where unknown; the model's is known everywhere."""

    rgb: UInt8[np.ndarray, "H W 3"]
    model: Float32[np.ndarray, "H W"]
    sensor: Float32[np.ndarray, "H W"]
    truth: Float32[np.ndarray, "H W"]
    hard: Bool[np.ndarray, "H W"]  # glass and metal
    transparent: Bool[np.ndarray, "H W"]
    focal: float  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class SensedMixture:
    """Frames of each step; `disparity` gives the model's for a sequence's frame."""

    sequences: tuple[Sequence, ...]
    disparity: Callable[[Sequence, int], Float32[np.ndarray, "H W"]]
    sizes: tuple[tuple[int, int], ...]
    batch_frames: int
    variants: int
    seed: int
    augmentation: Augmentation

    def batch(self, step: int) -> list[SensedSample]:
        """The samples of one step, all of one size."""
        rng = np.random.default_rng([self.seed, step])
        size = int(rng.integers(len(self.sizes)))
        samples = []
        for pick in rng.integers(len(self.sequences), size=self.batch_frames):
            sequence = self.sequences[pick]
            index = int(rng.choice(chosen_frames(sequence)))
            samples.append(SensedSample(sequence, index, size + len(self.sizes) * int(rng.integers(self.variants))))
        return samples

    def load(self, sample: SensedSample) -> Sensed:
        """The frame of a sample; the same sample always gives the same."""
        rng = np.random.default_rng([self.seed, sample.sequence.seed, sample.index, sample.variant])
        seen = sense(sample.sequence, sample.index, self.disparity(sample.sequence, sample.index), rng)
        return cut(seen, self.sizes[sample.variant % len(self.sizes)], self.augmentation, rng)


def chosen_frames(sequence: Sequence) -> list[int]:
    """Evenly spaced frames of a sequence, the first among them."""
    count = min(_FRAMES, sequence.num_frames)
    return sorted({int(i) for i in np.linspace(0, sequence.num_frames - 1, count)})


def sense(sequence: Sequence, index: int, disparity: Float32[np.ndarray, "H W"], rng: np.random.Generator) -> Sensed:
    """A frame as a sensor of random faults sees it, and as the model's disparity does once fitted to that.

    Raises InputError when the frame cannot be read.
    """
    frame, K = read_frame(sequence, index)
    depth = np.where(frame.depth < FAR, frame.depth, np.nan).astype(np.float32)
    finer = int(rng.integers(1, 4))
    sensor = simulate_active_stereo(enlarged(frame, finer), K * [[finer], [finer], [1]], rng, random_sensor(rng))
    sensor = sensor[finer // 2 :: finer, finer // 2 :: finer]
    sensor = np.where(sensor < FAR, sensor, np.float32(np.nan))
    shiny = np.isin(frame.material, SHINY)
    return Sensed(
        rgb=frame.rgb, model=within_reach(in_metres(disparity, sensor, depth), sensor), sensor=sensor, truth=depth,
        hard=frame.transparent | shiny, transparent=frame.transparent, focal=focal_length(K),
    )  # fmt: skip


def enlarged(frame: Frame, times: int) -> Frame:
    """The frame with pixels so many times as wide and high: faults of a sensor have a size in the sensor's pixels, and
    sensors have more of them than the frames to train on."""
    maps = {f.name: getattr(frame, f.name) for f in fields(frame)}
    large: dict[str, Any] = {
        name: value.repeat(times, axis=0).repeat(times, axis=1)
        for name, value in maps.items()
        if isinstance(value, np.ndarray) and value.shape[:2] == frame.depth.shape
    }
    return replace(frame, **large)


def random_sensor(rng: np.random.Generator) -> Sensor:
    """Cameras differ in what they make of glass and metal."""
    missing, shiny = rng.uniform(0.1, 0.8), rng.uniform(0.1, 0.8)
    return Sensor(
        baseline=float(rng.uniform(0.04, 0.1)),
        disparity_noise=float(rng.uniform(0.03, 0.15)),
        shadow=int(rng.integers(1, 5)),
        transparent_missing=float(missing),
        transparent_behind=float((1 - missing) * rng.uniform(0.5, 1)),
        shiny_missing=float(shiny),
        shiny_farther=float((1 - shiny) * rng.uniform(0.3, 1)),
    )


def in_metres(
    disparity: Float32[np.ndarray, "H W"], sensor: Float32[np.ndarray, "H W"], truth: Float32[np.ndarray, "H W"]
) -> Float32[np.ndarray, "H W"]:
    """The disparity fitted to the sensor, as it will be in use; to the truth where the sensor sees too little."""
    evidence = Evidence()
    evidence.add(0, disparity, sensor)
    try:
        scale, shift = fit_metric(evidence).lines.at(0)
    except InputError:
        known = np.isfinite(truth)
        scale, shift = fit_scale_shift(disparity, 1 / np.where(known, truth, 1), known)
    return depth_from_disparity(disparity, scale, shift, max_depth=FAR)


def cut(seen: Sensed, size: tuple[int, int], augmentation: Augmentation, rng: np.random.Generator) -> Sensed:
    """The frame turned, zoomed and recoloured, at (height, width)."""
    M, _, _ = camera_matrix(seen.truth.shape, size, augmentation, rng)
    near = {
        name: warp(getattr(seen, name).astype(np.float32), M, size, cv2.INTER_NEAREST)
        for name in ("sensor", "truth", "hard", "transparent")
    }
    rgb = look(warp(seen.rgb, M, size, cv2.INTER_LINEAR)[None], augmentation, rng)[0]
    return replace(
        seen, rgb=rgb, model=warp(seen.model, M, size, cv2.INTER_LINEAR), sensor=near["sensor"], truth=near["truth"],
        hard=near["hard"] > 0, transparent=near["transparent"] > 0,
        focal=seen.focal / float(np.sqrt(abs(np.linalg.det(M[:, :2])))),
    )  # fmt: skip


def read_frame(sequence: Sequence, index: int) -> tuple[Frame, np.ndarray]:
    """A rendered frame with what lies behind its glass, and K.

    Raises InputError when a file is missing or cannot be read.
    """
    clip = read_sequence(sequence, index, index + 1)
    assert clip.depth is not None and clip.normals is not None and clip.K is not None
    assert clip.transparent is not None and clip.T_world_camera is not None
    if (sequence.path / f"depth_behind_{index + 1:04d}.png").exists():
        read = load_scene_frame(sequence.path, index)
        instance, material, behind, normals_behind = (
            read.instance, read.material, read.depth_behind, read.normals_behind,
        )  # fmt: skip
    else:  # of other makers
        label = cv2.imread(str(sequence.path / f"label_{index + 1:04d}.png"))
        assert label is not None  # the sequence was read with it
        instance, material = np.ascontiguousarray(label[..., 2]), np.ascontiguousarray(label[..., 1])
        behind, normals_behind = behind_things(clip.depth[0], instance), clip.normals[0]
    frame = Frame(
        index=index, rgb=clip.rgb[0], depth=clip.depth[0], normals=clip.normals[0], instance=instance,
        material=material, transparent=clip.transparent[0], depth_behind=behind, normals_behind=normals_behind,
        K=clip.K, T_world_camera=clip.T_world_camera[0],
    )  # fmt: skip
    return frame, clip.K
