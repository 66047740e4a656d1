"""One picture file for each frame: what compositors and robots load."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from jaxtyping import Float32

from pellucid.clip import InputError

from ._atomic import atomic_folder, write_json

PNG_LEVELS = 65535


def save_exr_sequence(folder: Path, chunks: Iterable[Float32[np.ndarray, "n ..."]], channel: str) -> None:
    """Writes folder/000000.exr and so on: float32, ZIP, values as they are.

    A scalar is stored twice, as `channel` ("disparity", or "Z" for depth) and as R, where viewers look for it.
    Vectors are stored as R, G, B (x, y, z), and `channel` is not used.
    Raises InputError when the disk is full or cannot be written; then an earlier folder stays as it was.
    """
    with atomic_folder(folder) as temporary:
        for index, frame in enumerate(frame for chunk in chunks for frame in chunk):
            if frame.ndim == 3:
                channels = dict(zip("RGB", np.ascontiguousarray(np.moveaxis(frame, -1, 0)), strict=True))
            else:
                channels = dict.fromkeys(("R", channel), np.ascontiguousarray(frame))
            _write_exr(temporary / f"{index:06d}.exr", channels, folder)


def save_png16_sequence(folder: Path, chunks: Iterable[Float32[np.ndarray, "n ..."]], low: float, high: float) -> None:
    """Writes folder/000000.png and so on, 16 bit, and folder/scale.json: value = low + png / 65535 * (high - low).

    Depth in metres with low 0 and high 65.535 gives the robots' millimetres. Unknown values (NaN) become 0, values
    beyond the range its nearest end; the sidecar counts both. Vectors are stored as red, green, blue (x, y, z).
    Raises InputError when the disk is full or cannot be written; then an earlier folder stays as it was.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"the range of a 16 bit picture is {low} to {high}; low must be below high")
    unknown = clipped = 0
    with atomic_folder(folder) as temporary:
        for index, frame in enumerate(frame for chunk in chunks for frame in chunk):
            levels = (frame.astype(np.float64) - low) / (high - low) * PNG_LEVELS
            missing = np.isnan(levels)
            unknown += int(missing.sum())
            clipped += int(((levels < -0.5) | (levels > PNG_LEVELS + 0.5)).sum())
            levels = np.rint(np.clip(np.where(missing, 0, levels), 0, PNG_LEVELS)).astype(np.uint16)
            _, png = cv2.imencode(".png", levels[..., ::-1] if levels.ndim == 3 else levels)  # OpenCV's order: BGR
            (temporary / f"{index:06d}.png").write_bytes(png.tobytes())
        write_json(
            temporary / "scale.json",
            {
                "formula": "value = low + png / 65535 * (high - low)",
                "low": float(low),
                "high": float(high),
                "unknown": unknown,
                "clipped": clipped,
            },
        )


def _write_exr(path: Path, channels: dict[str, Float32[np.ndarray, "H W"]], folder: Path) -> None:
    """Writes one file and reads it back: OpenEXR does not report a disk that fills up while it closes a file."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    try:
        OpenEXR.File(header, dict(channels)).write(str(path))  # it changes the dictionary
        with OpenEXR.File(str(path), separate_channels=True) as written:
            found = written.channels()
            whole = all(np.array_equal(found[name].pixels, plane, equal_nan=True) for name, plane in channels.items())
    except (RuntimeError, ValueError, KeyError) as error:  # the arguments are ours, so it is the disk
        reason = str(error).replace("\n", " ").rstrip(".")
        raise InputError(f"{folder}: cannot be written ({reason}); free some space") from error
    if not whole:
        raise InputError(f"{folder}: cannot be written ({path.name} reads back otherwise); check the disk")
