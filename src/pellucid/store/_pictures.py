"""Geometry as one picture a frame: EXR, 16 bit PNG, or an array of numpy each."""

import re
from pathlib import Path

import cv2
import numpy as np
import OpenEXR

from pellucid.clip import InputError, Quantity

from ._atomic import read_json
from ._sequences import PNG_LEVELS

KINDS = (".exr", ".png", ".npy")
NAMES: dict[Quantity, tuple[str, ...]] = {
    "disparity": ("disparity", "disparities", "disp"),
    "depth": ("depth", "depths"),
    "normals": ("normals", "normal"),
}
_GREY = ("Z", "Y", "R", "V")  # what programs call the one channel of an EXR file


def named(name: str) -> Quantity | None:
    """The quantity that an array, channel or folder of this name holds, if it is one of the usual names."""
    return next((quantity for quantity, names in NAMES.items() if name.lower() in names), None)


def read_pictures(folder: Path, quantity: str | None) -> tuple[Quantity | None, np.ndarray, bool]:
    """The quantity that the channels name, the frames in natural order, and whether they are levels of PNG.

    `quantity`, if known, says which channels are meant. Raises InputError when a file is damaged, of 8 bits, or of
    another shape than the others.
    """
    files = sorted((f for f in folder.iterdir() if f.suffix in KINDS), key=lambda f: natural(f.name))
    if not files:
        raise InputError(f"{folder}: holds no frame; expected {', '.join(KINDS)}")
    frames = [read_picture(file, quantity) for file in files]
    shapes = sorted({values.shape for _, values in frames})
    if len(shapes) > 1:
        raise InputError(f"{folder}: has frames of shapes {' and '.join(map(str, shapes))}; all must be of one")
    return frames[0][0], np.stack([values for _, values in frames]), files[0].suffix == ".png"


def from_levels(
    levels: np.ndarray, folder: Path, quantity: Quantity, metres_per_level: float | None, metric: bool
) -> np.ndarray:
    """The values of 16 bit levels: by `scale.json` as ours, else by the metres given, else 0 to 1 or -1 to 1.

    Depth 0 is unknown (NaN), and so is level 0 of ours where the sidecar counts unknown values. Raises InputError
    for metric depth without metres.
    """
    scale, unknown = folder / "scale.json", levels == 0
    if scale.is_file():
        content = read_json(scale)
        try:
            low, high, missing = float(content["low"]), float(content["high"]), int(content.get("unknown", 0))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{scale}: has no numbers low and high; write them, or say metres per level") from error
        unknown &= missing > 0
    elif quantity == "depth" and metres_per_level is not None:
        low, high = 0.0, PNG_LEVELS * metres_per_level
    elif quantity == "depth" and metric:
        raise InputError(f"{folder}: nothing tells the metres of a level; say them (0.001 for millimetres)")
    else:
        low, high = (-1.0 if quantity == "normals" else 0.0), 1.0
        unknown &= quantity == "depth"
    return np.where(unknown, np.nan, low + levels.astype(np.float64) / PNG_LEVELS * (high - low))


def read_picture(file: Path, quantity: str | None) -> tuple[Quantity | None, np.ndarray]:
    """One frame, and the quantity that its channel names."""
    if file.suffix.lower() == ".exr":
        return _exr(file, quantity)
    if file.suffix.lower() == ".npy":
        try:
            return None, np.load(file)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{file}: is no array of numpy ({error}); write it again") from error
    levels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if levels is None:
        raise InputError(f"{file}: cannot be read as PNG, it is cut off or damaged; write it again")
    if levels.dtype != np.uint16:
        raise InputError(
            f"{file}: is {8 * levels.itemsize} bit; geometry as PNG has 16 bit, so that its steps are no errors"
        )
    return None, levels[..., ::-1] if levels.ndim == 3 else levels  # OpenCV's order is blue first


def _exr(file: Path, quantity: str | None) -> tuple[Quantity | None, np.ndarray]:
    try:
        with OpenEXR.File(str(file), separate_channels=True) as opened:
            planes = {name: channel.pixels for name, channel in opened.channels().items()}
    except Exception as error:  # the library's errors have no common type
        raise InputError(
            f"{file}: cannot be read as EXR, it is cut off or damaged ({' '.join(str(error).split())}); write it again"
        ) from error
    own = next((name for name in planes if named(name)), None)
    if own is None and quantity in (None, "normals") and set("RGB") <= planes.keys():
        vectors = np.stack([planes[axis] for axis in "RGB"], axis=-1)
        if quantity or (vectors != vectors[..., :1]).any():  # three equal channels are one value
            return "normals", vectors
    name = own or next((name for name in _GREY if name in planes), None)
    if name is None:
        allowed = ", ".join((*NAMES, *_GREY))
        raise InputError(f"{file}: has the channels {', '.join(planes)}; expected one of {allowed}, or R, G, B")
    return named(name) or ("depth" if name == "Z" else None), planes[name]


def natural(name: str) -> list[tuple[int, str]]:
    """A key that puts frame 2 before frame 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
