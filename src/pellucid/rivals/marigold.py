"""Marigold (arXiv:2505.09358) and Marigold-E2E-FT (arXiv:2409.11355) through diffusers, frame by frame.

Depth is 0 at the nearest and 1 at the farthest of each frame: depth, not disparity, up to scale and shift. Normals of
Marigold have x right, y up, z towards the viewer (diffusers' `visualize_normals`; it was trained on Hypersim's axes).
Those of E2E-FT have x left: its training negates OpenCV's normals, and it is scored by DSINE's truth as it is.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, MarigoldDepthPipeline, MarigoldNormalsPipeline
from jaxtyping import UInt8
from PIL import Image

from pellucid.camera import normals_to_opencv
from pellucid.clip import InputError, Invariance, Prediction, Quantity
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.maps import batches
from pellucid.rivals.weights import fetch

PATTERNS = ("*.json", "*.safetensors", "tokenizer/*")
DTYPE = "float32"
RESOLUTION = 768  # pixels of the longer side, for weights that name none


def load(rival: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them."""
    found = fetch(weights, PATTERNS, local_files_only=how.local_files_only)
    one_step, normals = "e2e-ft" in rival.name, rival.name.endswith("normals")
    kind = MarigoldNormalsPipeline if normals else MarigoldDepthPipeline
    dtype = how.dtype or DTYPE
    pipe: Any = kind.from_pretrained(found.path, dtype=getattr(torch, dtype), local_files_only=True).to(how.device)
    pipe.set_progress_bar_config(disable=True)
    if pipe.config.prediction_type not in (None, *pipe.supported_prediction_types):
        raise InputError(f"{found.name}: predicts {pipe.config.prediction_type}, not what {rival.name} is for")
    steps = 1 if one_step else how.steps or pipe.config.default_denoising_steps
    if steps is None:
        raise InputError(f"{found.name}: names no number of denoising steps; give --steps")
    if one_step:
        # The last step's own estimate of the clean latent, as its authors take it.
        pipe.scheduler = DDIMScheduler.from_config(
            pipe.scheduler.config, timestep_spacing="trailing", set_alpha_to_one=True
        )
    resolution = pipe.config.default_processing_resolution
    resolution = RESOLUTION if resolution is None else resolution
    options = {"num_inference_steps": steps, "processing_resolution": resolution, "output_type": "np"}

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        maps = []
        for frames in batches(rgb):
            n = len(frames)
            start = {"latents": zeros(pipe, frames, resolution)} if one_step else {"generator": same_noise(how.seed, n)}
            pictures = [Image.fromarray(frame) for frame in frames]
            maps.append(pipe(pictures, batch_size=n, **start, **options).prediction)
        values = np.concatenate(maps).astype(np.float32)
        if normals:
            values = normals_to_opencv(values, "dsine" if one_step else "opengl")
            return Prediction(quantity="normals", invariance="none", values=values), {}
        quantity: Quantity = pipe.config.prediction_type or "depth"
        return Prediction(quantity=quantity, invariance=invariance(pipe), values=values[..., 0]), {}

    return found, replace(how, steps=steps, dtype=dtype), predict


def invariance(pipe: MarigoldDepthPipeline) -> Invariance:
    """Up to what the weights' depth is defined, by their own configuration."""
    if pipe.config.shift_invariant:
        return "affine"
    return "scale" if pipe.config.scale_invariant else "none"


def same_noise(seed: int, count: int) -> list[torch.Generator]:
    """One generator for each frame, all alike: noise that changes from frame to frame would flicker."""
    return [torch.Generator().manual_seed(seed) for _ in range(count)]


def zeros(pipe: Any, frames: UInt8[np.ndarray, "n H W 3"], resolution: int) -> torch.Tensor:
    """The start of E2E-FT, in place of noise, at the size that the pipeline will work at (0: the frames' own)."""
    height, width = frames.shape[1:3]
    if resolution:
        height, width = (side * resolution // max(frames.shape[1:3]) for side in (height, width))
    rows, columns = (-(-side // pipe.vae_scale_factor) for side in (height, width))
    shape = (len(frames), pipe.vae.config.latent_channels, rows, columns)
    return torch.zeros(shape, device=pipe.device, dtype=pipe.dtype)
