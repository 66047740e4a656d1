"""Numpy's own files, written frame by frame."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy.lib import format as npy

from ._atomic import atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold: the same values give the same bytes
EXPECTED_ERROR = "expected_error"


def save_npz(
    path: Path,
    name: str,
    chunks: Iterable[Float32[np.ndarray, "n ..."]],
    shape: tuple[int, ...],
    K: Float[np.ndarray, "3 3"] | None = None,
    expected_error: Iterable[Float32[np.ndarray, "n H W"]] | None = None,
) -> None:
    """Writes what `numpy.load(path)[name]` reads: the chunks joined to `shape`, float32, and `K` (pixels) if known.

    `expected_error`, in chunks of its own, becomes a second array of that name and of the same shape.
    Memory holds one chunk. Values are stored, not deflated: float32 geometry shrinks by a fifth at best, at 20 MB/s.
    Raises InputError when the disk is full or cannot be written, ValueError when the chunks do not make up `shape`.
    """
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        arrays = {name: chunks} if expected_error is None else {name: chunks, EXPECTED_ERROR: expected_error}
        for array, parts in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{array}.npy", _EPOCH), "w", force_zip64=True) as member:
                _write(member, parts, shape)
        if K is not None:
            with archive.open(zipfile.ZipInfo("K.npy", _EPOCH), "w") as member:
                npy.write_array(member, np.asarray(K, np.float64))


def save_npy(path: Path, chunks: Iterable[Float32[np.ndarray, "n ..."]], shape: tuple[int, ...]) -> None:
    """Writes what `numpy.load(path)` reads (also memory-mapped): the chunks joined to `shape`, float32."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        _write(file, chunks, shape)


def _write(file: Any, chunks: Iterable[Float32[np.ndarray, "n ..."]], shape: tuple[int, ...]) -> None:
    npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": tuple(map(int, shape))})
    count = 0
    for chunk in chunks:
        if chunk.shape[1:] != tuple(shape[1:]):
            raise ValueError(f"a chunk of shape {chunk.shape} for an array of {shape}")
        file.write(np.ascontiguousarray(chunk, "<f4").data)
        count += len(chunk)
    if count != shape[0]:
        raise ValueError(f"{count} frames written for an array of {shape}")
