"""ScanNet's scans as its authors' SensReader exports them (arXiv:1702.04405): rooms walked through with a depth sensor.

`sceneNNNN_NN/color/T.jpg` (1296x968) and `depth/T.png` (uint16, millimetres, 640x480, 0 unknown), T from 0 without
zeros before it; `pose/T.txt` (4x4, camera to world; minus infinity where tracking was lost) and
`intrinsic/intrinsic_depth.txt` (4x4) where they were exported too. `sceneNNNN_NN.txt`, which the authors ship with each
scan, tells how many frames there are, if it lies there too. Colour is brought to the size of depth.

Or the 800 pictures of validation scans that Marigold (arXiv:2312.02145) draws and ships as `scannet_val_sampled_800_1`:
`sceneNNNN_NN/color/NNNNNN.jpg` and `depth/NNNNNN.png`.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from pellucid.clip import Clip
from pellucid.data.frames import (
    MissingFiles,
    missing,
    read_depth_png,
    read_floats,
    read_rgb,
    require,
    resize_rgb,
    stable_seed,
)
from pellucid.data.sequences import Sequence
from pellucid.data.splits import listed

PER_METRE = 1000
STREAMS = {"color": ".jpg", "depth": ".png", "pose": ".txt"}
TEST = tuple(f"scene{n:04d}_00" for n in range(707, 807))  # the hundred test scans
SAMPLED = "scannet_val_sampled_800_1"


def find(root: Path, split: str | None = "test", first: int | None = None) -> list[Sequence]:
    """The hundred test scans, in the root or in `scans_test`; with the split "all" whatever scans the root holds; with
    "800" Marigold's stills, in the root or in the folder they come in. Only the first so many, if told.

    Raises MissingFiles for what they lack.
    """
    if split == "800":
        return _stills(next((f for f in (root / SAMPLED, root) if f.is_dir()), root), first)
    if split == "test":
        home = root / "scans_test" if (root / "scans_test").is_dir() else root
        folders = [home / name for name in TEST[:first]]
    else:
        assert split == "all"
        folders = sorted(folder for folder in root.glob("scene[0-9]*_[0-9]*") if folder.is_dir())[:first]
        if not folders:
            raise missing(root / "scene0000_00" / "color" / "0.jpg")
    require([folder / stream for folder in folders for stream in ("color", "depth")])
    if absent := [file for folder in folders for file in _absent(folder)]:
        raise MissingFiles(absent)
    seeds = [stable_seed(f"scannet_{folder.name}") for folder in folders]
    return [Sequence(f, len(_numbers(f / "depth")), seed, "scannet") for f, seed in zip(folders, seeds, strict=True)]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop), or the still, with depth and, where they are there, K and the camera's path.

    A pose that is not known is NaN; its colour and depth are as good as any. Raises InputError when a file is missing
    or cannot be read.
    """
    if sequence.path.suffix == ".png":
        depth = read_depth_png(sequence.path, PER_METRE)
        rgb = resize_rgb(read_rgb(_picture(sequence.path)), depth.shape)
        return Clip(name=sequence.name, rgb=rgb[None], depth=depth[None])
    folder = sequence.path
    frames = sorted(_numbers(folder / "depth"))[start:stop]
    depth = np.stack([read_depth_png(folder / "depth" / f"{t}.png", PER_METRE) for t in frames])
    intrinsics = folder / "intrinsic" / "intrinsic_depth.txt"
    return Clip(
        name=sequence.name,
        rgb=np.stack([resize_rgb(read_rgb(folder / "color" / f"{t}.jpg"), depth.shape[1:]) for t in frames]),
        K=read_floats(intrinsics, 4, 4)[:3, :3] if intrinsics.is_file() else None,
        T_world_camera=np.stack([_pose(folder / "pose" / f"{t}.txt") for t in frames])
        if (folder / "pose").is_dir()
        else None,
        depth=depth,
    )


def _stills(home: Path, first: int | None) -> list[Sequence]:
    depths = [home / scene / "depth" / f"{number:06d}.png" for scene, number in listed("scannet")[:first]]
    require([p for depth in depths for p in (_picture(depth), depth)])
    names = [f"{depth.parents[1].name}_{depth.stem}" for depth in depths]
    return [Sequence(d, 1, stable_seed(n), "scannet", n) for d, n in zip(depths, names, strict=True)]


def _absent(folder: Path) -> list[Path]:
    """The files that a scan lacks. All frames are exported, from 0 on; the last is that of any stream, or as told."""
    streams = [s for s in STREAMS if (folder / s).is_dir()]
    there = {s: _numbers(folder / s) for s in streams}
    count = max(_told(folder / f"{folder.name}.txt"), 1, *(n + 1 for n in set().union(*there.values())))
    return [folder / s / f"{t}{STREAMS[s]}" for t in range(count) for s in streams if t not in there[s]]


def _numbers(stream: Path) -> set[int]:
    return {int(file.stem) for file in stream.glob(f"*{STREAMS[stream.name]}") if file.stem.isdecimal()}


def _told(about: Path) -> int:
    """How many frames a scan has by the text file that the authors ship with it; 0 if that does not say it."""
    lines = about.read_text(errors="replace").splitlines() if about.is_file() else []
    found = [re.fullmatch(r"numColorFrames\s*=\s*(\d+)\s*", line) for line in lines]
    return next((int(match[1]) for match in found if match), 0)


def _picture(depth: Path) -> Path:
    return depth.parents[1] / "color" / f"{depth.stem}.jpg"


def _pose(path: Path) -> Float[np.ndarray, "4 4"]:
    T_world_camera = read_floats(path, 4, 4)
    return T_world_camera if np.isfinite(T_world_camera).all() else np.full((4, 4), np.nan)
