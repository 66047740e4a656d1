"""DIODE's validation set as its authors ship it (arXiv:1908.00463; diode-dataset/diode-devkit), measured by laser.

`{indoors,outdoor}/scene_NNNNN/scan_NNNNN/<name>.png` (1024x768), `<name>_depth.npy` (metres, [H, W, 1]),
`<name>_depth_mask.npy` (1 where valid) and, of the archive of normals, `<name>_normal.npy` (0 0 0 unknown).

The authors do not say in which frame the normals are, so the depth of each picture decides the signs of the axes.
"""

from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.frames import read_rgb, require, stable_seed
from pellucid.data.normals import axes_by_depth, unit_normals
from pellucid.data.sequences import Sequence
from pellucid.data.splits import listed

K = np.array([[886.81, 0, 512], [0, 927.06, 384], [0, 0, 1]])  # intrinsics.txt of the devkit; fx and fy do differ
MAX_ANGLE = 45.0  # degrees, between their normals and those of the depth: leaves and grass are rough


def find(root: Path, split: str | None = "val", first: int | None = None) -> list[Sequence]:
    """The 771 pictures of the validation set in the order of Marigold's list, in the root or in `val`, each a sequence
    of its own.

    Only the first so many, if told: those after them need not be there. Raises MissingFiles for what is missing.
    """
    assert split == "val"
    home = root / "val" if (root / "val").is_dir() else root
    pictures = [home / scan / f"{_name(scan, angles)}.png" for scan, angles in listed("diode")[:first]]
    require([p for file in pictures for p in (file, _beside(file, "depth"), _beside(file, "depth_mask"))])
    return [Sequence(p, 1, stable_seed(p.stem), "diode", f"diode_{p.stem}") for p in pictures]


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


def _name(scan: str, angles: int) -> str:
    """What a picture of `indoors/scene_00019/scan_00183` is called: angles of two times three digits, in degrees."""
    kind, scene, number = scan.split("/")
    return f"{scene[-5:]}_{number[-5:]}_{kind}_{angles // 1000:03d}_{angles % 1000:03d}"


def _beside(picture: Path, what: str) -> Path:
    return picture.with_name(f"{picture.stem}_{what}.npy")


def _load(picture: Path, what: str) -> np.ndarray:
    try:
        return np.load(_beside(picture, what))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{_beside(picture, what)}: missing or not a readable array; download it again") from error
