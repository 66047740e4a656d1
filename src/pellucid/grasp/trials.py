"""Trials: a scene is looked at, a grasp planned on each method's depth and executed, and a line kept of what came."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from pellucid.align import Completer
from pellucid.grasp.arena import Arena
from pellucid.grasp.controller import Motion, Outcome, Verdict, Watch, execute
from pellucid.grasp.estimates import kept_estimate
from pellucid.grasp.external import load_planner
from pellucid.grasp.hand import Grasp
from pellucid.grasp.methods import Method
from pellucid.grasp.observe import Observation, observe, scene_camera
from pellucid.grasp.pictures import picture_path, read_picture
from pellucid.grasp.planners import GraspPlanner, View, best_on_target
from pellucid.grasp.scenes import Cell, grasp_scene, target_of
from pellucid.synth.spec import SceneSpec

HALF_SIZE = 0.3  # metres: of the workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial, as a line of trials.jsonl. Errors are medians over the target's pixels, where there is a depth."""

    method: str
    identity: str
    cell: str
    seed: int
    planner: str
    outcome: Outcome
    target: str  # family of the object to grasp
    material: str  # its kind
    width: float | None  # metres that the jaws opened
    score: float | None
    known: float  # share of the target's pixels that have a depth
    error_mm: float | None
    bias_mm: float | None  # the median of what is signed: positive is too far
    state: str  # digest of where everything ended

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.method, self.identity, self.cell, self.seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The trials of one scene."""

    cell: Cell
    seed: int
    methods: tuple[Method, ...]
    planner: str
    checkpoint: Path | None
    pictures: Path  # folder
    estimates: Path  # folder of folders
    samples: int
    completer: Callable[[str], Completer]  # what completes the sensor beside the estimator of that name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial before it is executed: what is believed, and what is therefore tried."""

    observation: Observation
    depth: np.ndarray  # [H, W] metres
    expected_error: np.ndarray | None  # [H, W] of the depth, relative
    grasp: Grasp | None
    target: int  # id of the object to grasp


def run_job(job: Job) -> list[Row]:
    """The rows of a scene, one for each method. The same job gives the same rows, whatever ran before."""
    spec = grasp_scene(job.seed, job.cell)
    arena = Arena(spec)
    observation = observe(arena, scene_camera(spec))
    planner = load_planner(job.planner, job.checkpoint)
    rows = []
    for method in job.methods:
        arena.reset()
        trial = planned(method, spec, observation, planner, arena, job)
        rows.append(_row(method, job, spec, trial, attempted(arena, trial), arena))
    return rows


def planned(
    method: Method, spec: SceneSpec, observation: Observation, planner: GraspPlanner, arena: Arena, job: Job
) -> Trial:
    """The best grasp by a method's depth."""
    picture, shape = picture_path(job.pictures, spec, job.samples), observation.truth.shape
    rgb = cv2.resize(read_picture(picture), shape[::-1]) if picture.exists() else observation.shaded
    prediction = kept_estimate(job.estimates / folder_name(method), picture) if method.estimator else None
    complete = _completer(job.completer, method.estimator) if method.source == "completed" else None
    belief = method.believed(observation, rgb, prediction, complete)
    depth = belief.depth
    target = target_of(spec).id
    view = View(
        camera=observation.camera, depth=depth, rgb=rgb, target=observation.labels == target, half_size=HALF_SIZE,
        expected_error=belief.expected_error,
    )  # fmt: skip
    grasp = best_on_target(planner(view, arena.hand), view, arena.hand)
    return Trial(
        observation=observation, depth=depth, expected_error=belief.expected_error, grasp=grasp, target=target
    )  # fmt: skip


def attempted(arena: Arena, trial: Trial, watch: Watch | None = None) -> Verdict:
    """What comes of a trial."""
    if trial.grasp is None:
        return Verdict(outcome="no grasp")
    return execute(arena, trial.grasp, trial.target, Motion(), watch)


@lru_cache(maxsize=4)
def _completer(completer: Callable[[str], Completer], estimator: str) -> Completer:
    """Loaded once in each process."""
    return completer(estimator)


def folder_name(method: Method) -> str:
    """Of an estimator's kept answers."""
    plain = "".join(c if c.isalnum() or c in ".-" else "_" for c in method.estimator)
    return f"{plain}-{method.identity}" if method.identity else plain


def _row(method: Method, job: Job, spec: SceneSpec, trial: Trial, verdict: Verdict, arena: Arena) -> Row:
    target = target_of(spec)
    depth, truth = trial.depth, trial.observation.truth
    on_target = trial.observation.labels == target.id
    known = on_target & np.isfinite(depth)
    errors = (depth - truth)[known] * 1e3
    return Row(
        method=method.name,
        identity=method.version,
        cell=job.cell.name,
        seed=job.seed,
        planner=job.planner,
        outcome=verdict.outcome,
        target=target.family,
        material=target.material.kind,
        width=round(trial.grasp.width, 5) if trial.grasp else None,
        score=round(trial.grasp.score, 5) if trial.grasp else None,
        known=round(float(known.sum() / max(on_target.sum(), 1)), 4),
        error_mm=round(float(np.median(abs(errors))), 2) if errors.size else None,
        bias_mm=round(float(np.median(errors)), 2) if errors.size else None,
        state=sha256(arena.state()).hexdigest()[:16],
    )
