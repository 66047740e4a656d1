"""MoGe (arXiv:2410.19115) and MoGe-2 (arXiv:2507.02546) through their authors' package, frame by frame.

Depth is metric for MoGe-2, up to scale for MoGe-1. Normals are OpenCV's and face the camera. The sky's mask is left
out, as in the authors' own scoring, so that there is a value at every pixel.
"""

import importlib
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from pellucid.clip import InputError, Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.halves import with_halves
from pellucid.rivals.maps import batches, unit
from pellucid.rivals.weights import fetch, single_file


def load(rival: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them.

    Raises InputError for normals of weights that have none.
    """
    how = with_halves(rival.name, how)
    found = fetch(weights, ("model.pt",), local_files_only=how.local_files_only)
    file = single_file(found, ".pt")
    config = torch.load(file, map_location="cpu", weights_only=True, mmap=True)["model_config"]
    package = importlib.import_module("moge.model.v2" if "neck" in config else "moge.model.v1")
    model = package.MoGeModel.from_pretrained(file).to(how.device).eval()
    normals = rival.name == "moge-normals"
    if normals and config.get("normal_head") is None:
        raise InputError(f"{found.name}: predicts no normals; give Ruicheng/moge-2-vitl-normal, or another -normal")
    metric = config.get("scale_head") is not None

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        maps, views = [], []
        for frames in batches(rgb):
            pictures = torch.from_numpy(frames).to(how.device).movedim(-1, 1).float() / 255
            output = model.infer(pictures, apply_mask=False, use_fp16=how.dtype == "float16")
            maps.append(output["normal" if normals else "depth"].float().cpu().numpy())
            focal = output["intrinsics"][:, 0, 0].float().cpu()  # in picture widths
            views += torch.rad2deg(2 * torch.atan(0.5 / focal)).tolist()
        values, told = np.concatenate(maps), {"field_of_view_degrees": views}
        if normals:
            return Prediction(quantity="normals", invariance="none", values=unit(values)), told
        return Prediction(quantity="depth", invariance="none" if metric else "scale", values=values), told

    return found, how, predict
