"""Virtual KITTI 2 as its authors ship it (arXiv:2001.10773), the archives unpacked into one folder.

`SceneXX/<variant>/frames/rgb/Camera_C/rgb_NNNNN.jpg` and `SceneXX/<variant>/frames/depth/Camera_C/depth_NNNNN.png`
(uint16, planar z in centimetres; 65535, that is 655.35 m, is the sky). With the archive of text files also
`SceneXX/<variant>/intrinsic.txt` (frame, camera, fx, fy, cx, cy) and `extrinsic.txt` (frame, camera, and the sixteen
numbers of T_camera_world in OpenCV's axes), both under a line of column names.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from pellucid.clip import Clip, InputError
from pellucid.data.frames import count_frames, missing, read_depth_png, read_rgb, stable_seed
from pellucid.data.sequences import Sequence, Split

K = np.array([[725.0087, 0, 620.5], [0, 725.0087, 187], [0, 0, 1]])  # of every 1242x375 picture
SKY = 655.35  # metres
FAR = 80.0  # metres
HELD_OUT = "Scene01"


def find(root: Path, split: Split) -> list[Sequence]:
    """The drives of a split in a fixed order, one per scene, variant and camera; Scene01 is held out, as in DVD.

    Raises InputError naming the first file that is missing.
    """
    found = []
    for scene in sorted(root.glob("Scene[0-9][0-9]")):
        if split not in ("all", "held-out" if scene.name == HELD_OUT else "train"):
            continue
        drives = sorted({(d.parents[2].name, d.name) for d in scene.glob("*/frames/*/Camera_[01]")})
        if not drives:
            raise missing(scene / "clone" / "frames" / "rgb" / "Camera_0" / "rgb_00000.jpg")
        for variant, camera in drives:
            rgb = scene / variant / "frames" / "rgb" / camera
            depth = scene / variant / "frames" / "depth" / camera
            count = count_frames((rgb, "rgb_{:05d}.jpg"), (depth, "depth_{:05d}.png"))
            if not count:
                raise missing(rgb / "rgb_00000.jpg")
            label = f"vkitti_{scene.name}_{variant}_{camera}"
            found.append(Sequence(rgb, count, stable_seed(label), "vkitti", label))
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) with depth, K and, where the text files are there, the camera's path.

    Raises InputError when a file is missing or cannot be read.
    """
    frames = range(start, sequence.num_frames if stop is None else stop)
    camera, variant = sequence.path.name, sequence.path.parents[2]
    depths = variant / "frames" / "depth" / camera
    number = int(camera.removeprefix("Camera_"))
    intrinsics = _table(variant / "intrinsic.txt", number, 4)
    T_camera_world = _table(variant / "extrinsic.txt", number, 16)
    return Clip(
        name=sequence.name,
        rgb=np.stack([read_rgb(sequence.path / f"rgb_{t:05d}.jpg") for t in frames]),
        K=K if intrinsics is None else _matrix(_rows(intrinsics, frames, variant / "intrinsic.txt")),
        T_world_camera=None
        if T_camera_world is None
        else np.linalg.inv(_rows(T_camera_world, frames, variant / "extrinsic.txt").reshape(-1, 4, 4)),
        depth=np.stack([_depth(depths / f"depth_{t:05d}.png") for t in frames]),
    )


def trained_depth(depth: Float[np.ndarray, "T H W"]) -> Float[np.ndarray, "T H W"]:
    """Depth as DVD is trained on it: from 80 m on it does not count for the range of a clip (released loader).

    Unknown depth is left out of the range and painted as the farthest, which is what that loader does with it.
    """
    return np.where(depth < FAR, depth, np.nan).astype(np.float32)


def _depth(path: Path) -> Float[np.ndarray, "H W"]:
    z = read_depth_png(path, 100)
    return np.where(z >= np.float32(SKY), np.float32(np.inf), z)


@lru_cache(maxsize=64)
def _table(path: Path, camera: int, columns: int) -> dict[int, np.ndarray] | None:
    """The numbers of each frame of one camera; None without the file."""
    if not path.is_file():
        return None
    try:
        rows = np.loadtxt(path, skiprows=1, ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: not a table of numbers; download it again") from error
    if rows.shape[1] != 2 + columns:
        raise InputError(f"{path}: {rows.shape[1]} columns; expected {2 + columns}, frame and camera before the rest")
    return {int(row[0]): row[2:] for row in rows if int(row[1]) == camera}


def _rows(table: dict[int, np.ndarray], frames: range, path: Path) -> Float[np.ndarray, "T n"]:
    for t in frames:
        if t not in table:
            raise InputError(f"{path}: no line for frame {t}; download it again")
    return np.stack([table[t] for t in frames])


def _matrix(rows: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, "3 3"]:
    fx, fy, cx, cy = rows[0]
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
