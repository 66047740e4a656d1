"""Peak memory of `pellucid predict` over the length of the video: `python benchmarks/long_video.py --dir DIR`.

One clip is looped to each length, encoded once, and predicted in a fresh process. Writes
benchmarks/results/long_video.md. Memory should not grow with the length; the figures are ratios to the shortest.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from pellucid.video import VideoWriter, open_source, stream

RESULTS = Path(__file__).parent / "results"


def loop(source: Path, frames: int, path: Path) -> None:
    """The source played forth and back until it has so many frames."""
    clip = np.concatenate(list(stream(open_source(source))))
    order = np.abs((np.arange(frames) + len(clip) - 1) % (2 * len(clip) - 2) - (len(clip) - 1))
    with VideoWriter(path, *clip.shape[1:3], Fraction(24)) as writer:
        for start in range(0, frames, 64):
            writer.write(clip[order[start : start + 64]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder for videos and predictions, about 8 GB")
    parser.add_argument("--source", type=Path, default=Path("examples/sample.mp4"))
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--models", nargs="+", default=["nano"])
    parser.add_argument("--resolution", default="96x160")
    options = parser.parse_args()

    options.dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for frames in options.lengths:
        video = options.dir / f"loop_{frames}.mp4"
        loop(options.source, frames, video)
        for model in options.models:
            out = options.dir / model
            command = [
                sys.executable, "-m", "pellucid", "predict", str(video), "--out", str(out), "--model", model,
                "--resolution", options.resolution, "--save", "npz",
            ]  # fmt: skip
            subprocess.run(command, check=True)
            report = json.loads((out / video.stem / "prediction.json").read_text())
            rows.append((model, frames, report["peak_memory_bytes"]["main"] / 1e6, report["seconds"]["total"] / frames))
            print(rows[-1], flush=True)
    first = {model: megabytes for model, _, megabytes, _ in reversed(rows)}
    lines = [f"| {m} | {n} | {mb:.0f} | {mb / first[m]:.2f} | {1000 * s:.0f} |" for m, n, mb, s in rows]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "long_video.md").write_text(
        "# Peak memory over the length of the video\n\n"
        f"`python benchmarks/long_video.py --dir DIR`, {datetime.date.today()}, {os.cpu_count()} cores, "
        f"{platform.machine()}. Working resolution {options.resolution}; a fresh process for each row.\n\n"
        "| model | frames | peak MB | ratio to the shortest | ms a frame |\n|---|---|---|---|---|\n"
        + "\n".join(lines) + "\n"
    )  # fmt: skip


if __name__ == "__main__":
    main()
