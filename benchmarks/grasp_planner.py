"""Seconds that our grasp planner takes for a frame: `python benchmarks/grasp_planner.py [--scenes N] [--seed S]`.

On the truth of the scenes of `pellucid grasp`, with and without an expected error, each planned twice and the faster
counted. Processor seconds beside the clock's: on a busy machine the latter say little. Writes
benchmarks/results/grasp_planner.md.
"""

import argparse
import datetime
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.grasp.arena import Arena
from pellucid.grasp.candidates import HandSearch
from pellucid.grasp.hand import HAND
from pellucid.grasp.observe import observe, scene_camera
from pellucid.grasp.planners import View, cloud_of
from pellucid.grasp.scenes import CELLS, grasp_scene, target_of
from pellucid.grasp.trials import HALF_SIZE

RESULTS = Path(__file__).parent / "results"


def scene_view(seed: int) -> View:
    spec = grasp_scene(seed, CELLS[2])
    seen = observe(Arena(spec), scene_camera(spec))
    return View(
        camera=seen.camera, depth=seen.truth, rgb=seen.shaded, target=seen.labels == target_of(spec).id,
        half_size=HALF_SIZE,
    )  # fmt: skip


def seconds(view: View) -> tuple[float, float]:
    """Of the processor and of the clock."""
    planner, taken = HandSearch(), []
    for _ in range(2):
        cpu, wall = time.process_time(), time.perf_counter()
        planner(view, HAND)
        taken.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=3000)
    args = parser.parse_args()
    views = [scene_view(seed) for seed in range(args.seed, args.seed + args.scenes)]
    unsure = [replace(view, expected_error=np.full_like(view.depth, 0.01)) for view in views]
    lines = []
    for name, tried in (("depth alone", views), ("with an expected error", unsure)):
        cpu, wall = np.array([seconds(view) for view in tried]).T
        lines.append(f"| {name} | {np.median(cpu):.2f} | {cpu.max():.2f} | {np.median(wall):.2f} |")
    points = int(np.median([len(cloud_of(view).pixels) for view in views]))
    H, W = views[0].depth.shape
    page = f"""# Speed of the grasp planner

`python benchmarks/grasp_planner.py --scenes {args.scenes} --seed {args.seed}`, {datetime.date.today()}, one thread of \
{os.cpu_count()} cores, {platform.machine()}. {args.scenes} frames of {W}x{H}, {points} points above the table in the \
median frame. Seconds a frame, from depth to ranked \
grasps; where others use the machine too, the processor's count:

| | processor, median | processor, most | clock, median |
|---|---|---|---|
{chr(10).join(lines)}
"""
    (RESULTS / "grasp_planner.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
