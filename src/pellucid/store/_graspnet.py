"""Frames as GraspNet and AnyGrasp load them."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy.io import savemat

from ._atomic import atomic_folder, sync

FACTOR = 1000  # steps of a depth picture to the metre
Frame = tuple[UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]


def save_graspnet(folder: Path, frames: Iterable[Frame], K: Float[np.ndarray, "3 3"]) -> None:
    """Writes folder/000000/ and so on, each with color.png, depth.png, workspace_mask.png and meta.mat.

    A frame is colour, depth in metres and the pixels to look at. depth.png is 16 bit in millimetres, 0 where depth is
    unknown or beyond 65.5 m; meta.mat holds intrinsic_matrix (`K`, pixels) and factor_depth (1000).
    Raises InputError when the disk is full or cannot be written; then an earlier folder stays as it was.
    """
    with atomic_folder(folder) as temporary:
        for index, (rgb, depth, mask) in enumerate(frames):
            own = temporary / f"{index:06d}"
            own.mkdir()
            steps = np.rint(np.nan_to_num(depth.astype(np.float64) * FACTOR, posinf=0))
            pictures = {
                "color": rgb[..., ::-1],  # OpenCV's order: BGR
                "depth": np.where(steps > 65535, 0, steps).astype(np.uint16),
                "workspace_mask": mask.astype(np.uint8) * 255,
            }
            for name, picture in pictures.items():
                (own / f"{name}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
            savemat(own / "meta.mat", {"intrinsic_matrix": K, "factor_depth": np.array([[FACTOR]], np.float64)})
            for file in own.iterdir():
                sync(file)
