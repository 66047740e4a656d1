"""DREDS (simulated) and STD (real) as their authors ship them (arXiv:2208.03792; PKU-EPIC/DREDS).

DREDS: a scene is a folder of 30 far views, so each is a still: `NNNN_color.png` (1280x720), `_depth_120.exr` (metres,
planar z), `_mask.exr` (object number / 255 in red), `_normal.exr` (camera frame of OpenGL) and `_meta.txt`, at 640x360.
STD: a scene is a video of a real table: `NNNN_color.png`, `_gt_depth.exr` (metres, rendered from fitted models; a few
are called `_depth_0.exr`), `_mask.png` (object number) and `_meta.txt`.

A line of `_meta.txt` begins with the object's number and label; material 2 is transparent. It is the sixth word, or, in
lines of five words or fewer, the third. Where depth holds three channels, they are alike.
"""

import re
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from pellucid.camera import intrinsics_from_fov
from pellucid.clip import Clip, InputError
from pellucid.data.exr import metres, read_exr
from pellucid.data.frames import MissingFiles, read_image, read_rgb, require, resize_rgb, stable_seed
from pellucid.data.normals import unit_normals
from pellucid.data.partition import partition
from pellucid.data.sequences import Sequence, Split

FOV = 71.28  # degrees, of DREDS
SKY = 1000.0  # metres; Blender writes 1e10 where nothing is
DEPTH, STD_DEPTH = "_depth_120.exr", ("_gt_depth.exr", "_depth_0.exr")
STD_OTHERS = ("_color.png", "_mask.png", "_meta.txt")
SIGNS = tuple("*/" * level + "[0-9][0-9][0-9][0-9]" + DEPTH for level in (1, 2, 3))
TRANSPARENT = 2  # the material
STD_KNOWN = ("0", "14-1", "18-1", "19", "20-3", "3-2", "4-2", "5-2", "6-1", "7-1", "8", "9-2")  # of test_*
STD_NOVEL, NOVEL = 5, "test_novel_0-1"  # scenes, and the only one that the authors name


def find(root: Path, split: Split) -> list[Sequence]:
    """The stills of DREDS of a split in a fixed order; the authors' folders `val` and `test` are not trained on.

    Raises MissingFiles naming what a still lacks.
    """
    files = sorted(file for sign in SIGNS for file in root.glob(sign))
    belongs = partition(root, sorted({file.parent for file in files}))
    taken = [file for file in files if split in ("all", belongs[file.parent])]
    streams = ("_color.png", "_mask.exr", "_meta.txt")
    require([file.with_name(file.name.replace(DEPTH, stream)) for file in taken for stream in streams])
    names = ["dreds_" + "_".join((*file.parent.relative_to(root).parts, file.name[:4])) for file in taken]
    return [Sequence(f, 1, stable_seed(n), "dreds", n) for f, n in zip(taken, names, strict=True)]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The still as a clip of one frame at the size of its depth, with normals where they are there, mask and K.

    Raises InputError when a file is missing or cannot be read.
    """
    assert (start, stop) in ((0, None), (0, 1))
    folder, frame = sequence.path.parent, sequence.path.name.removesuffix(DEPTH)
    depth = metres(read_exr(sequence.path), SKY)
    mask = np.rint(read_exr(folder / f"{frame}_mask.exr") * 255).astype(int)
    normals = folder / f"{frame}_normal.exr"
    return Clip(
        name=sequence.name,
        rgb=resize_rgb(read_rgb(folder / f"{frame}_color.png"), depth.shape)[None],
        K=intrinsics_from_fov(FOV, *depth.shape),
        depth=depth[None],
        normals=unit_normals(read_exr(normals, "RGB"))[None] if normals.is_file() else None,
        transparent=_transparent(mask, folder / f"{frame}_meta.txt")[None],
    )


def find_std(root: Path, split: str | None, first: int | None = None) -> list[Sequence]:
    """The scenes of STD that are tested on: the 12 `test_*` of CatKnown ("known") or the 5 of CatNovel ("novel").

    Only the first so many, if told. The root is that folder or the one above it. Raises MissingFiles for what they
    lack.
    """
    if split == "known":
        home = next((folder for folder in (root / "STD-CatKnown", root) if folder.is_dir()), root)
        folders = [home / f"test_{name}" for name in STD_KNOWN][:first]
        require(folders)
    else:
        assert split == "novel"
        levels = ("", "*/", "*/*/")  # some copies have a folder `real_data_novel` between
        folders = sorted(f for level in levels for f in root.glob(level + "test_novel_*") if f.is_dir())
        if len(folders) != STD_NOVEL:
            others = root / f"test_novel_* ({len(folders)} of {STD_NOVEL} scenes are there)"
            raise MissingFiles([*([] if any(f.name == NOVEL for f in folders) else [root / NOVEL]), others])
        folders = folders[:first]
    absent = []
    for folder in folders:
        names = {file.name for file in folder.iterdir()}
        frames = sorted({name.partition("_")[0] for name in names if re.match(r"\d+_", name)}) or ["0000"]
        for frame in frames:
            if not any(frame + ending in names for ending in STD_DEPTH):
                absent.append(folder / (frame + STD_DEPTH[0]))
            absent += [folder / (frame + e) for e in STD_OTHERS if frame + e not in names]
    if absent:
        raise MissingFiles(absent)
    labels = [f"std_{folder.name}" for folder in folders]
    return [Sequence(f, len(_frames(f)), stable_seed(n), "std", n) for f, n in zip(folders, labels, strict=True)]


def read_std(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) of a scene of STD at the size of their depth, with the mask of what is transparent.

    Raises InputError when a file is missing or cannot be read.
    """
    clips = [_std_frame(sequence.path, frame) for frame in _frames(sequence.path)[start:stop]]
    rgb, depth, transparent = (np.stack(part) for part in zip(*clips, strict=True))
    return Clip(name=sequence.name, rgb=rgb, depth=depth, transparent=transparent)


def _std_frame(folder: Path, frame: str) -> tuple[np.ndarray, Float32[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    file = next((f for e in STD_DEPTH if (f := folder / (frame + e)).is_file()), folder / (frame + STD_DEPTH[0]))
    depth = metres(read_exr(file), SKY)
    mask = read_image(folder / f"{frame}_mask.png", cv2.IMREAD_UNCHANGED)
    mask = cv2.resize(mask if mask.ndim == 2 else mask[..., -1], depth.shape[::-1], interpolation=cv2.INTER_NEAREST)
    rgb = resize_rgb(read_rgb(folder / f"{frame}_color.png"), depth.shape)
    return rgb, depth, _transparent(mask, folder / f"{frame}_meta.txt")


def _frames(folder: Path) -> list[str]:
    return sorted(file.name.partition("_")[0] for file in folder.glob("[0-9]*_color.png"))


def _transparent(mask: np.ndarray, meta: Path) -> Bool[np.ndarray, "H W"]:
    """Where the mask shows an object of transparent material."""
    try:
        lines = [line.split() for line in meta.read_text().splitlines() if line.strip()]
        materials = {int(words[0]): int(words[5 if len(words) > 5 else 2]) for words in lines}
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{meta}: missing or no list of objects; download it again") from error
    return np.isin(mask, [number for number, material in materials.items() if material == TRANSPARENT])
