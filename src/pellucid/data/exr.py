"""OpenEXR pictures of the public sets: metres, vectors and masks."""

from pathlib import Path

import numpy as np
import OpenEXR
from jaxtyping import Float32

from pellucid.clip import InputError

GREY = ("R", "Y", "Z", "V")  # what one value a pixel is called; three channels hold it three times


def read_exr(path: Path, channels: str = "") -> Float32[np.ndarray, "H W *C"]:
    """The channels of the file, such as "RGB"; by default the one value a pixel.

    Raises InputError when it is missing, cannot be read or lacks a channel.
    """
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            found = {name: c.pixels for part in file.parts for name, c in part.channels.items()}
    except Exception as error:  # the library's errors are of no narrower type
        raise InputError(f"{path}: missing or not a readable EXR file; download it again") from error
    wanted = channels or next((name for name in GREY if name in found), "")
    if not wanted or any(name not in found for name in wanted):
        allowed = ", ".join(channels or GREY)
        raise InputError(f"{path}: has the channels {', '.join(sorted(found))}; expected {allowed}; download it again")
    values = np.stack([found[name].astype(np.float32) for name in wanted], -1)
    return values if channels else values[..., 0]


def metres(values: Float32[np.ndarray, "H W"], sky: float = np.inf) -> Float32[np.ndarray, "H W"]:
    """Depth in our conventions: what is not positive is unknown, from `sky` on it is the sky."""
    known = np.where(values > 0, values, np.nan)
    return np.where(known >= sky, np.inf, known).astype(np.float32)
