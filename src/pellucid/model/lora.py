"""Low-rank updates of the official models: merged into the base, or kept as they are for export.

Merging follows DiffSynth's loader, which both projects use: W <- W + strength B A, without rank scaling.
Released code: product and sum in bfloat16. Here: both in float32, rounded once, because it costs nothing.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float

from pellucid.clip import InputError
from pellucid.model.files import first_few
from pellucid.model.names import to_diffusers_keys, to_original_keys

Weights = Mapping[str, torch.Tensor]
_PREFIXES = ("diffusion_model.", "pipe.dit.")
_ADAPTER = "default"


def merge_dkt_lora(
    base: Weights, lora: Weights, *, strength: float = 1.0, dtype: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """The base's tensors (official names) with a DKT LoRA merged into them; every key of the LoRA must find its home.

    `dtype` is what the merged matrices are rounded to; by default each keeps the base's own.
    """
    merged = dict(base)
    for module, (a, b) in _pairs(lora).items():
        name = f"{module}.weight"
        if name not in base:
            raise InputError(
                f"the LoRA changes {module}, which the transformer does not have; it was made for another base"
            )
        merged[name] = _merge(base[name], a, b, strength=strength, dtype=dtype, name=module)
    return merged


def merge_dvd_checkpoint(checkpoint: Weights, *, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """The transformer (official names) inside a released DVD checkpoint, its own LoRA merged.

    Only keys that contain `pipe.dit.` belong to it; the others (`pipe.vae.*`, optimizer states) are not read.
    """
    inside = {name.partition("pipe.dit.")[2]: t for name, t in checkpoint.items() if "pipe.dit." in name}
    if not inside:
        raise InputError(f"no tensor of the checkpoint is named pipe.dit.*; it holds {first_few(sorted(checkpoint))}")
    low_rank = {name: t for name, t in inside.items() if ".lora_A." in name or ".lora_B." in name}
    base = {name.replace(".base_layer.", "."): t for name, t in inside.items() if name not in low_rank}
    wrapped = {name.removesuffix(".base_layer.weight") for name in inside if name.endswith(".base_layer.weight")}
    pairs = _pairs(low_rank)
    if alone := sorted(wrapped ^ pairs.keys()):
        raise InputError(f"the DVD checkpoint is not whole: {first_few(alone)} has a base or a LoRA, but not both")
    for module, (a, b) in pairs.items():
        name = f"{module}.weight"
        base[name] = _merge(base[name], a, b, strength=1.0, dtype=dtype, name=module)
    return base


def export_dkt_lora(peft_state_dict: Weights, *, scaling: float = 1.0) -> dict[str, torch.Tensor]:
    """A peft adapter of the diffusers transformer in the form DKT's loader takes.

    Its keys read `blocks.0.self_attn.q.lora_A.default.weight`. That form has no alpha: peft's `scaling` (lora_alpha /
    rank) is multiplied into B.
    """
    prefixes = ("base_model.model.", "transformer.")
    plain = {_without_adapter(_without_prefix(name, prefixes)): tensor for name, tensor in peft_state_dict.items()}
    named = to_original_keys(plain)
    if foreign := sorted(n for n in named if not n.endswith((".lora_A.weight", ".lora_B.weight"))):
        raise InputError(f"{first_few(foreign)} is no low-rank matrix of a linear layer; only those can be exported")
    return {
        name.removesuffix("weight") + f"{_ADAPTER}.weight": tensor * scaling if ".lora_B." in name else tensor
        for name, tensor in named.items()
    }


def import_dkt_lora(official: Weights) -> dict[str, torch.Tensor]:
    """A DKT LoRA as a peft state dict of the diffusers transformer (lora_alpha = rank); undoes `export_dkt_lora`."""
    _pairs(official)  # refuses what is not whole
    return to_diffusers_keys({_without_adapter(_without_prefix(k, _PREFIXES)): t for k, t in official.items()})


def _pairs(lora: Weights) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """(A, B) of each module, by its official name."""
    halves: dict[str, dict[str, torch.Tensor]] = {"A.weight": {}, "B.weight": {}}
    foreign = []
    for key, tensor in lora.items():
        module, _, half = _without_adapter(_without_prefix(key, _PREFIXES)).rpartition(".lora_")
        if half in halves and module:
            halves[half][module] = tensor
        else:
            foreign.append(key)
    if foreign:
        raise InputError(
            f"{first_few(sorted(foreign))}: not a key of a LoRA; expected <module>.lora_A[.default].weight and lora_B"
        )
    a, b = halves["A.weight"], halves["B.weight"]
    if alone := sorted(a.keys() ^ b.keys()):
        raise InputError(f"the LoRA is not whole: {first_few(alone)} has lora_A or lora_B, but not both")
    return {module: (a[module], b[module]) for module in a}


def _without_prefix(name: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        name = name.removeprefix(prefix)
    return name


def _without_adapter(name: str) -> str:
    """`x.lora_A.default.weight` -> `x.lora_A.weight`: one component between is peft's adapter name."""
    parts = name.split(".")
    if len(parts) >= 4 and parts[-3] in ("lora_A", "lora_B"):
        del parts[-2]
    return ".".join(parts)


def _merge(
    weight: Float[torch.Tensor, "..."],
    a: Float[torch.Tensor, "..."],
    b: Float[torch.Tensor, "..."],
    *,
    strength: float,
    dtype: torch.dtype | None,
    name: str,
) -> Float[torch.Tensor, "out in"]:
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1] or weight.shape != (b.shape[0], a.shape[1]):
        raise InputError(
            f"the LoRA's matrices for {name} are {list(b.shape)} and {list(a.shape)}, the layer is "
            f"{list(weight.shape)}; it was made for another base (1.3B is 1536 wide, 14B is 5120)"
        )
    return (weight.float() + strength * (b.float() @ a.float())).to(dtype or weight.dtype)
