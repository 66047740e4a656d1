"""HISS as its authors ship it (D3RoMa, arXiv:2409.14365; songlin/d3roma): stills of rooms with transparent things.

`{train,val}/<scene>/**/NNNN_color.png` and `NNNN_depth.exr` (metres, planar z), 640x360, 71.28 degrees wide. As in the
authors' loader, files are left out whose path holds "glass", "mirror" or "bed", and those that a `bad_his.txt` lists.
"""

from pathlib import Path

from pellucid.camera import intrinsics_from_fov
from pellucid.clip import Clip
from pellucid.data.exr import metres, read_exr
from pellucid.data.frames import read_rgb, require, resize_rgb, stable_seed
from pellucid.data.partition import partition
from pellucid.data.sequences import Sequence, Split

FOV = 71.28  # degrees
DEPTH, COLOUR = "_depth.exr", "_color.png"
SIGNS = tuple("*/" * level + "[0-9][0-9][0-9][0-9]" + DEPTH for level in (1, 2, 3, 4))
LEFT_OUT = ("glass", "mirror", "bed")
BAD = "bad_his.txt"


def find(root: Path, split: Split) -> list[Sequence]:
    """The stills of a split in a fixed order; those of the authors' folder `val` are held out.

    Raises MissingFiles naming the pictures that are missing.
    """
    lists = [file for level in ("", "*/") for file in root.glob(level + BAD)]
    bad = {line.split()[0] for file in lists for line in file.read_text().splitlines() if line.strip()}
    files = sorted(file for sign in SIGNS for file in root.glob(sign))
    belongs = partition(root, sorted({file.parent for file in files}))
    taken = []
    for file in files:
        name = file.relative_to(root).as_posix()
        listed = any(line.endswith(name) for line in bad)
        if split in ("all", belongs[file.parent]) and not listed and not any(word in name for word in LEFT_OUT):
            taken.append(file)
    require([_colour(file) for file in taken])
    names = ["hiss_" + "_".join((*file.parent.relative_to(root).parts, file.name[:4])) for file in taken]
    return [Sequence(f, 1, stable_seed(n), "hiss", n) for f, n in zip(taken, names, strict=True)]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The still as a clip of one frame with depth and K. Raises InputError when a file is missing or cannot be read."""
    assert (start, stop) in ((0, None), (0, 1))
    depth = metres(read_exr(sequence.path))
    rgb = resize_rgb(read_rgb(_colour(sequence.path)), depth.shape)
    return Clip(name=sequence.name, rgb=rgb[None], K=intrinsics_from_fov(FOV, *depth.shape), depth=depth[None])


def _colour(depth: Path) -> Path:
    return depth.with_name(depth.name.replace(DEPTH, COLOUR))
