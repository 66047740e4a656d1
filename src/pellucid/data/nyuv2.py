"""NYU Depth V2's labelled pictures as its authors ship them (ECCV 2012): rooms before a Kinect.

`nyu_depth_v2_labeled.mat` (MATLAB 7.3, that is HDF5): `images` [1449, 3, 640, 480] and `rawDepths` [1449, 640, 480] in
metres, 0 where the sensor saw nothing; and the toolbox's `splits.mat`, whose `testNdxs` count from 1. Or, as Marigold
ships the same pictures, `test/<scene>/rgb_NNNN.png` and `depth_NNNN.png` (uint16, millimetres, 0 unknown). Both hold
the sensor's own depth; the depth with its holes painted in, `depths` and `filled_NNNN.png`, is not read.
"""

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from pellucid.clip import Clip, InputError
from pellucid.data.exr import metres
from pellucid.data.frames import read_depth_png, read_rgb, require, stable_seed
from pellucid.data.hdf5 import read_hdf5
from pellucid.data.sequences import Sequence
from pellucid.data.splits import listed

PER_METRE = 1000
LABELLED = "nyu_depth_v2_labeled.mat"
# The colour camera of the authors' toolbox (camera_params.m), whose first pixel is (1, 1).
K = np.array([[518.85790117, 0, 324.58244941], [0, 519.46961112, 252.73616633], [0, 0, 1]])


def find(root: Path, split: str | None = "test", first: int | None = None) -> list[Sequence]:
    """The 654 test pictures, or only the first so many, each a sequence of its own. Raises MissingFiles for what is
    missing.
    """
    assert split == "test"
    if (root / "test").is_dir() and not (root / LABELLED).is_file():
        depths = [root / "test" / scene / f"depth_{number:04d}.png" for scene, number in listed("nyuv2")[:first]]
        require([p for depth in depths for p in (_picture(depth), depth)])
        names = [f"nyuv2_{depth.stem.removeprefix('depth_')}" for depth in depths]
        return [Sequence(d, 1, stable_seed(n), "nyuv2", n) for d, n in zip(depths, names, strict=True)]
    require([root / LABELLED, root / "splits.mat"])
    try:
        numbers = loadmat(root / "splits.mat")["testNdxs"].ravel().tolist()
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise InputError(f"{root / 'splits.mat'}: has no readable testNdxs; download it again") from error
    return [Sequence(root / LABELLED, 1, number, "nyuv2", f"nyuv2_{number:04d}") for number in sorted(numbers)[:first]]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The picture as a clip of one frame with depth and K. Raises InputError when a file cannot be read."""
    assert (start, stop) in ((0, None), (0, 1))
    if sequence.path.name == LABELLED:
        index = sequence.seed - 1
        rgb = np.ascontiguousarray(read_hdf5(sequence.path, "images", index).transpose(2, 1, 0))
        depth = metres(read_hdf5(sequence.path, "rawDepths", index).T.astype(np.float32))
    else:
        rgb, depth = read_rgb(_picture(sequence.path)), read_depth_png(sequence.path, PER_METRE)
    return Clip(name=sequence.name, rgb=rgb[None], K=K, depth=depth[None])


def _picture(depth: Path) -> Path:
    return depth.with_name(depth.name.replace("depth_", "rgb_"))
