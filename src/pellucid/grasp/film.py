"""A film of trials: colour, the sensor's depth, the depth that the grasp is planned on, and the grasp executed."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pellucid.grasp.arena import Arena
from pellucid.grasp.controller import Verdict
from pellucid.grasp.external import load_planner
from pellucid.grasp.observe import Camera, observe, scene_camera, snapshot
from pellucid.grasp.panels import BAD, GOOD, SIDE, Panel, Picture, colored, gripped, outlined, page, page_size
from pellucid.grasp.pictures import picture_path, read_picture
from pellucid.grasp.scenes import grasp_scene, target_of
from pellucid.grasp.trials import Job, attempted, planned
from pellucid.store import atomic
from pellucid.synth.spec import SceneSpec
from pellucid.video import VideoWriter

FPS = Fraction(25)
EVERY = 3  # ticks of 20 ms between frames: a little faster than life
BEFORE, AFTER = 25, 30  # frames that the plan and the verdict stay
WIDER, LOWER = 0.62, 0.2  # of what is executed, so that the lift stays in view: its scale, and its shift by the height


def save_film(path: Path, jobs: Iterable[Job], done: Callable[[], object]) -> Path:
    """Writes the trials of jobs (of one method each) one after the other; calls `done` after each.

    Raises InputError when the file cannot be written.
    """
    held = 0
    with atomic(path) as temporary, VideoWriter(temporary, *page_size(), FPS) as video:
        for number, job in enumerate(jobs, start=1):
            so_far = f"    held so far: {held} of {number - 1}" if number > 1 else ""
            held += _filmed(video, job, f"trial {number}: {{}}{so_far}").outcome == "success"
            done()
    return path


def _filmed(video: VideoWriter, job: Job, headline: str) -> Verdict:
    """Writes one trial; the task goes into the headline. What came of it."""
    (method,) = job.methods
    spec = grasp_scene(job.seed, job.cell)
    arena, camera = Arena(spec), scene_camera(spec)
    observation = observe(arena, camera)
    trial = planned(method, spec, observation, load_planner(job.planner, job.checkpoint), arena, job)
    kept = picture_path(job.pictures, spec, job.samples)
    picture = outlined(read_picture(kept) if kept.exists() else observation.shaded, observation.labels == trial.target)
    seen: list[Picture] = [picture, colored(observation.raw, camera), colored(trial.depth, camera)]
    if trial.grasp is not None:
        seen = [gripped(one, trial.grasp, arena.hand, camera) for one in seen]
    titles = ("colour, what to take outlined", "depth of the sensor (RAW)", f"depth planned on: {method.name}")
    still = [Panel(title=title, picture=one) for title, one in zip(titles, seen, strict=True)]
    wide = _wide_camera(spec)
    target = target_of(spec)
    words = headline.format(f"take the {target.material.kind} {target.family}, {job.cell.name}, seed {job.seed}")

    def shown(panel: Panel, frames: int = 1) -> None:
        made = page(words, (still[0], still[1], still[2], panel))
        for _ in range(frames):
            video.write(made[None])

    ticks = 0

    def watch(now: Arena) -> None:
        nonlocal ticks
        ticks += 1
        if ticks % EVERY == 0:
            shown(Panel(title="executed", picture=snapshot(now, wide, trial.target)))

    shown(Panel(title="executed", picture=snapshot(arena, wide, trial.target)), BEFORE)
    verdict = attempted(arena, trial, watch)
    good = verdict.outcome == "success"
    told = "held after lift and shake" if good else verdict.outcome
    last = snapshot(arena, wide, trial.target)
    shown(Panel(title=f"executed: {told}", picture=last, paper=GOOD if good else BAD), AFTER)
    return verdict


def _wide_camera(spec: SceneSpec) -> Camera:
    """The scene's camera with a wider lens, which leaves room above."""
    camera = scene_camera(spec, SIDE)
    K = camera.K.copy()
    K[:2, :2] *= WIDER
    K[1, 2] += LOWER * SIDE[0]
    return replace(camera, K=K)
