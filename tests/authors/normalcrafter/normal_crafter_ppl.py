# ruff: noqa: ARG002, ARG003 (the real signatures)
from pathlib import Path
from types import SimpleNamespace

import numpy as np


class NormalCrafterPipeline:
    @classmethod
    def from_pretrained(cls, path, *, unet, vae, **options):
        assert (Path(path) / "model_index.json").is_file() and options["variant"] == "fp16"
        return cls()

    def to(self, device):
        return self

    def __call__(
        self, images, decode_chunk_size=None, time_step_size=1, window_size=1, generator=None, return_dict=True
    ):
        assert decode_chunk_size == 7
        whole = [i for i in range(0, len(images), time_step_size) if i + window_size <= len(images)]
        whole[-1]  # the real one fails so on clips shorter than its window
        colours = np.stack([np.asarray(image) for image in images])
        return SimpleNamespace(frames=[0.9 * (colours.astype(np.float32) / 255 * 2 - 1)])  # not of length one
