"""What estimators say of the scenes' pictures, asked once and kept."""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from pellucid.align import Completer
from pellucid.clip import Estimator, InputError, Prediction
from pellucid.grasp.pictures import read_picture
from pellucid.store import load_prediction, save_npz, write_json

PASSING = ("seconds", "seams")  # of a receipt: what differs from call to call


def identity(estimator: Estimator | Completer) -> str:
    """Eight digits that differ when weights, settings or versions do; empty for one that gives no receipt."""
    receipt = getattr(estimator, "receipt", None)
    if receipt is None:
        return ""
    lasting = {key: value for key, value in receipt().items() if key not in PASSING}
    return sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:8]


def estimate(estimator: Estimator, pictures: Iterable[Path], folder: Path, done: Callable[[], object]) -> None:
    """Asks of each picture that has no answer in `folder` yet; calls `done` after each.

    A picture is one frame, as a camera on a stand gives. Raises InputError when the answer is of normals.
    """
    for picture in pictures:
        path = folder / f"{picture.stem}.npz"
        if not path.exists():
            prediction = estimator(read_picture(picture)[None])
            if prediction.quantity == "normals":
                raise InputError("the estimator predicts normals; grasping needs one of disparity or depth")
            # Beside the values, up to which transform they are defined; the values last, for they mark the whole.
            write_json(path.with_suffix(".json"), {"invariance": prediction.invariance})
            error = None if prediction.expected_error is None else [prediction.expected_error]
            save_npz(path, prediction.quantity, [prediction.values], prediction.values.shape, expected_error=error)
        done()


def kept_estimate(folder: Path, picture: Path) -> Prediction:
    """The answer to one picture."""
    return load_prediction(folder / f"{picture.stem}.npz")
