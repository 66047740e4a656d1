"""The Bonn RGB-D dynamic set as its authors ship it (arXiv:1905.02082): people and balloons before a moving sensor.

`rgbd_bonn_<name>/rgb/<seconds>.png` and `depth/<seconds>.png` (uint16, 5000 steps a metre, 0 unknown), 640x480, in the
layout of TUM's sets: the two have clocks of their own, so a picture goes with the depth nearest in time, if that is
within 0.02 s, and is left out otherwise. `rgb.txt` and `depth.txt` list the files. The poses of `groundtruth.txt` are
those of a marker on the sensor, not of the camera, and are not read.
"""

from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.frames import read_depth_png, read_rgb, require, stable_seed
from pellucid.data.sequences import Sequence

PER_METRE = 5000
APART = 0.02  # seconds, at most
K = np.array([[542.822841, 0, 315.593520], [0, 542.576870, 237.756098], [0, 0, 1]])  # the authors' calibration
# The first ten of the 26 in alphabetical order.
TEN = (
    "balloon", "balloon2", "balloon_tracking", "balloon_tracking2", "crowd", "crowd2", "crowd3", "kidnapping_box",
    "kidnapping_box2", "moving_nonobstructing_box",
)  # fmt: skip
FIVE = ("balloon2", "crowd2", "crowd3", "person_tracking", "synchronous")


def find(root: Path, split: str | None = "five", first: int | None = None) -> list[Sequence]:
    """The five sequences that DepthCrafter and others score, in alphabetical order; with "all" the first ten of the
    set and whatever else is there.

    Only the first so many, if told. They lie in the root or in `rgbd_bonn_dataset`. Raises MissingFiles for what they
    lack of the files in their lists.
    """
    home = next((f for f in (root / "rgbd_bonn_dataset", root) if f.is_dir()), root)
    if split == "five":
        folders = [home / f"rgbd_bonn_{name}" for name in FIVE][:first]
    else:
        assert split == "all"
        there = {folder for folder in home.glob("rgbd_bonn_*") if folder.is_dir()}
        folders = sorted(there | {home / f"rgbd_bonn_{name}" for name in TEN})
    require([folder / stream for folder in folders for stream in ("rgb", "depth")])
    require([folder / file for folder in folders for stream in ("rgb", "depth") for file in _listed(folder, stream)])
    found = [_sequence(folder) for folder in folders]
    if empty := next((s for s in found if s.num_frames == 0), None):
        raise InputError(f"{empty.path}: no picture has depth within {APART} s; download it again")
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The pairs [start, stop) of colour and depth, with K. Raises InputError when a file cannot be read."""
    chosen = pairs(sequence.path)[start:stop]
    return Clip(
        name=sequence.name,
        rgb=np.stack([read_rgb(rgb) for rgb, _ in chosen]),
        K=K,
        depth=np.stack([read_depth_png(depth, PER_METRE) for _, depth in chosen]),
    )


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Each picture with the depth nearest in time, where that is less than 0.02 s away, in order of time.

    Raises InputError when the name of a file is no number of seconds.
    """
    rgb, depth = (_by_time(folder / stream) for stream in ("rgb", "depth"))
    if not depth:
        return []
    times = np.array(list(depth))
    found = []
    for time, picture in rgb.items():
        nearest = float(times[np.abs(times - time).argmin()])
        if abs(nearest - time) < APART:
            found.append((picture, depth[nearest]))
    return found


def _sequence(folder: Path) -> Sequence:
    count, pictures = len(pairs(folder)), len(_by_time(folder / "rgb"))
    alone = pictures - count
    are, them = ("is", "it") if alone == 1 else ("are", "them")
    why = f"{alone} of {pictures} pictures {are} left out: no depth is within {APART} s of {them}" if alone else None
    return Sequence(folder, count, stable_seed(folder.name), "bonn", left_out=why)


def _listed(folder: Path, stream: str) -> list[str]:
    """The files of a stream by the list of TUM's layout, `rgb.txt` or `depth.txt`; none where that is not there."""
    path = folder / f"{stream}.txt"
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return [words[1] for line in lines if len(words := line.split()) == 2 and not line.startswith("#")]


def _by_time(folder: Path) -> dict[float, Path]:
    try:
        return dict(sorted((float(file.stem), file) for file in folder.glob("*.png")))
    except ValueError as error:
        raise InputError(
            f"{folder}: a file is not named by its time in seconds ({error}); download it again"
        ) from error
