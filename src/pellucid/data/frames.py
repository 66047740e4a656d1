"""Numbered files of the public sets: are they all there, and what is in a picture."""

import zlib
from fnmatch import filter as matching
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

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


def read_image(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    """The picture as OpenCV reads it (BGR). Raises InputError when it is missing or cannot be read."""
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InputError(f"{path}: missing or not a readable image; download it again")
    return image


def read_rgb(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The picture in RGB. Raises InputError when it is missing or cannot be read."""
    return read_image(path, cv2.IMREAD_COLOR)[..., ::-1].copy()


def stable_seed(name: str) -> int:
    """A number of 32 bits for a name, the same on every machine."""
    return zlib.crc32(name.encode())
