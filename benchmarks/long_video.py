"""Peak memory of `pellucid predict` over the length of the video: `python benchmarks/long_video.py --dir DIR`.

One clip is looped to each length, encoded once, and predicted in a fresh process. Writes
benchmarks/results/long_video.md of all that DIR holds, so that other models and lengths can follow. Memory should not
grow with the length. The allocator keeps some of what was freed, more by chance in a longer run, so beside the peak of
the process it is told what is in use after every tenth of a video, when what is free has been given back (Linux).
"""

import argparse
import ctypes
import datetime
import gc
import json
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import torch

from pellucid import GeometryPipeline
from pellucid.model.pipeline import Settings
from pellucid.video import VideoWriter, open_source, stream

RESULTS = Path(__file__).parent / "results"
CHUNK = 16


def loop(source: Path, frames: int, path: Path) -> None:
    """The source played forth and back until it has so many frames."""
    clip = np.concatenate(list(stream(open_source(source))))
    order = np.abs((np.arange(frames) + len(clip) - 1) % (2 * len(clip) - 2) - (len(clip) - 1))
    with VideoWriter(path, *clip.shape[1:3], Fraction(24)) as writer:
        for start in range(0, frames, 64):
            writer.write(clip[order[start : start + 64]])


@torch.no_grad()
def in_use(path: Path, model: str, size: tuple[int, int]) -> list[int]:
    """Megabytes after each tenth of the video, when the allocator has given back what is free."""
    allocator = ctypes.CDLL("libc.so.6")
    source, pipe = open_source(path), GeometryPipeline.from_pretrained(model)
    geometry = pipe.start(source.num_frames, source.height, source.width, Settings(processing_resolution=size))
    found, seen = [], 0
    for frames in stream(source, chunk=CHUNK):
        geometry.push(frames)
        seen += len(frames)
        if seen * 10 // source.num_frames > len(found):
            gc.collect()
            allocator.malloc_trim(0)
            found.append(round(psutil.Process().memory_info().rss / 1e6))
    return found


def table(folder: Path) -> str:
    """Of every prediction in the folder the peak, its ratio to the shortest of the same model, and the time a frame."""
    lines = ["| model | frames | peak MB | ratio to the shortest | ms a frame |", "|---|---|---|---|---|"]
    for model in sorted(p for p in folder.iterdir() if p.is_dir()):
        reports = {int(p.parent.name[5:]): json.loads(p.read_text()) for p in model.glob("loop_*/prediction.json")}
        for frames, report in sorted(reports.items()):
            peak, shortest = (r["peak_memory_bytes"]["main"] / 1e6 for r in (report, reports[min(reports)]))
            milliseconds = 1000 * report["seconds"]["total"] / frames
            lines.append(f"| {model.name} | {frames} | {peak:.0f} | {peak / shortest:.2f} | {milliseconds:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder for videos and predictions, about 8 GB")
    parser.add_argument("--source", type=Path, default=Path("examples/sample.mp4"))
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--models", nargs="+", default=["nano=nano"], metavar="LABEL=MODEL")
    parser.add_argument("--resolution", default="32x48")
    options = parser.parse_args()

    options.dir.mkdir(parents=True, exist_ok=True)
    models = dict(model.split("=", 1) for model in options.models)
    for frames in options.lengths:
        video = options.dir / f"loop_{frames}.mp4"
        if not video.is_file():
            loop(options.source, frames, video)
        for label, model in models.items():
            command = [
                sys.executable, "-m", "pellucid", "predict", str(video), "--out", str(options.dir / label),
                "--model", model, "--resolution", options.resolution, "--save", "npz",
            ]  # fmt: skip
            subprocess.run(command, check=True)
            print(table(options.dir), flush=True)
    kept = ""
    if sys.platform == "linux":
        middle = sorted(options.lengths)[len(options.lengths) // 2]
        height, width = map(int, options.resolution.split("x"))
        for label, model in models.items():
            told = options.dir / label / "in_use.txt"
            if not told.is_file():  # like the predictions, measured once
                found = in_use(options.dir / f"loop_{middle}.mp4", model, (height, width))
                told.write_text(f"{label}, {middle} frames: {', '.join(map(str, found))}\n")
        lines = "\n".join(f"- {path.read_text().strip()}" for path in sorted(options.dir.glob("*/in_use.txt")))
        kept = f"\nMegabytes in use after each tenth of the video, what is free given back:\n\n{lines}\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "long_video.md").write_text(
        "# Peak memory over the length of the video\n\n"
        f"`python benchmarks/long_video.py --dir DIR`, {datetime.date.today()}, {os.cpu_count()} cores, "
        f"{platform.machine()}. Frames of 480x300, working resolution {options.resolution}; a fresh process for each "
        "row. The peak is of the process, with what its allocator keeps of what was freed; times are of a machine that "
        f"may have been busy.\n\n{table(options.dir)}\n{kept}"
    )


if __name__ == "__main__":
    main()
