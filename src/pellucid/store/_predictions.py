"""Predictions on disk, ours and others': one array (npz, npy), or one picture a frame."""

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from pellucid.camera import NormalFrame, normals_to_opencv
from pellucid.clip import InputError, Invariance, Prediction, Quantity

from ._arrays import EXPECTED_ERROR
from ._atomic import read_json
from ._pictures import KINDS, NAMES, from_levels, named, read_pictures

_INVARIANCE: dict[Quantity, Invariance] = {"disparity": "affine", "depth": "none", "normals": "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFormat:
    """What the user says of predictions whose names and sidecars do not say it; None where they do.

    Raises InputError when a level is not worth something.
    """

    quantity: Quantity | None = None
    invariance: Invariance | None = None
    metres_per_level: float | None = None  # of 16 bit PNG: 0.001 for millimetres
    normal_frame: NormalFrame = "opencv"

    def __post_init__(self) -> None:
        if self.metres_per_level is not None and not self.metres_per_level > 0:
            raise InputError(f"{self.metres_per_level} metres per level: must be above 0 (0.001 for millimetres)")


def find_prediction(root: Path, clip: str, given: PredictionFormat = PredictionFormat()) -> Path:
    """The file, or the folder of pictures, that is or lies in what bears the clip's name under `root`.

    Raises InputError when there is none, or several.
    """
    candidates = [root / clip, root / f"{clip}.npz", root / f"{clip}.npy"]
    for path in candidates:
        if path.exists():
            return _found(path, given.quantity)
    raise InputError(f"{root}: has no prediction of {clip}; expected {clip}, {clip}.npz or {clip}.npy")


def prediction_digest(found: Path) -> str:
    """SHA-256 of the file, or of the names and bytes of the pictures in the folder."""
    if found.is_file():
        with found.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in sorted(f for f in found.iterdir() if f.suffix in (*KINDS, ".json")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def prediction_sidecar(found: Path) -> dict[str, Any]:
    """What `prediction.json` beside the file or the folder of pictures says; nothing where it is not there."""
    own = found.with_suffix(".json") if found.suffix == ".npz" else found.parent / "prediction.json"
    content = read_json(own) if own.is_file() else {}
    if not isinstance(content, dict):
        raise InputError(f"{own}: is no sidecar of a prediction; remove it, or predict again")
    return content


def load_prediction(
    path: Path, given: PredictionFormat = PredictionFormat(), *, shape: tuple[int, int, int] | None = None
) -> Prediction:
    """The prediction in a file, in a folder of pictures, or in a folder that holds either; float32.

    Its quantity is given, or that of the array's name, the sidecar `prediction.json`, the file's or the folder's name,
    in this order; its invariance is given, the sidecar's, or that of the quantity (disparity up to scale and shift,
    depth in metres). Normals come into OpenCV's axes from those given. An array `expected_error` of .npz comes with it.
    Raises InputError when there is none, it is damaged, nothing tells its quantity, or it is not of `shape` (frames,
    height, width).
    """
    found = _found(path, given.quantity)
    sidecar = prediction_sidecar(found)
    known = given.quantity or sidecar.get("quantity")
    levels, expected_error = False, None
    if found.is_dir():
        name, values, levels = read_pictures(found, known)
    else:
        name, values, expected_error = _array(found, given.quantity)
    quantity: Any = given.quantity or name or known or _by_path(found)
    if quantity not in get_args(Quantity):
        raise InputError(f"{found}: nothing tells whether it is {' or '.join(NAMES)}; say which")
    invariance = given.invariance or sidecar.get("invariance") or _INVARIANCE[quantity]
    if invariance not in get_args(Invariance):
        raise InputError(f"{found}: invariance is {invariance!r}; allowed are {', '.join(get_args(Invariance))}")
    if levels:
        values = from_levels(values, found, quantity, given.metres_per_level, invariance == "none")
    values = _checked(values, found, quantity, shape)
    if quantity == "normals":
        values = normals_to_opencv(values, given.normal_frame)
    if expected_error is not None:
        if quantity == "normals" or expected_error.shape != values.shape or expected_error.dtype.kind != "f":
            raise InputError(
                f"{found}: {EXPECTED_ERROR} is {expected_error.dtype} {expected_error.shape} for {quantity} "
                f"{values.shape}; floats of the shape of depth or disparity"
            )
        expected_error = expected_error.astype(np.float32, copy=False)
    return Prediction(quantity=quantity, invariance=invariance, values=values, expected_error=expected_error)


def _found(path: Path, quantity: Quantity | None) -> Path:
    """The file, or the folder whose pictures are the frames."""
    if not path.is_dir():
        return path
    for name in ("prediction.npz", "prediction.npy", "exr", "png16"):  # ours, the most exact first
        if (path / name).exists():
            return path / name
    arrays, pictures = sorted(path.glob("*.np[zy]")), {suffix for suffix in KINDS if any(path.glob(f"*{suffix}"))}
    if len(arrays) == 1 and pictures <= {".npy"}:
        return arrays[0]
    if len(pictures) == 1:
        return path
    folders = [f for f in sorted(path.iterdir()) if f.is_dir() and named(f.name) and quantity in (None, named(f.name))]
    if not pictures and len(folders) == 1:
        return folders[0]
    held = ", ".join(sorted(pictures) or (folder.name for folder in folders)) or "none"
    raise InputError(f"{path}: expected one .npz or .npy, or pictures of one kind ({', '.join(KINDS)}); has {held}")


def _array(found: Path, quantity: Quantity | None) -> tuple[Quantity | None, np.ndarray, np.ndarray | None]:
    """The quantity that the name of the array meant says, that array, and the expected error where there is one."""
    try:
        content = np.load(found)
        if isinstance(content, np.ndarray):
            return None, content, None
        with content:
            name = _meant(found, [name for name in content.files if name != EXPECTED_ERROR], quantity)
            return named(name), content[name], content.get(EXPECTED_ERROR)
    except OSError as error:
        raise InputError(
            f"{found}: cannot be read ({error.strerror or error}); give a prediction or its folder"
        ) from error
    except (zipfile.BadZipFile, ValueError, EOFError, AttributeError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{found}: is damaged or neither .npz nor .npy ({error}); predict again") from error


def _meant(found: Path, names: list[str], quantity: Quantity | None) -> str:
    """The array named as a quantity, or the only one where the quantity is given."""
    fitting = [name for name in names if named(name) and quantity in (None, named(name))]
    if quantity and len(names) == 1:  # others call their disparity depth
        fitting = names
    if len(fitting) != 1:
        held = ", ".join(names) or "nothing"
        raise InputError(f"{found}: holds {held}; a prediction holds one of {', '.join(NAMES)}")
    return fitting[0]


def _by_path(found: Path) -> Quantity | None:
    """The quantity that is a word of the file's name, else of its folder's, else of the one above."""
    for name in (found.stem, found.parent.name, found.parent.parent.name):
        words = {quantity for word in re.split(r"[^a-z]+", name.lower()) if (quantity := named(word))}
        if len(words) == 1:
            return words.pop()
    return None


def _checked(
    values: np.ndarray, found: Path, quantity: Quantity, shape: tuple[int, int, int] | None
) -> Float[np.ndarray, "T H W *C"]:
    if quantity != "normals" and values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    right = values.shape[3:] == (3,) if quantity == "normals" else values.ndim == 3
    if not right or not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{found}: {quantity} is {values.dtype} {values.shape}; floats [T,H,W] or normals [T,H,W,3]")
    if shape is not None and values.shape[:3] != tuple(shape):
        has, wants = (f"{t} frames of {w}x{h}" for t, h, w in (values.shape[:3], shape))
        raise InputError(f"{found}: holds {has}, but the clip is {wants}; predict it again at that size and length")
    return values.astype(np.float32, copy=False)
