"""MPI Sintel's training scenes as its authors ship them (ECCV 2012; depth and cameras of 2015): an animated film.

`training/{final,clean}/<scene>/frame_NNNN.png` from 1 on (1024x436), `training/depth/<scene>/frame_NNNN.dpt` and, of
the same archive, `training/camdata_left/<scene>/frame_NNNN.cam`. Both begin with the float32 202021.25. A .dpt goes on
with width and height (int32) and planar z (float32, metres), a .cam with K and the world in the camera's frame
([R | t], float64).
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from pellucid.clip import Clip, InputError
from pellucid.data.frames import read_rgb, require, stable_seed
from pellucid.data.sequences import Sequence

TAG = 202021.25
# Every scene with depth has 50 frames but these: 1064 in all.
FEWER = {"ambush_2": 21, "ambush_4": 33, "ambush_6": 20, "market_6": 40}
SCENES = (
    "alley_1", "alley_2", "ambush_2", "ambush_4", "ambush_5", "ambush_6", "ambush_7", "bamboo_1", "bamboo_2",
    "bandage_1", "bandage_2", "cave_2", "cave_4", "market_2", "market_5", "market_6", "mountain_1", "shaman_2",
    "shaman_3", "sleeping_1", "sleeping_2", "temple_2", "temple_3",
)  # fmt: skip


def find(root: Path, split: str | None = "final", first: int | None = None) -> list[Sequence]:
    """The 23 scenes in the pass "final" or "clean"; the root is the folder `training` or the one above it.

    Only the first so many, if told. Raises MissingFiles for what is missing.
    """
    assert split in ("final", "clean")
    home = root / "training" if (root / "training").is_dir() else root
    counts = {scene: FEWER.get(scene, 50) for scene in SCENES[:first]}
    streams = ((split, "png"), ("depth", "dpt"))
    require(
        [
            home / s / scene / f"frame_{t + 1:04d}.{e}"
            for scene, n in counts.items()
            for s, e in streams
            for t in range(n)
        ]
    )
    return [
        Sequence(home / split / scene, n, stable_seed(f"sintel_{scene}"), "sintel", f"sintel_{scene}")
        for scene, n in counts.items()
    ]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) with depth and, where the camera files are there, K and the camera's path.

    K is the first frame's; in some scenes the lens zooms. Raises InputError when a file is missing or cannot be read.
    """
    frames = range(start + 1, (sequence.num_frames if stop is None else stop) + 1)
    scene, home = sequence.path.name, sequence.path.parents[1]
    cameras = home / "camdata_left" / scene
    poses = [read_cam(cameras / f"frame_{t:04d}.cam") for t in frames] if cameras.is_dir() else []
    return Clip(
        name=sequence.name,
        rgb=np.stack([read_rgb(sequence.path / f"frame_{t:04d}.png") for t in frames]),
        K=poses[0][0] if poses else None,
        T_world_camera=np.stack([T for _, T in poses]) if poses else None,
        depth=np.stack([read_dpt(home / "depth" / scene / f"frame_{t:04d}.dpt") for t in frames]),
    )


def read_dpt(path: Path) -> Float32[np.ndarray, "H W"]:
    """Planar z in metres. Raises InputError when the file is missing or none of its kind."""
    content = _tagged(path)
    if len(content) >= 8:
        width, height = (int(n) for n in np.frombuffer(content[:8], "<i4"))
        if width > 0 and height > 0 and len(content) == 8 + 4 * width * height:
            depth = np.frombuffer(content[8:], "<f4").reshape(height, width)
            return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float32)
    raise InputError(f"{path}: is not as long as its width and height say; download it again")


def read_cam(path: Path) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "4 4"]]:
    """K and T_world_camera. Raises InputError when the file is missing or none of its kind."""
    content = _tagged(path)
    if len(content) != 8 * 21:
        raise InputError(f"{path}: holds {len(content)} bytes of numbers; expected 168; download it again")
    numbers = np.frombuffer(content, "<f8")
    T_camera_world = np.vstack([numbers[9:].reshape(3, 4), [[0, 0, 0, 1]]])
    return numbers[:9].reshape(3, 3).copy(), np.linalg.inv(T_camera_world)


def _tagged(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: missing or cannot be read ({error.strerror}); download it again") from error
    if content[:4] != np.float32(TAG).tobytes():
        raise InputError(f"{path}: does not begin with {TAG}; download it again")
    return content[4:]
