"""Files of the public sets: are they all there, and what is in a picture."""

import zlib
from fnmatch import filter as matching
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from pellucid.clip import InputError


def count_frames(*streams: tuple[Path, str]) -> int:
    """How many frames there are, numbered from 0 in every stream.

    A stream is a folder and the pattern of its files' names, such as `rgb_{:05d}.jpg`. Raises InputError naming the
    first file that one of the streams lacks.
    """
    names = [{file.name for file in folder.iterdir()} if folder.is_dir() else set() for folder, _ in streams]
    wildcards = [pattern[: pattern.index("{")] + "*" + pattern[pattern.index("}") + 1 :] for _, pattern in streams]
    count = max(len(matching(present, w)) for present, w in zip(names, wildcards, strict=True))
    for t in range(count):
        for (folder, pattern), present in zip(streams, names, strict=True):
            if pattern.format(t) not in present:
                raise missing(folder / pattern.format(t))
    return count


class MissingFiles(InputError):
    """A set lacks files; `paths` are all of them that are known, the first of them in the message."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        super().__init__(f"{paths[0]}{more}: missing; download the set again or leave this folder out of --data")


def missing(path: Path) -> MissingFiles:
    """The error for a set that lacks a file."""
    return MissingFiles([path])


def require(paths: list[Path]) -> None:
    """Raises MissingFiles when some of the paths are not there."""
    if absent := [path for path in paths if not path.exists()]:
        raise MissingFiles(absent)


def read_image(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    """The picture as OpenCV reads it (BGR). Raises InputError when it is missing or cannot be read."""
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InputError(f"{path}: missing or not a readable image; download it again")
    return image


def read_rgb(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The picture in RGB. Raises InputError when it is missing or cannot be read."""
    return read_image(path, cv2.IMREAD_COLOR)[..., ::-1].copy()


def read_depth_png(path: Path, per_metre: float) -> Float32[np.ndarray, "H W"]:
    """Metres from one channel of 16 bits with so many steps a metre; 0 is unknown, that is NaN.

    Raises InputError when it is missing, cannot be read or is no such picture.
    """
    code = read_image(path, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if code.dtype != np.uint16 or code.ndim != 2:
        raise InputError(f"{path}: {code.dtype} with {code.ndim} axes; depth is one channel of 16 bits")
    return np.where(code == 0, np.nan, code.astype(np.float64) / per_metre).astype(np.float32)


def read_floats(path: Path, *shape: int) -> np.ndarray:
    """The numbers in a text file, in that shape. Raises InputError when there are others, or none."""
    try:
        return np.loadtxt(path, ndmin=1).reshape(shape)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not {' x '.join(map(str, shape))} numbers; download it again") from error


def resize_rgb(rgb: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at (height, width): averaged over areas where it shrinks, interpolated where it grows."""
    if rgb.shape[:2] == size:
        return rgb
    shrinks = size[0] <= rgb.shape[0] and size[1] <= rgb.shape[1]
    return cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def stable_seed(name: str) -> int:
    """A number of 32 bits for a name, the same on every machine."""
    return zlib.crc32(name.encode())
