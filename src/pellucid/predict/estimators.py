"""Estimators by name: our models and other people's, ready to be called on a clip."""

import difflib
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from pellucid.clip import Estimator, InputError, Invariance, Prediction
from pellucid.model.catalog import CATALOG
from pellucid.model.pipeline import GeometryPipeline, Settings
from pellucid.model.streams import GeometryStream
from pellucid.predict.calibration import Calibration, load_calibration
from pellucid.predict.model import ChosenModel, find
from pellucid.predict.placement import Placement, load, memory_errors, place, repeatable
from pellucid.predict.spread import spreads
from pellucid.predict.views import VIEWS
from pellucid.rivals import RIVALS, How, Rival, load_rival


class OwnModel:
    """A model of this package as an `Estimator`."""

    def __init__(
        self,
        model: ChosenModel,
        placement: Placement,
        settings: Settings,
        pipe: GeometryPipeline,
        calibration: Calibration | None = None,
    ) -> None:
        self._model, self._placement, self._settings, self._pipe = model, placement, settings, pipe
        self._calibration = calibration
        self._measured: dict[str, Any] = {}

    @torch.no_grad()
    def __call__(self, rgb: UInt8[np.ndarray, "T H W 3"], /) -> Prediction:
        """Disparity or normals of the clip at its own size, with the expected error where it was asked for.

        Raises InputError when memory is short.
        """
        began = time.perf_counter()
        values, stream = self._run(rgb, self._settings)
        expected_error = None if self._calibration is None else self._expected_error(rgb, values, self._calibration)
        seconds = stream.seconds | {"total": time.perf_counter() - began}
        self._measured = {"seconds": seconds, "seams": [asdict(seam) for seam in stream.seams]}
        invariance: Invariance = "none" if self._model.quantity == "normals" else "affine"
        return Prediction(
            quantity=self._model.quantity, invariance=invariance, values=values, expected_error=expected_error
        )

    def _run(self, rgb: UInt8[np.ndarray, "T H W 3"], settings: Settings) -> tuple[np.ndarray, GeometryStream]:
        with repeatable(self._placement.device), memory_errors():
            num_frames, height, width = rgb.shape[:3]
            stream = self._pipe.start(num_frames, height, width, settings)
            values = stream.push(np.ascontiguousarray(rgb))
        if not np.isfinite(values).all():
            raise InputError(f"{self._model.name}: the network gave values that are not finite; try --dtype float32")
        return values, stream

    def _expected_error(
        self, rgb: UInt8[np.ndarray, "T H W 3"], values: np.ndarray, calibration: Calibration
    ) -> Float32[np.ndarray, "T H W"]:
        seen = [view.back(self._run(view.of(rgb), view.settings(self._settings))[0]) for view in VIEWS]
        return np.stack(
            [
                calibration.expected_error(spread)
                for spread in spreads(lambda: ((frame, [view[t] for view in seen]) for t, frame in enumerate(values)))
            ]
        )

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
            **({"calibration": asdict(self._calibration)} if self._calibration else {}),
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
    confidence: bool = False,
) -> Estimator:
    """The estimator of that name: a model's name, its folder or hub id, or a rival's name, with a colon and the hub id
    or path of other weights if need be.

    Settings are those of `pellucid predict`; what is None takes the estimator's own default. resolution is (height,
    width) in pixels. The estimator's `receipt()` says what its numbers depend on. With confidence its predictions have
    an `expected_error`, of our models by their calibration.
    Raises InputError for an unknown name, weights that are not there, settings that do not fit, or confidence of what
    is not calibrated.
    """
    placement = place(device, dtype, offload)
    rival = RIVALS.get(name.partition(":")[0])
    if rival is not None:
        given = {
            "steps": steps, "window": window, "overlap": overlap, "resolution": resolution,
            "stitching": None if stitching == "robust" else stitching,
            "offload": None if offload == "none" else offload, "confidence": confidence or None,
        }  # fmt: skip
        _require_heeded(rival, given)
        how = How(
            device=placement.device, dtype=None if dtype == "auto" else dtype, steps=steps, window=window,
            overlap=overlap, seed=seed, local_files_only=local_files_only,
        )  # fmt: skip
        return load_rival(name, how)
    _require_known(name)
    model = find(name, local_files_only)
    settings = Settings(
        num_inference_steps=steps, window=window, overlap=overlap, processing_resolution=resolution,
        stitching=stitching, seed=seed,
    ).completed(model.config)  # fmt: skip
    calibration = load_calibration(model) if confidence else None
    return OwnModel(model, placement, settings, load(model, placement), calibration)


def _require_heeded(rival: Rival, given: dict[str, Any]) -> None:
    ignored = [name for name, value in given.items() if value is not None and name not in rival.settings]
    if ignored:
        heeds = f"takes {', '.join(rival.settings)}" if rival.settings else "takes no settings"
        raise InputError(f"{rival.name}: {heeds}; leave out {', '.join(ignored)}")


def _require_known(name: str) -> None:
    """What is neither a path nor like a hub id must be a name."""
    if name in CATALOG or "/" in name or Path(name).expanduser().exists():
        return
    names = [*CATALOG, *RIVALS]
    close = difflib.get_close_matches(name, names, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    raise InputError(
        f"no estimator is called {name!r}. {guess}Available: {', '.join(names)}; or a folder, or a hub id owner/name"
    )
