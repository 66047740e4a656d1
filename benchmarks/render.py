"""Seconds per frame of `pellucid render`, and the share of them inside Cycles: `python benchmarks/render.py`.

Renders the first frames of a few scenes at several sizes and samples, each in a fresh Blender, as `render` does, and
writes benchmarks/results/render.md, or another page that --page names. CPU seconds are those of all processes together;
seconds per frame mean little unless the machine is idle, so the page says how loaded it was.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pellucid.store import SceneFrame, save_scene_frame
from pellucid.synth import Rejected, RenderSettings, SceneSpec, render_scene, sample_scene, settle
from pellucid.synth.environment import find_blender

RESULTS = Path(__file__).parent / "results"
WATCH = Path(__file__).with_name("cycles_time.py")


def settled(count: int, frames: int) -> list[SceneSpec]:
    """The first scenes that can be."""
    scenes: list[SceneSpec] = []
    for seed in itertools.count(2):
        if len(scenes) == count:
            break
        try:
            scenes.append(settle(sample_scene(seed, frames=frames)))
        except Rejected as rejection:
            print(f"seed {seed}: {rejection}")
    return scenes


def cpu_seconds() -> float:
    """Of this process and of those that it started and that ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def measure(scene: SceneSpec, settings: RenderSettings, command: list[str]) -> dict[str, float]:
    """One scene, written as `render` writes it: wall and CPU seconds, bytes, all per frame; share inside Cycles."""
    with tempfile.TemporaryDirectory() as name:
        report, out = Path(name) / "report.json", Path(name) / "out"
        out.mkdir()
        wall, cpu, count, size = time.perf_counter(), cpu_seconds(), 0, 0
        for frame in render_scene(scene, settings, [*command, str(WATCH), str(report)]):
            fields = {field: getattr(frame, field) for field in SceneFrame.__dataclass_fields__}
            size += save_scene_frame(out, count, SceneFrame(**fields))
            count += 1
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
        inside = json.loads(report.read_text())["inside"]
    return {"wall": wall / count, "cpu": cpu / count, "share": inside / wall, "bytes": size / count}


def write_page(options: argparse.Namespace, machine: str, rows: list[str]) -> None:
    """What was measured so far: a run that is stopped keeps it."""
    RESULTS.mkdir(exist_ok=True)
    given = "".join(f" {word}" for word in sys.argv[1:])
    page = [
        "# Rendering", "",
        f"`python benchmarks/render.py{given}`, {datetime.date.today()}, {platform.machine()} with {os.cpu_count()} "
        f"cores, {options.threads} threads, device {options.device}, {machine}; {options.scenes} scenes of "
        f"{options.frames} frames, each from the start of a fresh Blender to the last file.",
        "",
        "| size | samples | s per frame | CPU s per frame | frames per hour and core | inside Cycles | kB per frame | "
        "core-hours for 11,000 × 120 |",
        "|---|---|---|---|---|---|---|---|",
        *rows, "",
        "Short scenes pay more for the start of Blender than full ones of 120 frames: their share inside Cycles is a "
        "lower bound.", "",
    ]  # fmt: skip
    (RESULTS / f"{options.page}.md").write_text("\n".join(page), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--sizes", nargs="+", default=["160x256", "288x512", "480x832"])
    parser.add_argument("--samples", type=int, nargs="+", default=[4, 16, 32])
    parser.add_argument("--device", default="cpu", choices=["cpu", "auto", "optix", "cuda"])
    parser.add_argument("--page", default="render")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    blender = find_blender()
    scenes = settled(options.scenes, options.frames)
    load = os.getloadavg()[0]
    rows = []
    for size, samples in itertools.product(options.sizes, options.samples):
        height, width = map(int, size.split("x"))
        settings = RenderSettings(
            resolution=(height, width), samples=samples, device=options.device, threads=options.threads
        )
        found = [measure(scene, settings, blender.command) for scene in scenes]
        mean = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
        rows.append(
            f"| {size} | {samples} | {mean['wall']:.2f} | {mean['cpu']:.2f} | {3600 / mean['cpu']:.0f} | "
            f"{100 * mean['share']:.0f} % | {mean['bytes'] / 1e3:.0f} | {11_000 * 120 * mean['cpu'] / 3600:,.0f} |"
        )
        print(rows[-1], flush=True)
        write_page(options, f"{blender.description.partition(',')[0]}; load {load:.0f} when it began", rows)


if __name__ == "__main__":
    main()
