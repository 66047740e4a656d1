"""What a spread of answers is worth: the relative error to be expected, as measured where the truth is known."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from scipy.optimize import isotonic_regression

from pellucid.clip import InputError
from pellucid.model.pipeline import Settings
from pellucid.predict.model import CALIBRATION, ChosenModel
from pellucid.predict.views import VIEWS
from pellucid.store import read_json, write_json

COMMAND = "python benchmarks/confidence.py --fit"
BINS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A rising curve from spread to expected relative error, and for what it holds."""

    weights_sha256: str
    views: tuple[str, ...]
    settings: dict[str, Any]  # of the model, plain JSON
    clips: int  # it was measured on
    spreads: tuple[float, ...]  # knots, rising
    errors: tuple[float, ...]  # never falling

    def expected_error(self, spread: Float[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """The expected relative error: linear between the knots, beyond them that of the nearest."""
        return np.interp(spread, self.spreads, self.errors).astype(np.float32)


def fit_curve(
    spreads: Sequence[Float[np.ndarray, " _"]], errors: Sequence[Float[np.ndarray, " _"]]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the rising curve of the mean error at a spread; each clip's pixels together weigh as much as another's.

    Pixels are put into bins of equal weight by their spread; the bins' mean errors are made rising by isotonic
    regression. Raises InputError when no clip has a pixel.
    """
    weights = [np.full(len(s), 1 / len(s)) for s in spreads if len(s)]
    if not weights:
        raise InputError("no pixel to calibrate on: the truth is unknown everywhere")
    spread, error, weight = (np.concatenate([a for a in x if len(a)]) for x in (spreads, errors, weights))
    order = np.argsort(spread, kind="stable")
    spread, error, weight = spread[order], error[order], weight[order]
    place = np.minimum(np.cumsum(weight) / weight.sum() * BINS, BINS - 1e-9).astype(int)
    _, first, same = np.unique(spread, return_index=True, return_inverse=True)
    place = place[first][same]  # equal spreads are not told apart
    total = np.bincount(place, weight)
    filled = total > 0
    centre, mean = (np.bincount(place, weight * x)[filled] / total[filled] for x in (spread, error))
    rising = isotonic_regression(mean, weights=total[filled]).x
    return tuple(map(float, centre)), tuple(map(float, rising))


def comparable(settings: Settings) -> dict[str, Any]:
    """The settings that answers depend on, but for chance; plain JSON."""
    facts = {name: value for name, value in asdict(settings).items() if name != "seed"}
    return facts | {"processing_resolution": list(settings.processing_resolution or ())}


def load_calibration(model: ChosenModel) -> Calibration:
    """The calibration in the model's folder. Raises InputError when there is none, or it is of other weights."""
    path = model.folder / CALIBRATION
    remedy = f"measure it on rendered scenes by `{COMMAND} --model {model.name} --data DIR...`"
    if not path.is_file():
        raise InputError(f"{model.name}: its confidence is not calibrated; {remedy}")
    try:
        content = read_json(path)
        content |= {name: tuple(content[name]) for name in ("views", "spreads", "errors")}
        calibration = Calibration(**content)
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: is no calibration ({error}); {remedy}") from error
    if calibration.weights_sha256 != model.weights_sha256 or calibration.views != tuple(v.name for v in VIEWS):
        raise InputError(f"{path}: was made for other weights or views; {remedy}")
    return calibration


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Writes it beside the model's weights."""
    write_json(folder / CALIBRATION, asdict(calibration))
