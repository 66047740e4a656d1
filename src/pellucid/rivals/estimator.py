"""A rival, loaded: one interface over all packages, with the checks that each of them is owed."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from jaxtyping import UInt8

from pellucid.clip import InputError, Prediction
from pellucid.rivals.catalog import RIVALS, Rival
from pellucid.rivals.weights import Weights

# What a module of a rival makes: from frames to the prediction, and to what else the network said of them (plain JSON).
Predict = Callable[[UInt8[np.ndarray, "T H W 3"]], tuple[Prediction, dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a rival runs. What is None takes its own default, filled in by `load`; what it does not know stays None."""

    device: str = "cpu"
    dtype: str | None = None
    steps: int | None = None
    window: int | None = None
    overlap: int | None = None
    seed: int = 1
    local_files_only: bool = False


Loaded = tuple[Weights, How, Predict]  # what `load` of a rival's module returns


class RivalEstimator:
    """A rival as an `Estimator`."""

    def __init__(self, rival: Rival, weights: Weights, how: How, predict: Predict) -> None:
        self._rival, self._weights, self._how, self._predict = rival, weights, how, predict
        self._measured: dict[str, Any] = {}

    def __call__(self, rgb: UInt8[np.ndarray, "T H W 3"], /) -> Prediction:
        """Geometry of the clip at its own size, float32.

        Raises InputError when memory is short, or when the network gives values that are not finite.
        """
        import torch

        began = time.perf_counter()
        try:
            with torch.no_grad():
                prediction, told = self._predict(np.ascontiguousarray(rgb))
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise InputError(f"{self._rival.name}: the GPU's memory is full; use fewer or smaller frames") from error
        values = prediction.values
        tail = (3,) if prediction.quantity == "normals" else ()
        assert values.shape == (*rgb.shape[:3], *tail) and values.dtype == np.float32, (values.shape, values.dtype)
        if not np.isfinite(values).all():
            raise InputError(f"{self._rival.name}: the network gave values that are not finite; try --dtype float32")
        self._measured = {**told, "seconds": {"total": time.perf_counter() - began}}
        return prediction

    def receipt(self) -> dict[str, Any]:
        """What the numbers depend on, and of the latest clip the seconds and what else the network said. Plain JSON."""
        settings = asdict(self._how)
        origin = {"weights_sha256": self._weights.sha256, "hub_revision": self._weights.revision}
        packages = ("pellucid", "torch", "transformers", "diffusers", self._rival.package)
        return {
            "estimator": self._rival.name,
            "weights": self._weights.name,
            **{name: value for name, value in origin.items() if value is not None},
            "licence": self._rival.licence if self._weights.name == self._rival.weights else "see model card",
            "versions": {name: known for name in packages if (known := _version(name)) is not None},
            "settings": {name: settings[name] for name in self._rival.settings},
            "device": self._how.device,
            "dtype": self._how.dtype,
            **self._measured,
        }


def load_rival(name: str, how: How) -> RivalEstimator:
    """The rival of that name, with other weights where a colon and their hub id or path follow.

    Raises InputError when its package is not installed, or its weights are not there or are others'.
    """
    from huggingface_hub.errors import StrictDataclassError  # of configurations that contradict themselves
    from safetensors import SafetensorError

    known, _, weights = name.partition(":")
    rival = RIVALS[known]
    try:
        require_package(rival)
        module = importlib.import_module(f"pellucid.rivals.{rival.module}")
        loaded: Loaded = module.load(rival, weights or rival.weights, how)
    except InputError:
        raise
    except ImportError as error:
        raise _missing(rival, error) from error
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, StrictDataclassError) as error:
        why = " ".join((str(error).strip() or type(error).__name__).split())[:300]
        raise InputError(f"{known}: the weights {weights or rival.weights} cannot be loaded ({why})") from error
    return RivalEstimator(rival, *loaded)


def require_package(rival: Rival) -> None:
    """Raises InputError, which says how to get it, when the package that runs the rival is not installed."""
    if importlib.util.find_spec(rival.package) is None:
        raise _missing(rival, f"No module named {rival.package!r}")


def _missing(rival: Rival, why: object) -> InputError:
    return InputError(f"{rival.name} runs through the package {rival.package} ({why}); {rival.install}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # a clone on PYTHONPATH has none
