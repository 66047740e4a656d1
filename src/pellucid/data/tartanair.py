"""TartanAir's trajectories as its authors ship them (arXiv:2003.14338; castacks/tartanair_tools, data_type.md).

A trajectory is a folder `Easy/PNNN` or `Hard/PNNN` of an environment with `image_left/NNNNNN_left.png`,
`depth_left/NNNNNN_left_depth.npy` (planar z in metres; what is infinitely far, such as the sky, has about 10 000) and
`pose_left.txt` (a line per frame: tx ty tz qx qy qz qw, camera to world, both in NED axes: x forward, y right, z down).
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from pellucid.clip import Clip, InputError
from pellucid.data.frames import count_frames, missing, read_rgb, stable_seed
from pellucid.data.sequences import Sequence, Split, split_of

K = np.array([[320.0, 0, 320], [0, 320, 240], [0, 0, 1]])  # of every 640x480 picture
SKY = 5000.0  # metres and beyond
FAR = 50.0  # metres
TRAJECTORIES = tuple(f"{above}{level}/P[0-9]*" for above in ("", "*/", "*/*/") for level in ("Easy", "Hard"))
T_NED_CV = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def find(root: Path, split: Split) -> list[Sequence]:
    """The trajectories of a split in a fixed order; those whose number is 1 modulo 7 are held out.

    Raises InputError naming the first file that is missing.
    """
    found = []
    for folder in sorted(path for pattern in TRAJECTORIES for path in root.glob(pattern)):
        belongs = "held-out" if split_of(int(folder.name[1:])) == "held-out" else "train"
        if split not in ("all", belongs):
            continue
        images, depths = folder / "image_left", folder / "depth_left"
        count = count_frames((images, "{:06d}_left.png"), (depths, "{:06d}_left_depth.npy"))
        if not count:
            raise missing(images / "000000_left.png")
        environment = root.resolve().name if folder.parent.parent == root else folder.parent.parent.name
        label = f"tartanair_{environment}_{folder.parent.name}_{folder.name}"
        found.append(Sequence(folder, count, stable_seed(label), "tartanair", label))
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) with depth, K and, where the file is there, the camera's path in a NED world.

    Raises InputError when a file is missing or cannot be read, or when there are not as many poses as frames.
    """
    frames = range(start, sequence.num_frames if stop is None else stop)
    images, depths = sequence.path / "image_left", sequence.path / "depth_left"
    rgb = np.stack([read_rgb(images / f"{t:06d}_left.png") for t in frames])
    depth = np.stack([_depth(depths / f"{t:06d}_left_depth.npy") for t in frames])
    poses = sequence.path / "pose_left.txt"
    T_world_camera = _poses(poses, sequence.num_frames)[frames.start : frames.stop] if poses.is_file() else None
    return Clip(name=sequence.name, rgb=rgb, K=K, T_world_camera=T_world_camera, depth=depth)


def trained_depth(depth: Float[np.ndarray, "T H W"]) -> Float[np.ndarray, "T H W"]:
    """Depth as DVD is trained on it: nothing, not even the sky, is farther than 50 m (released loader)."""
    return np.minimum(depth, np.float32(FAR))


def _depth(path: Path) -> Float[np.ndarray, "H W"]:
    try:
        z = np.load(path).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: missing or not a readable array; download it again") from error
    known = np.isfinite(z) & (z > 0)
    return np.where(z >= SKY, np.inf, np.where(known, z, np.nan)).astype(np.float32)


def _poses(path: Path, count: int) -> Float[np.ndarray, "T 4 4"]:
    """T_world_camera with OpenCV's camera axes; the world keeps its NED axes."""
    try:
        lines = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: no lines of seven numbers; download it again") from error
    if lines.shape != (count, 7):
        raise InputError(f"{path}: {len(lines)} poses of {lines.shape[1]} numbers for {count} frames; expected 7 each")
    T_world_ned = np.tile(np.eye(4), (count, 1, 1))
    T_world_ned[:, :3, 3] = lines[:, :3]
    T_world_ned[:, :3, :3] = Rotation.from_quat(lines[:, 3:]).as_matrix()
    return T_world_ned @ T_NED_CV
