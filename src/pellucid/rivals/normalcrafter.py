"""NormalCrafter (arXiv:2504.11427) through its authors' package: a whole clip's normals.

Its authors state no axes. Their published pictures show right-facing walls red and floors green: x right, y up, z
towards the viewer, which is what is assumed here. That z is positive on what is seen was also found by
lettidude/LiveActionAOV (passes/normals/normalcrafter.py at 1bd625a) on a shot of its own.
"""

import importlib
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from jaxtyping import UInt8
from PIL import Image

from pellucid.camera import normals_to_opencv
from pellucid.clip import Prediction
from pellucid.rivals.catalog import Rival
from pellucid.rivals.estimator import How, Loaded
from pellucid.rivals.maps import resized, unit
from pellucid.rivals.stable_video_diffusion import LONGEST, base, shrunk, with_window
from pellucid.rivals.weights import fetch

WINDOW, OVERLAP, DECODED_AT_ONCE = 14, 4, 7  # of the released run.py, where 14 - 4 is the step in time


def load(rival: Rival, weights: str, how: How) -> Loaded:
    """The weights, how they run, and what predicts with them.

    Raises InputError for an overlap as long as the window.
    """
    how = with_window(rival.name, how, WINDOW, OVERLAP)
    window, overlap = how.window, how.overlap
    assert window and overlap is not None and how.dtype  # completed
    dtype = getattr(torch, how.dtype)
    pipelines, networks = (importlib.import_module(f"normalcrafter.{name}") for name in ("normal_crafter_ppl", "unet"))
    found = fetch(weights, ("*.json", "*.safetensors"), local_files_only=how.local_files_only)
    folder, told = base(how)
    unet = networks.DiffusersUNetSpatioTemporalConditionModelNormalCrafter.from_pretrained(
        found.path, subfolder="unet", low_cpu_mem_usage=True, dtype=dtype
    )
    vae = AutoencoderKLTemporalDecoder.from_pretrained(found.path, subfolder="vae", dtype=dtype)
    pipe = pipelines.NormalCrafterPipeline.from_pretrained(folder, unet=unet, vae=vae, dtype=dtype, variant="fp16")
    pipe.to(how.device)

    def predict(rgb: UInt8[np.ndarray, "T H W 3"]) -> tuple[Prediction, dict[str, Any]]:
        frames = shrunk(rgb, network_size(*rgb.shape[1:3]))
        length = min(window, len(frames))  # the package fails on clips shorter than its window
        video = pipe(
            [Image.fromarray(frame) for frame in frames], decode_chunk_size=DECODED_AT_ONCE,
            time_step_size=max(1, min(window - overlap, length)), window_size=length,
        ).frames[0]  # fmt: skip
        normals = unit(resized(np.asarray(video), rgb.shape[1:3]))
        return Prediction(quantity="normals", invariance="none", values=normals_to_opencv(normals, "opengl")), told

    return found, how, predict


def network_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) of the pictures given to the package, which pads them to its grid: the longer at most 1024."""
    scale = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
