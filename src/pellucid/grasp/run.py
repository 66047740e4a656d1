"""`pellucid grasp`: pictures, estimates, trials, table, film; each kept as soon as it is there."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pellucid.align import Completer
from pellucid.clip import Estimator, InputError
from pellucid.grasp.disturbance import CURVE, CURVE_CELL
from pellucid.grasp.estimates import estimate, identity
from pellucid.grasp.external import load_planner
from pellucid.grasp.film import save_film
from pellucid.grasp.journal import Journal
from pellucid.grasp.methods import ORACLE, RAW, Method
from pellucid.grasp.pictures import picture_path, render_picture
from pellucid.grasp.report import save_report
from pellucid.grasp.request import GraspRequest
from pellucid.grasp.scenes import Cell, grasp_scene
from pellucid.grasp.trials import Job, folder_name, run_job
from pellucid.synth import BlenderFailed
from pellucid.synth.cluster import watch_driver
from pellucid.synth.drop import load_mujoco
from pellucid.synth.environment import find_blender

PICTURES, ESTIMATES = "pictures", "estimates"
FILMED = 10  # trials
_BAR_DELAY = 2.0  # seconds of work before a bar shows

Load = Callable[[str], Estimator]


def run_grasps(request: GraspRequest, load: Load, completer: Callable[[str], Completer]) -> list[Path]:
    """The files made: the report, and the film if one is asked for. `load` makes an estimator of a name, `completer`
    what completes the sensor beside it; other processes call the latter, so it is a function of a module.

    Raises InputError when something the user must mend is in the way.
    """
    mujoco = load_mujoco()
    load_planner(request.planner, request.checkpoint)
    settings = {"planner": request.planner, "mujoco": mujoco.__version__, "samples": request.samples}
    journal = Journal(request.out, settings | {"pellucid": version("pellucid")})
    try:
        methods = [ORACLE, RAW]
        for name in request.estimator:
            methods += _asked(request, name, load(name), completer(name), journal)
        jobs = list(_missing(request, methods, journal, completer))
        with _bar(sum(len(job.methods) for job in jobs), "grasping", "trial") as bar:
            for rows in _all(_workers(request), run_job, jobs):
                journal.add(rows)
                bar.update(len(rows))
        made = save_report(request, methods, journal.rows.values())
        if request.video:
            made.append(_film(request, methods[3] if request.estimator else RAW, completer))
        return made
    finally:
        journal.close()


def _asked(
    request: GraspRequest, name: str, estimator: Estimator, complete: Completer, journal: Journal
) -> list[Method]:
    """An estimator on its own and completing the sensor, once it has answered for every scene that needs it."""
    alone = Method(source="estimator", estimator=name, identity=identity(estimator))
    both = [alone, replace(alone, source="completed", completion=identity(complete))]
    scenes = [(cell, seed) for cell, seed in _scenes(request) if _lacking(both, cell, seed, journal)]
    pictures = _pictured(request, scenes)
    with _bar(len(pictures), f"asking {name}", "scene") as bar:
        estimate(estimator, pictures, request.out / ESTIMATES / folder_name(alone), bar.update)
    return both


def _pictured(request: GraspRequest, scenes: list[tuple[Cell, int]]) -> list[Path]:
    """The scenes' colour pictures, rendered where they are not there yet."""
    folder, workers = request.out / PICTURES, _workers(request)
    with _bar(len(scenes), "settling", "scene") as bar:
        paths = {}
        for cell, seed in scenes:
            paths[cell, seed] = picture_path(folder, grasp_scene(seed, cell), request.samples)
            bar.update()
    lacking = [scene for scene, path in paths.items() if not path.exists()]
    if lacking:
        blender = find_blender(request.blender)
        _say(f"{len(lacking)} colour pictures to render with {blender.description}")
        threads = max(1, (os.cpu_count() or 1) // workers)
        draw = partial(_draw, folder, request.samples, threads, tuple(blender.command))
        with _bar(len(lacking), "rendering", "picture") as bar:
            for _ in _all(workers, draw, lacking):
                bar.update()
    return list(paths.values())


def _draw(folder: Path, samples: int, threads: int, blender: tuple[str, ...], scene: tuple[Cell, int]) -> None:
    cell, seed = scene
    try:
        render_picture(folder, grasp_scene(seed, cell), samples, threads, blender)
    except BlenderFailed as error:
        raise InputError(f"picture of {cell.name}, seed {seed}: {error}; the same command tries again") from error


def _scenes(request: GraspRequest) -> Iterator[tuple[Cell, int]]:
    return ((cell, seed) for seed in request.seeds for cell in request.chosen)


def _lacking(methods: list[Method], cell: Cell, seed: int, journal: Journal) -> tuple[Method, ...]:
    return tuple(m for m in methods if (m.name, m.version, cell.name, seed) not in journal.rows)


def _missing(
    request: GraspRequest, methods: list[Method], journal: Journal, completer: Callable[[str], Completer]
) -> Iterator[Job]:
    """What is to be tried and was not yet, scene by scene."""
    curve = [Method(source="oracle", disturbance=disturbance) for disturbance in CURVE] if request.curve else []
    for cell, seed in _scenes(request):
        wanted = methods + curve if cell.name == CURVE_CELL else methods
        if lacking := _lacking(wanted, cell, seed, journal):
            yield _job(request, cell, seed, lacking, completer)


def _job(
    request: GraspRequest, cell: Cell, seed: int, methods: tuple[Method, ...], completer: Callable[[str], Completer]
) -> Job:
    return Job(
        cell=cell, seed=seed, methods=methods, planner=request.planner, checkpoint=request.checkpoint,
        pictures=request.out / PICTURES, estimates=request.out / ESTIMATES, samples=request.samples,
        completer=completer,
    )  # fmt: skip


def _film(request: GraspRequest, method: Method, completer: Callable[[str], Completer]) -> Path:
    """The first trials, in turn from each cell."""
    scenes = list(_scenes(request))[:FILMED]
    jobs = (_job(request, cell, seed, (method,), completer) for cell, seed in scenes)
    with _bar(len(scenes), "filming", "trial") as bar:
        return save_film(request.out / "film.mp4", jobs, bar.update)


def _all(workers: int, work: Callable[[Any], Any], items: list[Any]) -> Iterator[Any]:
    """What `work` gives for each item, as it comes, from several processes at once.

    Raises InputError when one of these was killed. They end when this process does.
    """
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(kind)
    with ProcessPoolExecutor(min(workers, len(items)), context, initializer=watch_driver) as pool:
        try:
            for done in as_completed([pool.submit(work, item) for item in items]):
                yield done.result()
        except BrokenExecutor as error:
            raise InputError(
                "a worker was killed; the same command goes on; fewer --workers need less memory"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _workers(request: GraspRequest) -> int:
    return request.workers or os.cpu_count() or 1


def _bar(total: int, what: str, unit: str) -> tqdm:
    return tqdm(
        total=total, desc=what, unit=unit, delay=_BAR_DELAY, leave=False, file=sys.stderr, dynamic_ncols=True,
        mininterval=0.2 if sys.stderr.isatty() else 10.0,
    )  # fmt: skip


def _say(sentence: str) -> None:
    tqdm.write(sentence, file=sys.stderr)
