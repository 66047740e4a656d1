"""Packages that know two types: float32, and halves in autocast."""

from dataclasses import replace

from pellucid.clip import InputError
from pellucid.rivals.estimator import How


def with_halves(name: str, how: How) -> How:
    """The same with a type: halves on a GPU, as released, unless asked otherwise; float32 elsewhere.

    Raises InputError for any third type.
    """
    dtype = how.dtype or ("float16" if how.device.startswith("cuda") else "float32")
    if dtype not in ("float16", "float32"):
        raise InputError(f"{name}: --dtype {dtype}: its package knows float32 and float16 only")
    return replace(how, dtype=dtype)
