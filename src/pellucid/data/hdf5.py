"""HDF5 files, and MATLAB's newer ones, which are the same."""

from pathlib import Path
from types import ModuleType

import numpy as np

from pellucid.clip import InputError


def read_hdf5(path: Path, name: str = "dataset", index: int | None = None) -> np.ndarray:
    """An array of the file, or only its `index`-th entry.

    Raises InputError when the file is missing or cannot be read or h5py is not installed.
    """
    try:
        with h5py().File(path, "r") as file:
            return file[name][:] if index is None else file[name][index]
    except (OSError, KeyError, IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: missing or not a readable HDF5 file; download it again") from error


def h5py() -> ModuleType:
    """The library. Raises InputError that says how to install it."""
    try:
        import h5py
    except ImportError as error:
        raise InputError("these files need h5py; install it with pip install 'pellucid[train]'") from error
    return h5py
