"""KITTI's drives with the depth of its benchmark, as its authors ship them (cvlibs.net: raw data, annotated depth).

`<date>/<drive>_sync/image_02/data/NNNNNNNNNN.png`, and of `data_depth_annotated.zip`
`{train,val}/<drive>_sync/proj_depth/groundtruth/image_02/NNNNNNNNNN.png` (uint16, 256 steps a metre, 0 unknown), which
lacks the first and last five frames of a drive. Pictures may also lie in `rgb` or `raw_data`, depth in `depth` or
`data_depth_annotated`. With `<date>/calib_cam_to_cam.txt` there is K.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from pellucid.clip import Clip, InputError
from pellucid.data.frames import read_depth_png, read_rgb, require, stable_seed
from pellucid.data.sequences import Sequence
from pellucid.data.splits import grouped, listed

PER_METRE = 256
DEPTHS = ("data_depth_annotated", "depth")
DEPTH = Path("proj_depth/groundtruth/image_02")


def find(root: Path, split: str | None = "val", first: int | None = None) -> list[Sequence]:
    """The 13 drives of "val", or of "train" the first ten of 300 frames or more, as videos; or "eigen", the 652 test
    pictures of Eigen et al. (arXiv:1406.2283) that the annotated depth covers.

    Only the first so many, if told. Raises MissingFiles for each picture and depth that is missing.
    """
    depth = next((f for name in DEPTHS if (f := root / name).is_dir()), root)
    if split == "eigen":
        return _eigen(root, depth, first)
    assert split in ("val", "train")
    drives = dict(list(grouped(f"kitti-{split}").items())[:first])
    folders = {drive: depth / split / drive / DEPTH for drive in drives}
    _require_pairs(root, [folders[drive] / f"{n:010d}.png" for drive, numbers in drives.items() for n in numbers])
    return [
        Sequence(folder, len(_frames(folder)), stable_seed(f"kitti_{drive}"), "kitti", f"kitti_{drive}")
        for drive, folder in folders.items()
    ]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) of a drive, or the still, with depth and, where the calibration is there, K.

    Raises InputError when a file is missing or cannot be read.
    """
    files = [sequence.path] if sequence.path.is_file() else _frames(sequence.path)[start:stop]
    above = files[0].parents[len(DEPTH.parts) + 2]  # the drives' folder is in the root, or in one of these
    root = above.parent if above.name in DEPTHS and not _picture(above, files[0]).is_file() else above
    pictures = [_picture(root, file) for file in files]
    calibration = pictures[0].parents[3] / "calib_cam_to_cam.txt"
    return Clip(
        name=sequence.name,
        rgb=np.stack([read_rgb(picture) for picture in pictures]),
        K=_intrinsics(calibration) if calibration.is_file() else None,
        depth=np.stack([read_depth_png(file, PER_METRE) for file in files]),
    )


def _eigen(root: Path, depth: Path, first: int | None) -> list[Sequence]:
    files, validation = [], grouped("kitti-val")
    for drive, number in listed("kitti-eigen")[:first]:
        part = "val" if drive in validation else "train"
        files.append(depth / part / drive / DEPTH / f"{number:010d}.png")
    _require_pairs(root, files)
    names = [f"kitti_{file.parents[len(DEPTH.parts)].name}_{file.stem}" for file in files]
    return [Sequence(f, 1, stable_seed(n), "kitti", n) for f, n in zip(files, names, strict=True)]


def _require_pairs(root: Path, depths: list[Path]) -> None:
    require([p for file in depths for p in (_picture(root, file), file)])


def _frames(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def _picture(root: Path, depth: Path) -> Path:
    drive = depth.parents[len(DEPTH.parts)].name
    home = next((f for name in ("rgb", "raw_data") if (f := root / name).is_dir()), root)
    return home / drive[:10] / drive / "image_02" / "data" / depth.name


def _intrinsics(path: Path) -> Float[np.ndarray, "3 3"]:
    for line in path.read_text().splitlines():
        if line.startswith("P_rect_02:"):
            return np.array(line.split()[1:], np.float64).reshape(3, 4)[:, :3]
    raise InputError(f"{path}: has no line P_rect_02; download it again")
