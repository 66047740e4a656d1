"""Depth Pro (arXiv:2410.02073) through transformers: metric depth and the field of view of each frame.

The network gives inverse depth for a focal length of one picture width; its own field of view makes that metres.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor
from transformers import DepthProForDepthEstimation

from pellucid.clip import InputError, Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.maps import batches
from pellucid.rivals.pretrained import DTYPE, PATTERNS, load_model
from pellucid.rivals.weights import fetch

LEAST, MOST = 1e-4, 1e4  # 1/m, of the released code


def load(_: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them.

    Raises InputError for weights without a field of view.
    """
    found = fetch(weights, PATTERNS, local_files_only=how.local_files_only)
    prepare = preparation(found.path)
    model = load_model(DepthProForDepthEstimation, found.path, how)
    if not model.use_fov_model:
        raise InputError(f"{found.name}: has no field of view, so its depth is not in metres; give apple/DepthPro-hf")

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        maps, views = [], []
        for frames in batches(rgb):
            output = model(pixel_values=prepare(frames).to(model.device, model.dtype))
            view = output.field_of_view.float().reshape(-1)
            maps.append(metres(output.predicted_depth.float(), view, rgb.shape[1:3]).cpu().numpy())
            views += view.tolist()
        prediction = Prediction(quantity="depth", invariance="none", values=np.concatenate(maps))
        return prediction, {"field_of_view_degrees": views}

    return found, replace(how, dtype=how.dtype or DTYPE), predict


def preparation(folder: Path) -> Any:
    """What turns frames into the network's pictures, by the folder's own numbers.

    Written out because transformers' class needs torchvision, which not every machine has.
    """
    config = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    size = (config["size"]["height"], config["size"]["width"])
    mean, std = (torch.tensor(config[name]).reshape(3, 1, 1) for name in ("image_mean", "image_std"))

    def prepare(frames: UInt8[np.ndarray, "n H W 3"]) -> Float[Tensor, "n 3 h w"]:
        pictures = torch.from_numpy(frames).movedim(-1, 1).float() * config.get("rescale_factor", 1 / 255)
        return F.interpolate((pictures - mean) / std, size, mode="bilinear", align_corners=False)

    return prepare


def metres(
    inverse: Float[Tensor, "n h w"], field_of_view: Float[Tensor, " n"], size: tuple[int, int]
) -> Float[Tensor, "n H W"]:
    """Depth at (height, width) from inverse depth at a focal length of one width, and degrees across the picture."""
    widths_per_focal = 2 * torch.tan(torch.deg2rad(field_of_view) / 2)
    inverse = F.interpolate((inverse * widths_per_focal[:, None, None])[:, None], size, mode="bilinear")[:, 0]
    return 1 / inverse.clamp(LEAST, MOST)
