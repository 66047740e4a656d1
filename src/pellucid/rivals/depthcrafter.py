"""DepthCrafter (arXiv:2409.02095) through its authors' package: a whole clip's disparity up to scale and shift."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from pellucid.clip import Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.maps import resized
from pellucid.rivals.stable_video_diffusion import LONGEST, base, shrunk, with_window
from pellucid.rivals.weights import fetch

STEPS, WINDOW, OVERLAP, GUIDANCE = 5, 110, 25, 1.0  # of the released run.py
GRID = 64  # pixels


def load(rival: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them.

    Raises InputError for an overlap as long as the window.
    """
    how = with_window(rival.name, how, WINDOW, OVERLAP)
    window, overlap = how.window, how.overlap
    assert window and overlap is not None and how.dtype  # completed
    dtype = getattr(torch, how.dtype)
    pipelines, networks = (importlib.import_module(f"depthcrafter.{name}") for name in ("depth_crafter_ppl", "unet"))
    found = fetch(weights, ("*.json", "*.safetensors"), local_files_only=how.local_files_only)
    folder, told = base(how)
    unet = networks.DiffusersUNetSpatioTemporalConditionModelDepthCrafter.from_pretrained(
        found.path, low_cpu_mem_usage=True, dtype=dtype
    )
    pipe = pipelines.DepthCrafterPipeline.from_pretrained(folder, unet=unet, dtype=dtype, variant="fp16")
    pipe.to(how.device)

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        height, width = network_size(*rgb.shape[1:3])
        frames = shrunk(rgb, (height, width)).astype(np.float32) / 255
        video = pipe(
            frames, height=height, width=width, output_type="np", guidance_scale=GUIDANCE,
            num_inference_steps=how.steps or STEPS, window_size=window, overlap=overlap,
            generator=torch.Generator().manual_seed(how.seed),
        ).frames[0]  # fmt: skip
        disparity = resized(np.asarray(video).mean(axis=-1), rgb.shape[1:3])
        return Prediction(quantity="disparity", invariance="affine", values=disparity), told

    return found, replace(how, steps=how.steps or STEPS), predict


def network_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) of the network's pictures: the clip's to the nearest 64 pixels, the longer at most 1024."""
    longest = max(height, width)
    scale = LONGEST / longest if round(longest / GRID) * GRID > LONGEST else 1.0
    return max(GRID, round(height * scale / GRID) * GRID), max(GRID, round(width * scale / GRID) * GRID)
