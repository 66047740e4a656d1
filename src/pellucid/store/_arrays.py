"""Numpy's own files, written frame by frame."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Float, Float32
from numpy.lib import format as npy

from pellucid.clip import InputError, Invariance, Prediction, Quantity

from ._atomic import atomic, read_json

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold: the same values give the same bytes
_DEFAULT_INVARIANCE: dict[str, Invariance] = {"disparity": "affine", "depth": "none", "normals": "none"}


def save_npz(
    path: Path,
    name: str,
    chunks: Iterable[Float32[np.ndarray, "n ..."]],
    shape: tuple[int, ...],
    K: Float[np.ndarray, "3 3"] | None = None,
) -> None:
    """Writes what `numpy.load(path)[name]` reads: the chunks joined to `shape`, float32, and `K` (pixels) if known.

    Memory holds one chunk. Values are stored, not deflated: float32 geometry shrinks by a fifth at best, at 20 MB/s.
    Raises InputError when the disk is full or cannot be written, ValueError when the chunks do not make up `shape`.
    """
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
            _write(member, chunks, shape)
        if K is not None:
            with archive.open(zipfile.ZipInfo("K.npy", _EPOCH), "w") as member:
                npy.write_array(member, np.asarray(K, np.float64))


def save_npy(path: Path, chunks: Iterable[Float32[np.ndarray, "n ..."]], shape: tuple[int, ...]) -> None:
    """Writes what `numpy.load(path)` reads (also memory-mapped): the chunks joined to `shape`, float32."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        _write(file, chunks, shape)


def load_prediction(path: Path) -> Prediction:
    """The prediction in a .npz file, or in a folder that holds `prediction.npz`.

    The invariance is that of the sidecar `prediction.json` beside it; without one, that of the quantity (disparity is
    affine-invariant, depth metric).
    Raises InputError when there is none or it is damaged.
    """
    if path.is_dir():
        path = path / "prediction.npz"
    try:
        with np.load(path) as archive:
            found = [name for name in get_args(Quantity) if name in archive]
            if len(found) != 1:
                raise InputError(
                    f"{path}: holds {', '.join(archive.files) or 'nothing'}; a prediction holds one of "
                    f"{', '.join(get_args(Quantity))}"
                )
            values = archive[found[0]]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); give a prediction or its folder"
        ) from error
    except (zipfile.BadZipFile, ValueError, EOFError, AttributeError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is damaged or no .npz file ({error}); predict again") from error
    quantity = found[0]
    if values.ndim != (4 if quantity == "normals" else 3) or not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{path}: {quantity} is {values.dtype} {values.shape}; floats [T,H,W] or normals [T,H,W,3]")
    sidecar = path.with_suffix(".json")
    invariance = read_json(sidecar).get("invariance") if sidecar.exists() else None
    invariance = invariance or _DEFAULT_INVARIANCE[quantity]
    if invariance not in get_args(Invariance):
        raise InputError(f"{sidecar}: invariance is {invariance!r}; allowed are {', '.join(get_args(Invariance))}")
    return Prediction(quantity=quantity, invariance=invariance, values=values)


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
