# ruff: noqa: ARG002, ARG003 (the real signatures)
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch


class DepthCrafterPipeline:
    @classmethod
    def from_pretrained(cls, path, *, unet, **options):
        assert (Path(path) / "model_index.json").is_file() and options["variant"] == "fp16"
        return cls()

    def to(self, device):
        return self

    def __call__(
        self,
        video,
        height=576,
        width=1024,
        num_inference_steps=25,
        guidance_scale=1.0,
        window_size=110,
        noise_aug_strength=0.02,
        decode_chunk_size=None,
        generator=None,
        latents=None,
        output_type="pil",
        callback_on_step_end=None,
        callback_on_step_end_tensor_inputs=None,
        return_dict=True,
        overlap=25,
        track_time=False,
    ):
        assert video.shape[1:] == (height, width, 3) and height % 64 == width % 64 == 0
        assert video.dtype == np.float32 and video.min() >= 0 and video.max() <= 1 and output_type == "np"
        assert guidance_scale == 1.0 and 0 <= overlap < window_size and num_inference_steps >= 1
        noise = 1e-4 * torch.randn((), generator=generator).item()
        return SimpleNamespace(frames=[np.repeat(video[..., :1], 3, axis=-1) * 0.5 + 0.25 + noise])
