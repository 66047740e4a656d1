"""Where a model runs, in which numbers, and what is said when it does not fit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from safetensors import SafetensorError

from pellucid.clip import InputError
from pellucid.model.pipeline import GeometryPipeline
from pellucid.predict.model import ChosenModel

SHOW_LOADING = 10**9  # bytes of weights from which loading takes long enough to watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A device that is there, the type of the weights on it, and what is kept off it."""

    device: str
    dtype: str  # as the sidecar has it
    torch_dtype: Any  # as diffusers takes it
    offload: str


def place(device: str = "auto", dtype: str = "auto", offload: str = "none") -> Placement:
    """The device and type asked for. Raises InputError when this machine has none such."""
    device = _device(device)
    kind = torch.device(device).type
    if offload != "none" and kind != "cuda":
        raise InputError(f"--offload {offload}: moves parts between a CUDA device and main memory; on {kind} "
                         "there is nothing to move, leave it out")  # fmt: skip
    if dtype == "auto" and kind == "cuda":
        mixed = {"transformer": torch.bfloat16, "vae": torch.float32, "default": torch.float32}
        return Placement(device=device, dtype="bfloat16, VAE float32", torch_dtype=mixed, offload=offload)
    if dtype == "float16" and kind == "cpu":
        raise InputError("--dtype float16: is not for processors; use float32, or bfloat16 to save memory")
    name = "float32" if dtype == "auto" else dtype
    return Placement(device=device, dtype=name, torch_dtype=getattr(torch, name), offload=offload)


def load(model: ChosenModel, placement: Placement) -> GeometryPipeline:
    """The pipeline on its device. Raises InputError when the folder is damaged or memory is short."""
    bars = diffusers.utils.logging
    if model.weights_bytes < SHOW_LOADING:
        bars.disable_progress_bar()
    try:
        with memory_errors():
            pipe: Any = GeometryPipeline.from_pretrained(model.folder, dtype=placement.torch_dtype)
            if placement.offload == "model":
                pipe.enable_model_cpu_offload(device=placement.device)
            elif placement.offload == "sequential":
                pipe.enable_sequential_cpu_offload(device=placement.device)
            else:
                pipe.to(placement.device)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        why = " ".join((str(error).strip() or type(error).__name__).split())[:300]
        raise InputError(f"the model in {model.folder} cannot be loaded ({why}); import or train it again") from error
    finally:
        bars.enable_progress_bar()
    return pipe


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Kernels that give the same bytes each time, where there is a choice."""
    if torch.device(device).type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns an exhausted memory into an InputError that says what helps."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise InputError(
            "the GPU's memory is full; add --offload model (or sequential), or use a smaller --resolution or --window"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "can't allocate memory" not in str(error):
            raise
        raise InputError("the main memory is full; use a smaller --resolution or --window") from error


def _device(wanted: str) -> str:
    there = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there += ["cuda"] * bool(there) + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if name in there)
    if wanted not in there:
        raise InputError(f"--device {wanted}: this machine offers auto, {', '.join(sorted(there))}")
    return wanted
