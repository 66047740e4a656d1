"""Where predictions come from: an estimator that runs now, or files that `pellucid predict` or anybody else wrote."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from pellucid.clip import Estimator, InputError, Prediction
from pellucid.store import load_prediction, read_json

# Of a sidecar, what its numbers depend on, and what was measured while they were made.
_FACTS = ("model", "weights_sha256", "package_version", "torch_version", "task", "steps", "window", "overlap", "seed")
_FACTS += ("stitching", "resolution", "device", "dtype")
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
        told = getattr(self._estimator, "receipt", dict)()
        return prediction, {key: value for key, value in told.items() if key not in self._receipt}


class Saved:
    """A folder of predictions by the names of the clips: DIR/NAME/prediction.npz or DIR/NAME.npz.

    Raises InputError when there is no such folder.
    """

    def __init__(self, name: str, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; --predictions takes one with a prediction for each clip")
        self.name, self._folder = name, folder

    def receipt(self, clip: str, /) -> dict[str, Any]:
        """The file's digest, and what its sidecar knows."""
        path = self._file(clip)
        sidecar = self._sidecar(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"prediction_sha256": digest, **{key: sidecar[key] for key in _FACTS if key in sidecar}}

    def predict(self, clip: str, _rgb: UInt8[np.ndarray, "T H W 3"], /) -> tuple[Prediction, dict[str, Any]]:
        """Reads the file."""
        path = self._file(clip)
        sidecar = self._sidecar(path)
        return load_prediction(path), {key: sidecar[key] for key in _MEASURED if key in sidecar}

    def _file(self, clip: str) -> Path:
        paths = [self._folder / clip / "prediction.npz", self._folder / f"{clip}.npz"]
        found = [path for path in paths if path.is_file()]
        if not found:
            raise InputError(f"no prediction: neither {paths[0]} nor {paths[1]} is there")
        return found[0]

    @staticmethod
    def _sidecar(path: Path) -> dict[str, Any]:
        sidecar = path.with_suffix(".json")
        content = read_json(sidecar) if sidecar.is_file() else {}
        return content if isinstance(content, dict) else {}
