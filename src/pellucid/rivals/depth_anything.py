"""Depth Anything V2 (arXiv:2406.09414) through transformers: one network on each frame.

Relative weights give disparity up to scale and shift, another one in each frame; metric ones give metres.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from transformers import AutoImageProcessor, DepthAnythingForDepthEstimation

from pellucid.clip import Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.maps import batches
from pellucid.rivals.pretrained import DTYPE, PATTERNS, load_model
from pellucid.rivals.weights import fetch


def load(_: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them."""
    found = fetch(weights, PATTERNS, local_files_only=how.local_files_only)
    # Pillow resizes alike on every machine; torchvision, which not every machine has, differs a little.
    processor = AutoImageProcessor.from_pretrained(found.path, backend="pil", local_files_only=True)
    model = load_model(DepthAnythingForDepthEstimation, found.path, how)
    metric = model.config.depth_estimation_type == "metric"

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        maps = []
        for frames in batches(rgb):
            pictures = processor(images=list(frames), input_data_format="channels_last", return_tensors="pt")
            output = model(pixel_values=pictures["pixel_values"].to(model.device, model.dtype))
            output.predicted_depth = output.predicted_depth.float()  # disparity, for relative weights
            sizes = [rgb.shape[1:3]] * len(frames)
            each = processor.post_process_depth_estimation(output, target_sizes=sizes)
            maps.append(torch.stack([one["predicted_depth"] for one in each]).cpu().numpy())
        values = np.concatenate(maps)
        if metric:
            return Prediction(quantity="depth", invariance="none", values=values), {}
        return Prediction(quantity="disparity", invariance="affine", values=values), {}

    return found, replace(how, dtype=how.dtype or DTYPE), predict
