"""Estimators by name: our models and other people's, ready to be called on a clip."""

import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from pellucid.clip import Estimator, InputError, Prediction
from pellucid.model.pipeline import GeometryPipeline, Settings
from pellucid.predict.model import ChosenModel, find
from pellucid.predict.placement import Placement, load, memory_errors, place, repeatable


class OwnModel:
    """A model of this package as an `Estimator`."""

    def __init__(self, model: ChosenModel, placement: Placement, settings: Settings, pipe: GeometryPipeline) -> None:
        self._model, self._placement, self._settings, self._pipe = model, placement, settings, pipe
        self._measured: dict[str, Any] = {}

    @torch.no_grad()
    def __call__(self, rgb: UInt8[np.ndarray, "T H W 3"], /) -> Prediction:
        """Disparity or normals of the clip at its own size. Raises InputError when memory is short."""
        began = time.perf_counter()
        with repeatable(self._placement.device), memory_errors():
            stream = self._pipe.start(*rgb.shape[:3], self._settings)
            values = stream.push(rgb)
        if not np.isfinite(values).all():
            raise InputError(f"{self._model.name}: the network gave values that are not finite; try --dtype float32")
        seconds = stream.seconds | {"total": time.perf_counter() - began}
        self._measured = {"seconds": seconds, "seams": [asdict(seam) for seam in stream.seams]}
        invariance = "none" if self._model.quantity == "normals" else "affine"
        return Prediction(quantity=self._model.quantity, invariance=invariance, values=values)

    def receipt(self) -> dict[str, Any]:
        """What the numbers depend on, and of the latest clip the seconds of each stage and the seams. Plain JSON."""
        return {
            "estimator": self._model.name,
            "weights_sha256": self._model.weights_sha256,
            "configs_sha256": self._model.configs_sha256,
            "versions": {name: version(name) for name in ("pellucid", "torch", "diffusers")},
            "settings": asdict(self._settings),
            "device": self._placement.device,
            "dtype": self._placement.dtype,
            "offload": self._placement.offload,
            **self._measured,
        }


def load_estimator(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offload: str = "none",
    steps: int | None = None,
    window: int | None = None,
    overlap: int | None = None,
    resolution: tuple[int, int] | None = None,
    stitching: str = "robust",
    seed: int = 1,
    local_files_only: bool = False,
) -> Estimator:
    """The estimator of that name: a model's name, its folder or hub id.

    Settings are those of `pellucid predict`; what is None takes the model's own default. resolution is (height, width)
    in pixels. Its `receipt()` says what its numbers depend on.
    Raises InputError for an unknown name, weights that are not there, or settings that do not fit.
    """
    placement = place(device, dtype, offload)
    model = find(name, local_files_only)
    settings = Settings(
        num_inference_steps=steps, window=window, overlap=overlap, processing_resolution=resolution,
        stitching=stitching, seed=seed,
    ).completed(model.config)  # fmt: skip
    return OwnModel(model, placement, settings, load(model, placement))
