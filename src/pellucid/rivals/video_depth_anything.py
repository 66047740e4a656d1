"""Video Depth Anything (arXiv:2501.12375) through its authors' package: a whole clip, windows joined by them.

Relative weights give disparity up to scale and shift, metric ones (`metric_video_depth_anything_*.pth`) metres.
"""

import contextlib
import importlib
import re
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from pellucid.clip import InputError, Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.halves import with_halves
from pellucid.rivals.weights import fetch, single_file

# Of the released run.py; the checkpoints name their encoder, and hold no configuration.
SIZES: dict[str, dict[str, Any]] = {
    "vits": {"encoder": "vits", "features": 64, "out_channels": [48, 96, 192, 384]},
    "vitb": {"encoder": "vitb", "features": 128, "out_channels": [96, 192, 384, 768]},
    "vitl": {"encoder": "vitl", "features": 256, "out_channels": [256, 512, 1024, 1024]},
}
INPUT_SIZE = 518  # pixels of the shorter side


def load(rival: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them.

    Raises InputError for a file not named as the released ones.
    """
    how = with_halves(rival.name, how)
    package = importlib.import_module("video_depth_anything.video_depth")
    found = fetch(weights, ("*.pth",), local_files_only=how.local_files_only)
    file = single_file(found, ".pth")
    named = re.fullmatch(r"(metric_)?video_depth_anything_(vit[sbl])", file.stem)
    if not named:
        raise InputError(f"{file}: its name must be that of a released file, such as video_depth_anything_vitl.pth")
    metric = named[1] is not None
    model = package.VideoDepthAnything(**SIZES[named[2]], metric=metric)
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True), strict=True)
    model = model.to(how.device).eval()
    device = torch.device(how.device)

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        chosen = torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
        with chosen:  # the package takes a device without its number
            maps, _ = model.infer_video_depth(
                rgb, 1, input_size=INPUT_SIZE, device=device.type, fp32=how.dtype == "float32"
            )
        values = np.asarray(maps, np.float32)
        if metric:
            return Prediction(quantity="depth", invariance="none", values=values), {}
        return Prediction(quantity="disparity", invariance="affine", values=values), {}

    return found, how, predict
