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
from pellucid.data.frames import missing, read_depth_png, read_rgb, require, stable_seed
from pellucid.data.sequences import Sequence

PER_METRE = 256
DEPTHS = ("data_depth_annotated", "depth")
DEPTH = Path("proj_depth/groundtruth/image_02")
# The drives of the official validation split.
VAL = {
    "2011_09_26": ("0002", "0005", "0013", "0020", "0023", "0036", "0079", "0095", "0113"),
    "2011_09_28": ("0037",),
    "2011_09_29": ("0026",),
    "2011_09_30": ("0016",),
    "2011_10_03": ("0047",),
}
# Eigen et al.'s test pictures (arXiv:1406.2283) that the annotated depth covers: 652, as drive and first:last:step.
EIGEN = {
    "2011_09_26_0002": "6:63:3 69",
    "2011_09_26_0009": "16:176:16 196:388:16",
    "2011_09_26_0013": "5 10:30:10 35:50:5 60:70:5 80:135:5",
    "2011_09_26_0020": "6:21:3 27 33 36 42:78:3",
    "2011_09_26_0023": "18:216:18 252:468:18",
    "2011_09_26_0027": "7:98:7 112:147:7 161:182:7",
    "2011_09_26_0029": "14:196:14 268 296:408:14",
    "2011_09_26_0036": "32:704:32 768",
    "2011_09_26_0046": "5:115:5",
    "2011_09_26_0048": "5:16:1",
    "2011_09_26_0052": "6:22:2 26:32:2 36:52:2",
    "2011_09_26_0056": "11:121:11 143:286:11",
    "2011_09_26_0059": "14:154:14 182:238:14 274:358:14",
    "2011_09_26_0064": "22:110:22 154:550:22",
    "2011_09_26_0084": "49:153:13 179:374:13",
    "2011_09_26_0086": "7:520:27 574:682:27",
    "2011_09_26_0093": "16:256:16 305:417:16",
    "2011_09_26_0096": "19:456:19",
    "2011_09_26_0101": "80:216:34 284:930:34",
    "2011_09_26_0106": "15 35:219:8",
    "2011_09_26_0117": "26:494:26 546:650:26",
    "2011_09_28_0002": "6:12:3 18:24:3 30:39:3 45:63:3 72 78:90:3",
    "2011_09_29_0071": "36:612:36 735:807:36 879:951:36",
    "2011_09_30_0016": "11:88:11 110:264:11",
    "2011_09_30_0018": "107 214 428:2247:107 2419:2740:107",
    "2011_09_30_0027": "41:656:41 753:958:41 1040 1081",
    "2011_10_03_0027": "181:543:181 734:2001:181 2363:4535:181",
    "2011_10_03_0047": "32:224:32 288:800:32",
}


def find(root: Path, split: str | None = "val", first: int | None = None) -> list[Sequence]:
    """The 13 drives of "val" or all of "train" as videos, or the 652 stills of "eigen".

    Of "val" and "eigen" only the first so many, if told. Raises MissingFiles for the drives, pictures or depth that
    are missing.
    """
    depth = next((f for name in DEPTHS if (f := root / name).is_dir()), root)
    if split == "eigen":
        return _eigen(root, depth, first)
    if split == "val":
        folders = [depth / "val" / f"{date}_drive_{n}_sync" for date, drives in VAL.items() for n in drives]
        folders = folders[:first]
    else:
        assert split == "train"
        folders = sorted((depth / "train").glob("*_drive_*_sync"))
        if not folders:
            raise missing(depth / "train" / "2011_09_26_drive_0001_sync" / DEPTH)
    require([folder / DEPTH for folder in folders])
    require([_picture(root, file) for folder in folders for file in (folder / DEPTH).glob("*.png")])
    return [
        Sequence(f / DEPTH, len(_frames(f / DEPTH)), stable_seed(f"kitti_{f.name}"), "kitti", f"kitti_{f.name}")
        for f in folders
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
    files = []
    for key, runs in EIGEN.items():
        drive = f"{key[:10]}_drive_{key[11:]}_sync"
        part = next((p for p in ("val", "train") if (depth / p / drive).is_dir()), "train")
        for run in runs.split():
            begin, last, step = map(int, run.split(":")) if ":" in run else (int(run), int(run), 1)
            files += [depth / part / drive / DEPTH / f"{n:010d}.png" for n in range(begin, last + 1, step)]
    files = files[:first]
    require(files)
    require([_picture(root, file) for file in files])
    names = [f"kitti_{file.parents[len(DEPTH.parts)].name}_{file.stem}" for file in files]
    return [Sequence(f, 1, stable_seed(n), "kitti", n) for f, n in zip(files, names, strict=True)]


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
