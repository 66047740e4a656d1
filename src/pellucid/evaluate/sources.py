"""Where predictions come from: an estimator that runs now, or files that `pellucid predict` or anybody else wrote."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from pellucid.clip import Estimator, InputError, Prediction
from pellucid.store import PredictionFormat, find_prediction, load_prediction, prediction_digest, prediction_sidecar

# Of a sidecar, what its numbers depend on, and what was measured while they were made.
_FACTS = (
    "model", "weights_sha256", "package_version", "torch_version", "task", "steps", "window", "overlap", "seed",
    "stitching", "resolution", "device", "dtype",
)  # fmt: skip
_MEASURED = ("seconds", "seams", "peak_memory_bytes")


@runtime_checkable
class Source(Protocol):
    """What gives the prediction of each clip of a benchmark."""

    name: str

    def receipt(self, clip: str, /) -> dict[str, Any]:
        """What the numbers of that clip depend on, known before it is predicted."""
        ...

    def predict(self, clip: str, rgb: UInt8[np.ndarray, "T H W 3"], /) -> tuple[Prediction, dict[str, Any]]:
        """The prediction, and what was measured while it was made (seconds, seams, and what else there is)."""
        ...


class Running:
    """An estimator, called on each clip. Its `receipt()`, if it has one, tells what its numbers depend on."""

    def __init__(self, name: str, estimator: Estimator) -> None:
        self.name, self._estimator = name, estimator
        told = getattr(estimator, "receipt", None)
        self._receipt = told() if told else {"estimator": name, "versions": {"pellucid": version("pellucid")}}

    def receipt(self, _clip: str, /) -> dict[str, Any]:
        """The same for every clip."""
        return self._receipt

    def predict(self, _clip: str, rgb: UInt8[np.ndarray, "T H W 3"], /) -> tuple[Prediction, dict[str, Any]]:
        """Calls the estimator; what its receipt then says more than before was measured."""
        prediction = self._estimator(rgb)
        told: dict[str, Any] = getattr(self._estimator, "receipt", dict)()
        return prediction, {key: value for key, value in told.items() if key not in self._receipt}


class Saved:
    """A folder of predictions by the names of the clips, as `store.load_prediction` reads them.

    Raises InputError when there is no such folder.
    """

    def __init__(self, name: str, folder: Path, given: PredictionFormat | None = None) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; --predictions takes one with a prediction for each clip")
        self.name, self._folder, self._given = name, folder, given or PredictionFormat()

    def receipt(self, clip: str, /) -> dict[str, Any]:
        """The files' digest, how they are read, and what their sidecar knows."""
        path = find_prediction(self._folder, clip, self._given)
        sidecar = prediction_sidecar(path)
        read_as = {} if self._given == PredictionFormat() else {"read_as": asdict(self._given)}
        known = {key: sidecar[key] for key in _FACTS if key in sidecar}
        return {"prediction_sha256": prediction_digest(path), **read_as, **known}

    def predict(self, clip: str, rgb: UInt8[np.ndarray, "T H W 3"], /) -> tuple[Prediction, dict[str, Any]]:
        """Reads the files. Raises InputError when they are not of the clip's size and length."""
        path = find_prediction(self._folder, clip, self._given)
        frames, height, width = rgb.shape[:3]
        sidecar = prediction_sidecar(path)
        measured = {key: sidecar[key] for key in _MEASURED if key in sidecar}
        return load_prediction(path, self._given, shape=(frames, height, width)), measured
