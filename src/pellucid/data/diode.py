"""DIODE's validation set as its authors ship it (arXiv:1908.00463; diode-dataset/diode-devkit), measured by laser.

`{indoors,outdoor}/scene_NNNNN/scan_NNNNN/<name>.png` (1024x768), `<name>_depth.npy` (metres, [H, W, 1]),
`<name>_depth_mask.npy` (1 where valid) and, of the archive of normals, `<name>_normal.npy` (0 0 0 unknown).

The authors do not say in which frame the normals are, so the depth of each picture decides the signs of the axes.
"""

from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.frames import MissingFiles, read_rgb, stable_seed
from pellucid.data.normals import axes_by_depth, unit_normals
from pellucid.data.sequences import Sequence

K = np.array([[886.81, 0, 512], [0, 927.06, 384], [0, 0, 1]])  # intrinsics.txt of the devkit; fx and fy do differ
MAX_ANGLE = 45.0  # degrees, between their normals and those of the depth: leaves and grass are rough
# How many pictures each scan has: 771 in all.
INDOORS = "19/183:73 20/184:27 20/185:29 20/186:48 20/187:33 21/188:25 21/189:22 21/190:25 21/191:18 21/192:25"
OUTDOOR = "22/193:51 22/194:44 22/195:52 22/196:53 22/197:61 23/198:27 23/199:38 23/200:40 24/201:43 24/202:37"


def find(root: Path, split: str | None = "val", first: int | None = None) -> list[Sequence]:
    """The 771 pictures of the validation set, in the root or in `val`, each a sequence of its own.

    Only the first so many, if told: the scans after them need not be there. Raises MissingFiles for what is missing.
    """
    assert split == "val"
    home = root / "val" if (root / "val").is_dir() else root
    counts, absent, found = scans(home), [], []
    seen = 0
    for folder, count in counts.items():
        if first is not None and seen >= first:
            break
        seen += count
        if not folder.is_dir():
            absent.append(folder)
            continue
        names = {file.name for file in folder.iterdir()}
        pictures = sorted(name.removesuffix(".png") for name in names if name.endswith(".png"))
        if len(pictures) < count:
            absent.append(folder / f"*.png ({len(pictures)} of {count} are there)")
        for name in pictures:
            absent += [folder / f for e in ("_depth.npy", "_depth_mask.npy") if (f := name + e) not in names]
            found.append(Sequence(folder / f"{name}.png", 1, stable_seed(name), "diode", f"diode_{name}"))
    if absent:
        raise MissingFiles(absent)
    return found[:first]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The picture as a clip of one frame with depth where its mask says so, K and, where they are there, normals.

    Raises InputError when a file cannot be read or when the normals do not follow the depth.
    """
    assert (start, stop) in ((0, None), (0, 1))
    depth = _load(sequence.path, "depth").squeeze().astype(np.float32)
    valid = _load(sequence.path, "depth_mask").squeeze() > 0
    depth = np.where(valid & np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan))
    normals = None
    if _beside(sequence.path, "normal").is_file():
        vectors = _load(sequence.path, "normal")
        axes, angle = axes_by_depth(vectors, depth, K)
        if angle > MAX_ANGLE and np.isfinite(angle):
            raise InputError(
                f"{_beside(sequence.path, 'normal')}: {angle:.0f} degrees from the normals of the depth, whatever the "
                "signs of its axes; download it again, or take it away to score depth alone"
            )
        normals = unit_normals(vectors, axes)[None]
    return Clip(name=sequence.name, rgb=read_rgb(sequence.path)[None], K=K, depth=depth[None], normals=normals)


def scans(home: Path) -> dict[Path, int]:
    """How many pictures each scan has, by its folder."""
    counts = {}
    for kind, table in (("indoors", INDOORS), ("outdoor", OUTDOOR)):
        for entry in table.split():
            scan, _, count = entry.partition(":")
            scene, number = map(int, scan.split("/"))
            counts[home / kind / f"scene_{scene:05d}" / f"scan_{number:05d}"] = int(count)
    return counts


def _beside(picture: Path, what: str) -> Path:
    return picture.with_name(f"{picture.stem}_{what}.npy")


def _load(picture: Path, what: str) -> np.ndarray:
    try:
        return np.load(_beside(picture, what))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{_beside(picture, what)}: missing or not a readable array; download it again") from error
