"""A film of trials: colour, the sensor's depth, the depth that the grasp is planned on, and the grasp executed."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from pellucid.grasp.arena import Arena
from pellucid.grasp.controller import Verdict
from pellucid.grasp.external import load_planner
from pellucid.grasp.hand import Grasp, Hand
from pellucid.grasp.observe import Camera, observe, scene_camera, snapshot
from pellucid.grasp.pictures import picture_path, read_picture
from pellucid.grasp.scenes import grasp_scene
from pellucid.grasp.trials import Job, attempted, planned
from pellucid.store import atomic
from pellucid.video import VideoWriter
from pellucid.visualize import colorize_disparity

FPS = Fraction(25)
EVERY = 3  # ticks of 20 ms between frames: a little faster than life
STAY = 12  # frames that the verdict stays
SIDE = (252, 396)  # of each of the four pictures, rows and columns
INK, GOOD, BAD = (255, 255, 255), (120, 230, 120), (255, 120, 110)

Picture = UInt8[np.ndarray, "H W 3"]


def save_film(path: Path, jobs: Iterable[Job], done: Callable[[], object]) -> Path:
    """Writes the trials of jobs (of one method each) one after the other; calls `done` after each.

    Raises InputError when the file cannot be written.
    """
    H, W = SIDE
    with atomic(path) as temporary, VideoWriter(temporary, 2 * H, 2 * W, FPS) as video:
        for job in jobs:
            for frame in _filmed(job):
                video.write(frame[None])
            done()
    return path


def _filmed(job: Job) -> list[Picture]:
    """The frames of one trial."""
    (method,) = job.methods
    spec = grasp_scene(job.seed, job.cell)
    arena = Arena(spec)
    observation = observe(arena, scene_camera(spec))
    trial = planned(method, spec, observation, load_planner(job.planner, job.checkpoint), arena, job)
    kept = picture_path(job.pictures, spec, job.samples)
    near, far = _range(observation.truth)
    still = [
        _titled(read_picture(kept) if kept.exists() else observation.shaded, f"{job.cell.name}, seed {job.seed}"),
        _titled(_colored(observation.raw, near, far), "RAW"),
        _titled(_colored(trial.depth, near, far), f"planned on: {method.name}"),
    ]
    camera = scene_camera(spec, SIDE)
    if trial.grasp is not None:
        still = [_drawn(picture, trial.grasp, arena.hand, camera) for picture in still]
    shots = [snapshot(arena, camera)]

    def watch(now: Arena) -> None:
        watch.ticks += 1  # type: ignore[attr-defined]
        if watch.ticks % EVERY == 0:  # type: ignore[attr-defined]
            shots.append(snapshot(now, camera))

    watch.ticks = 0  # type: ignore[attr-defined]
    verdict = attempted(arena, trial, watch)
    frames = [_joined(still, _titled(shot, "executed")) for shot in shots]
    return frames + [_joined(still, _judged(shots[-1], verdict))] * STAY


def _judged(shot: Picture, verdict: Verdict) -> Picture:
    good = verdict.outcome == "success"
    return _titled(shot, "held after the shake" if good else verdict.outcome, GOOD if good else BAD)


def _joined(still: list[Picture], shot: Picture) -> UInt8[np.ndarray, "h w 3"]:
    return np.concatenate([np.concatenate(still[:2], 1), np.concatenate([still[2], shot], 1)], 0)


def _range(truth: Float32[np.ndarray, "H W"]) -> tuple[float, float]:
    known = 1 / truth[np.isfinite(truth)]
    low, high = np.percentile(known, (2, 99.8))
    return float(high), float(low)


def _colored(depth: Float32[np.ndarray, "H W"], near: float, far: float) -> Picture:
    known = np.isfinite(depth) & (depth > 0)
    disparity = np.where(known, 1 / np.where(known, depth, 1), np.nan).astype(np.float32)
    return colorize_disparity(disparity[None], far, near)[0]


def _titled(picture: Picture, words: str, ink: tuple[int, int, int] = INK) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at the film's size with a line of words in its corner."""
    H, W = SIDE
    enlarged = cv2.resize(picture, (W, H), interpolation=cv2.INTER_LINEAR if len(picture) < H else cv2.INTER_NEAREST)
    titled = np.ascontiguousarray(enlarged)
    for color, thick in (((0, 0, 0), 3), (ink, 1)):
        cv2.putText(titled, words, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, thick, cv2.LINE_AA)
    return titled


def _drawn(picture: Picture, grasp: Grasp, hand: Hand, camera: Camera) -> Picture:
    """The picture with the hand's outline where it is to close."""
    half, back = grasp.width / 2, -hand.length
    outline = np.array([(0, half), (back, half), (back, -half), (0, -half), (back, 0), (2 * back, 0)])
    points = grasp.position + outline[:, :1] * grasp.rotation[:, 0] + outline[:, 1:] * grasp.rotation[:, 1]
    pose, K = camera.T_world_camera, camera.K
    seen = (points - pose[:3, 3]) @ pose[:3, :3]
    pixels = np.rint(seen[:, :2] / seen[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]).astype(int)
    drawn = picture.copy()
    for color, thick in (((0, 0, 0), 4), (INK, 2)):
        for a, b in ((0, 1), (1, 2), (2, 3), (4, 5)):
            cv2.line(drawn, pixels[a].tolist(), pixels[b].tolist(), color, thick, cv2.LINE_AA)
    return drawn
