"""`pellucid render`: everything that can be refused is refused first, then scenes until they are there."""

import functools
import itertools
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from pellucid.clip import InputError
from pellucid.synth.assets import Assets, find_assets
from pellucid.synth.cluster import LocalPool, Pool, RayPool, Run
from pellucid.synth.environment import find_blender
from pellucid.synth.families import FAMILIES
from pellucid.synth.job import Goal, render_all
from pellucid.synth.ledger import Ledger
from pellucid.synth.lights import BLENDER_HDRIS
from pellucid.synth.process import device_here
from pellucid.synth.request import RenderRequest
from pellucid.synth.sampling import TEST_SEEDS
from pellucid.synth.scene import RenderSettings
from pellucid.synth.status import Status
from pellucid.synth.tasks import Scenes, run_task

BYTES_PER_PIXEL = 2.5  # on the disk, all files of a frame: more than was ever measured, see docs/rendering.md
RAY_THREADS = 2
MODELS = "models"  # in the output folder, which all machines see: what Blender made of .blend files
STARTS = {".hdr": (b"#?",), ".exr": (b"\x76\x2f\x31\x01",)}  # of files


def render_scenes(request: RenderRequest) -> Path:
    """Renders what is asked for and not there yet; the folder.

    Raises InputError when something the user must mend is in the way: no bpy, an unreadable asset, no GPU where one
    was demanded, a full disk, another job's folder.
    """
    assert request.scenes is not None
    out = request.out.resolve()
    hdris = find_hdris(request.hdris)
    _check_space(request, out)
    blender = find_blender(request.blender) if request.ray is None or request.assets else None
    assets = None
    if request.assets:
        assets = find_assets(request.assets.resolve(), blender.command if blender else (), out / MODELS)
        say(f"{assets.report}, beside {len(FAMILIES[request.split])} procedural families")
    if hdris:
        kinds = Counter(path.suffix.lower() for path in hdris)
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        say(f"{request.hdris}: {counted}, beside {len(BLENDER_HDRIS)} of Blender's")
    device = device_here(blender.command, request.device) if blender and request.ray is None else None
    ledger = Ledger(out, described_job(request, assets, hdris))
    try:
        scenes = Scenes(
            frames=request.frames, resolution=request.size, split=request.split, layout=request.layout,
            assets=assets, hdris=hdris,
            settings=RenderSettings(samples=request.samples, device=request.device, threads=_threads(request)),
            blender=tuple(blender.command) if blender and request.ray is None else None,
        )  # fmt: skip
        ledger.adopt(seed for seed in _there(out) if seed in TEST_SEEDS or request.split == "train")
        missing = request.scenes - ledger.count("done")
        say(
            f"{request.scenes} scenes of {request.frames} frames at {request.size[0]}x{request.size[1]}, "
            f"{request.samples} samples; {max(0, missing)} to render"
            + (f" with {blender.description}" if blender else "")
            + (f", on {device}" if device else "")
        )
        if missing > 0:
            _render(request, functools.partial(run_task, scenes, out), ledger)
    finally:
        ledger.close()
    return out


def find_hdris(folder: Path | None) -> tuple[Path, ...]:
    """The user's surroundings, in a fixed order.

    Raises InputError when a folder is given that holds none, or a file that is not what its name says.
    """
    if folder is None:
        return ()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --hdris takes a folder of .exr or .hdr files")
    found = sorted(path for path in folder.resolve().rglob("*") if path.suffix.lower() in (".exr", ".hdr"))
    if not found:
        raise InputError(f"{folder}: holds no .exr or .hdr file")
    for path in found:
        with path.open("rb") as file:
            if not file.read(4).startswith(STARTS[path.suffix.lower()]):
                raise InputError(f"{path}: not a {path.suffix.lower()} picture; take it out of the folder")
    return tuple(found)


def described_job(request: RenderRequest, assets: Assets | None, hdris: tuple[Path, ...]) -> dict[str, object]:
    """All that a scene depends on besides its seed, and from which seed on they are tried."""
    models = "".join(asset.sha256 for asset in assets.usable) if assets else ""
    return {
        "seed": request.seed or 0,
        "frames": request.frames,
        "resolution": request.size,
        "samples": request.samples,
        "split": request.split,
        "layout": None if request.layout == "heap" else request.layout,  # as folders had it before there was a choice
        "assets": sha256(models.encode()).hexdigest() if assets else None,
        "hdris": [path.name for path in hdris],
    }


def seeds_of(request: RenderRequest) -> Iterator[int]:
    """The seeds to try, in order; those of the test set are for it alone."""
    if request.split == "test":
        return iter(TEST_SEEDS)
    return (seed for seed in itertools.count(request.seed or 0) if seed not in TEST_SEEDS)


def say(sentence: str) -> None:
    """One line on the error stream."""
    tqdm.write(sentence, file=sys.stderr)


def _render(request: RenderRequest, run: Run, ledger: Ledger) -> None:
    assert request.scenes is not None
    goal = Goal(scenes=request.scenes, attempts=request.attempts)
    status = Status(request.out, request.scenes, request.price)
    pool = _pool(request, run)
    try:
        render_all(goal, seeds_of(request), pool, ledger, status)
    finally:
        workers = pool.places()
        pool.close()
        status.show(ledger, 0, workers, last=True)


def _pool(request: RenderRequest, run: Run) -> Pool:
    if request.ray is None:
        return LocalPool(run, request.workers or 1)
    return RayPool(run, request.ray, cpus=_threads(request), gpus=float(request.device in ("optix", "cuda")))


def _threads(request: RenderRequest) -> int:
    if request.threads:
        return request.threads
    return RAY_THREADS if request.ray else max(1, (os.cpu_count() or 1) // (request.workers or 1))


def _check_space(request: RenderRequest, out: Path) -> None:
    """Raises InputError when not even one scene for each worker fits on the disk; says when not all do."""
    place = next(path for path in (out, *out.parents) if path.exists())
    free = shutil.disk_usage(place).free
    scene = request.size[0] * request.size[1] * request.frames * BYTES_PER_PIXEL
    least = scene * (request.workers or 1)
    if free < least:
        raise InputError(
            f"{place}: {free / 1e6:.0f} MB are free, the scenes under way need up to {least / 1e6:.0f} MB; free some "
            "space, or choose another --out"
        )
    if free < scene * (request.scenes or 0):
        say(f"note: all scenes may need {scene * (request.scenes or 0) / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _there(out: Path) -> list[int]:
    """Seeds of the folders of scenes."""
    names = (path.name[1:] for path in sorted(out.glob("s[0-9]*")))
    return [int(name) for name in names if name.isdecimal()]
