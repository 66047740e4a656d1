"""Models of transformers, whole or not at all."""

from pathlib import Path
from typing import Any

import torch

from pellucid.clip import InputError
from pellucid.rivals.estimator import How

PATTERNS = ("*.json", "*.safetensors")
DTYPE = "float32"


def load_model(kind: Any, folder: Path, how: How) -> Any:
    """The model of that class in the folder, on its device, ready to predict.

    Raises InputError when tensors are missing: transformers would draw them at random, and only warn.
    """
    dtype = getattr(torch, how.dtype or DTYPE)
    model, info = kind.from_pretrained(folder, dtype=dtype, output_loading_info=True, local_files_only=True)
    if missing := sorted(info["missing_keys"]):
        raise InputError(
            f"{folder}: is no {kind.__name__}; {missing[0]} and {len(missing) - 1} more tensors are missing"
        )
    return model.to(how.device).eval()
