"""ClearGrasp as its authors ship it (arXiv:1910.02550; Shreeyak/cleargrasp): synthetic stills and real twins.

Synthetic: `<object>/rgb-imgs/N-rgb.jpg`, `depth-imgs-rectified/N-depth-rectified.exr` (metres),
`camera-normals/N-cameraNormals.exr` (OpenGL's camera frame), `segmentation-masks/N-segmentation-mask.png` and
`json-files/N-masks.json`, which holds the fields of view.
Real: `real-{val,test}/{d415,d435}/N-transparent-rgb-img.jpg`, the same scene with painted twins measured as
`N-opaque-depth-img.exr` (metres, 0 or NaN unknown), `N-normals.exr` ((-1, -1, -1) unknown), `N-mask.png`, and one
`camera_intrinsics.yaml` a camera.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32

from pellucid.camera import backproject, intrinsics_from_fov, load_intrinsics
from pellucid.clip import Clip, InputError
from pellucid.data.exr import metres, read_exr
from pellucid.data.frames import missing, read_image, read_rgb, require, stable_seed
from pellucid.data.normals import unit_normals
from pellucid.data.partition import partition
from pellucid.data.sequences import Sequence, Split

SIGNS = tuple("*/" * level + "depth-imgs-rectified" for level in (1, 2, 3))
DEPTH = "-depth-rectified.exr"
RGB = "-transparent-rgb-img.jpg"
TRUTH = ("-opaque-depth-img.exr", "-normals.exr", "-mask.png")
REAL = ("", "d4[13]5/", "real-*/d4[13]5/", "*/real-*/d4[13]5/")


def find(root: Path, split: Split) -> list[Sequence]:
    """The synthetic stills of a split in a fixed order; objects whose folder ends in `-val` are held out.

    Raises MissingFiles naming what a still lacks.
    """
    folders = sorted(folder.parent for sign in SIGNS for folder in root.glob(sign))
    found, needed = [], []
    for folder, part in partition(root, folders).items():
        if split not in ("all", part):
            continue
        for file in sorted((folder / "depth-imgs-rectified").glob(f"*{DEPTH}")):
            needed += [path for key, path in _synthetic(file).items() if key != "normals"]
            label = "cleargrasp_" + "_".join((*folder.relative_to(root).parts, file.name.removesuffix(DEPTH)))
            found.append(Sequence(file, 1, stable_seed(label), "cleargrasp", label))
    require(needed)
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The synthetic still as a clip of one frame with planar depth, normals where they are there, mask and K.

    Raises InputError when a file is missing or cannot be read.
    """
    assert (start, stop) in ((0, None), (0, 1))
    files = _synthetic(sequence.path)
    rgb = read_rgb(files["rgb"])
    fov_x, fov_y = _fields_of_view(files["json"])
    K = intrinsics_from_fov(np.degrees(fov_x), *rgb.shape[:2])
    depth = planar_z(metres(read_exr(sequence.path)), K, fov_x, fov_y)
    normals = unit_normals(read_exr(files["normals"], "RGB"))[None] if files["normals"].is_file() else None
    return Clip(
        name=sequence.name, rgb=rgb[None], K=K, depth=depth[None], normals=normals,
        transparent=(read_image(files["mask"], cv2.IMREAD_GRAYSCALE) > 0)[None],
    )  # fmt: skip


def find_real(root: Path, split: str | None = None, first: int | None = None) -> list[Sequence]:
    """The real scenes with their painted twins in a fixed order: all, or those of `real-val` or `real-test`;
    only the first so many, if told.

    Raises MissingFiles naming what a scene lacks.
    """
    files = sorted(file for sign in REAL for file in root.glob(sign + f"*{RGB}"))
    taken = [file for file in files if split is None or f"real-{split}" in file.parts][:first]
    if not taken:
        raise missing(root / f"real-{split or 'val'}" / "d435" / f"000000000{RGB}")
    require([file.with_name(file.name.replace(RGB, ending)) for file in taken for ending in TRUTH])
    require(sorted({file.parent / "camera_intrinsics.yaml" for file in taken}))
    names = ["_".join((*f.parent.relative_to(root).parts, f.name.removesuffix(RGB))) for f in taken]
    return [Sequence(f, 1, stable_seed(n), "cleargrasp-real", n) for f, n in zip(taken, names, strict=True)]


def read_real(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The picture of the transparent objects with depth and normals of their painted twins, mask and K.

    Raises InputError when a file is missing or cannot be read.
    """
    assert (start, stop) in ((0, None), (0, 1))
    depth, normals, mask = (sequence.path.with_name(sequence.path.name.replace(RGB, ending)) for ending in TRUTH)
    return Clip(
        name=sequence.name,
        rgb=read_rgb(sequence.path)[None],
        K=load_intrinsics(sequence.path.parent / "camera_intrinsics.yaml"),
        depth=metres(read_exr(depth))[None],
        normals=unit_normals(read_exr(normals, "RGB"))[None],
        transparent=(read_image(mask, cv2.IMREAD_GRAYSCALE) > 0)[None],
    )


def planar_z(
    rectified: Float32[np.ndarray, "H W"], K: Float[np.ndarray, "3 3"], fov_x: float, fov_y: float
) -> Float32[np.ndarray, "H W"]:
    """Planar z from the shipped depth, which bends planes by up to 2 %.

    The authors made it from the length of the rays with the cosines of angles that grow evenly from pixel to pixel
    (data_processing_script.py, calculate_cos_matrix); through a pinhole they do not. Both are undone here: on their
    sample scene the floor then lies 0.07 % (median) from a plane, as shipped 0.42 %.
    """
    H, W = rectified.shape
    down = np.cos((np.arange(H) - H / 2) * fov_y / H)
    across = np.cos((np.arange(W) - W / 2) * fov_x / W)
    length = np.linalg.norm(backproject(np.ones((H, W)), K), axis=-1)
    return (rectified / (down[:, None] * across * length)).astype(np.float32)


def _synthetic(depth: Path) -> dict[str, Path]:
    """The other files of a synthetic still."""
    folder, number = depth.parents[1], depth.name.removesuffix(DEPTH)
    return {
        "rgb": folder / "rgb-imgs" / f"{number}-rgb.jpg",
        "mask": folder / "segmentation-masks" / f"{number}-segmentation-mask.png",
        "json": folder / "json-files" / f"{number}-masks.json",
        "normals": folder / "camera-normals" / f"{number}-cameraNormals.exr",
    }


def _fields_of_view(path: Path) -> tuple[float, float]:
    """Across and down, in radians."""
    try:
        fov = json.loads(path.read_text())["camera"]["field_of_view"]
        return float(fov["x_axis_rads"]), float(fov["y_axis_rads"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: missing or without camera.field_of_view; download it again") from error
