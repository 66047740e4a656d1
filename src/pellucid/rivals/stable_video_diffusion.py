"""The parts of Stable Video Diffusion on which DepthCrafter and NormalCrafter stand, and their pictures' sizes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from pellucid.clip import InputError
from pellucid.rivals.estimator import How
from pellucid.rivals.weights import fetch

BASE = "stabilityai/stable-video-diffusion-img2vid-xt"
LONGEST = 1024  # pixels of the longer side, in both released programs
_PARTS = ("image_encoder", "vae", "scheduler", "feature_extractor")


def base(how: How) -> tuple[Path, dict[str, Any]]:
    """The folder with all but the network that the rival replaces, and its line of the receipt."""
    patterns = (
        "model_index.json",
        *(f"{part}/*.json" for part in _PARTS),
        *(f"{p}/*.fp16.safetensors" for p in _PARTS),
    )
    found = fetch(BASE, patterns, local_files_only=how.local_files_only)
    return found.path, {"base_weights": BASE, "base_revision": found.revision}


def with_window(name: str, how: How, window: int, overlap: int) -> How:
    """The same with the rival's defaults where nothing is given: its window, and halves on a GPU as released.

    Raises InputError for an overlap as long as the window.
    """
    window, overlap = how.window or window, overlap if how.overlap is None else how.overlap
    if not 0 <= overlap < window:
        raise InputError(f"{name}: overlap {overlap} with window {window}; the overlap must be less than the window")
    dtype = how.dtype or ("float16" if how.device.startswith("cuda") else "float32")
    return replace(how, window=window, overlap=overlap, dtype=dtype)


def shrunk(rgb: UInt8[np.ndarray, "T H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "T h w 3"]:
    """The frames at (height, width)."""
    if rgb.shape[1:3] == size:
        return rgb
    smaller = size[0] * size[1] < rgb.shape[1] * rgb.shape[2]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, size[::-1], interpolation=how) for frame in rgb])
