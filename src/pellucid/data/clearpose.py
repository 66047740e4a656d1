"""ClearPose as its authors ship it (arXiv:2203.03890; opipari/ClearPose): transparent things before an L515.

`setN/sceneM/NNNNNN-color.png`; `-depth_true.png` (uint16, millimetres: objects rendered over the sensor's depth, so the
background keeps the sensor's holes, 0); `-label.png` (object number; 1 to 63 are transparent, others not);
`-normal_true.png` (optional); and `metadata.mat` with a struct for each frame, named by its six digits: the camera's
matrix (`intrinsic_matrix` or `camera_intrinsics`), `factor_depth`, and `rotation_translation_matrix`, the camera in
the world with OpenCV's axes, as the annotation tool writes it (huijieZH/ProgressLabeller).

The authors do not say in which frame the normals are, so the depth of a scene's first frame decides the signs.
"""

import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from pellucid.clip import Clip, InputError
from pellucid.data.frames import MissingFiles, read_depth_png, read_image, read_rgb, require, stable_seed
from pellucid.data.normals import axes_by_depth, unit_normals
from pellucid.data.sequences import Sequence

# The authors' test split (README, "Training/Test Dataset Split in paper"): 27 scenes.
TEST = {1: (5,), 2: (1, 3, 4, 5, 6), 3: (1, 3, 4, 8, 11), 4: (6,), 5: (6,), 6: (6,), 7: (6,)}
TEST |= {8: (1, 2, 3, 4, 5, 6), 9: (7, 8, 9, 10, 11, 12)}
TRANSPARENT = 63  # the last of their numbers
UNREADABLE = (OSError, ValueError, TypeError, NotImplementedError, MatReadError, zlib.error)
MAX_ANGLE = 30.0  # degrees, between their normals and those of the depth


def find(root: Path, split: str | None = None, first: int | None = None) -> list[Sequence]:
    """The 27 scenes of the test split, or only the first so many. Raises MissingFiles for what they lack."""
    assert split in (None, "test")
    folders = [root / f"set{s}" / f"scene{scene}" for s, scenes in TEST.items() for scene in scenes][:first]
    require([folder / "metadata.mat" for folder in folders])
    found, absent = [], []
    for folder in folders:
        names, colours = {file.name for file in folder.iterdir()}, _frames(folder)
        with_normals = any("normal_true" in name for name in names)
        streams = ("color", "depth_true", "label", *(["normal_true"] if with_normals else []))
        seen = {name.partition("-")[0] for name in names if re.match(r"\d+-", name)}
        frames = sorted(seen | _told(folder)) or ["000000"]
        absent += [folder / f"{f}-{s}.png" for f in frames for s in streams if f"{f}-{s}.png" not in names]
        label = f"clearpose_{folder.parent.name}_{folder.name}"
        found.append(Sequence(folder, len(colours), stable_seed(label), "clearpose", label))
    if absent:
        raise MissingFiles(absent)
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) with depth, normals where they are there, mask of what is transparent, and cameras.

    Raises InputError when a file is missing or cannot be read, or when the normals do not follow the depth.
    """
    folder, frames = sequence.path, _frames(sequence.path)[start:stop]
    metadata = _metadata(folder / "metadata.mat", (folder / "metadata.mat").stat().st_mtime_ns)
    about = [_about(metadata, frame, folder / "metadata.mat") for frame in frames]
    labels = [read_image(folder / f"{f}-label.png", cv2.IMREAD_UNCHANGED) for f in frames]
    normals = None
    if (folder / f"{frames[0]}-normal_true.png").is_file():
        axes = _axes(folder)
        normals = np.stack([unit_normals(_vectors(folder, f), axes) for f in frames])
    return Clip(
        name=sequence.name,
        rgb=np.stack([read_rgb(folder / f"{f}-color.png") for f in frames]),
        K=about[0][0],
        T_world_camera=np.stack([T for _, T, _ in about]),
        depth=np.stack(
            [read_depth_png(folder / f"{f}-depth_true.png", a[2]) for f, a in zip(frames, about, strict=True)]
        ),
        normals=normals,
        transparent=np.stack([(label > 0) & (label <= TRANSPARENT) for label in labels]),
    )


def _frames(folder: Path) -> list[str]:
    return sorted(file.name.partition("-")[0] for file in folder.glob("*-color.png"))


def _told(folder: Path) -> set[str]:
    """The frames of a scene by its metadata, whose contents are not read; none if it is damaged, as reading tells."""
    try:
        return {name for name, _, _ in whosmat(folder / "metadata.mat") if name.isdecimal()}
    except UNREADABLE:
        return set()


@lru_cache(maxsize=2)
def _metadata(path: Path, changed: int) -> dict[str, Any]:
    assert changed > 0
    try:
        return loadmat(path)
    except UNREADABLE as error:
        raise InputError(f"{path}: missing or not a readable .mat file; download it again") from error


def _about(metadata: dict[str, Any], frame: str, path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """K, T_world_camera, and depth steps a metre of a frame."""
    try:
        struct = metadata[frame][0, 0]
        K = struct["intrinsic_matrix" if "intrinsic_matrix" in struct.dtype.names else "camera_intrinsics"]
        T_world_camera = np.vstack([struct["rotation_translation_matrix"].reshape(3, 4), [[0, 0, 0, 1]]])
        return K.reshape(3, 3).astype(np.float64), T_world_camera, float(struct["factor_depth"].item())
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"{path}: lacks the camera of frame {frame} ({error}); download it again") from error


def _vectors(folder: Path, frame: str) -> Float[np.ndarray, "H W 3"]:
    code = read_rgb(folder / f"{frame}-normal_true.png").astype(np.float32)
    return np.where(code.any(-1, keepdims=True), code / 127.5 - 1, 0)  # black is none


@lru_cache(maxsize=64)
def _axes(folder: Path) -> tuple[float, float, float]:
    """The signs of the normals' axes in our frame, the same for a whole scene."""
    frame, path = _frames(folder)[0], folder / "metadata.mat"
    K, _, per_metre = _about(_metadata(path, path.stat().st_mtime_ns), frame, path)
    depth = read_depth_png(folder / f"{frame}-depth_true.png", per_metre)
    axes, angle = axes_by_depth(_vectors(folder, frame), depth, K)
    if angle > MAX_ANGLE:
        raise InputError(
            f"{folder / frame}-normal_true.png: {angle:.0f} degrees from the normals of the depth, whatever the signs "
            "of its axes; take the scene's normal_true files away to score depth alone"
        )
    return axes
