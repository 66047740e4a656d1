"""Adapters: low-rank changes that turn one base pipeline into another method or quantity.

An adapter folder holds adapter.safetensors (PEFT names, scaling 1) and model_index.json, whose `_adapter_of` is the
base, a model's name or its folder, and whose other entries are the pipeline's configuration. On loading it is merged.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from pellucid.clip import InputError

TARGETS = r"blocks\.\d+\.(attn[12]\.(to_q|to_k|to_v|to_out\.0)|ffn\.net\.(0\.proj|2))"  # all linears of the blocks
SELF_TARGETS = r"blocks\.\d+\.(attn1\.(to_q|to_k|to_v|to_out\.0)|ffn\.net\.(0\.proj|2))"
EXTRA_TARGETS = ("patch_embedding", "time_embedder.linear_1", "time_embedder.linear_2", "time_proj", "proj_out")
INDEX = "model_index.json"
WEIGHTS = "adapter.safetensors"


def is_adapter(folder: Path) -> bool:
    """Whether a model folder is an adapter on another one."""
    return "_adapter_of" in json.loads((folder / INDEX).read_text())


def add(
    transformer: WanTransformer3DModel,
    rank: int,
    alpha: int,
    *,
    widened: bool = False,
    cross_attention: bool = True,
    head: bool = False,
) -> None:
    """Freeze the transformer and put trainable adapters on the blocks' linears, as both papers do.

    Without a prompt, cross-attention gives the same constant at every token and can be left out. With `head`, the
    head gets an adapter of full rank too, for answers of another kind than the base's. A widened transformer has new
    input channels and new timesteps to learn and another answer: its embeddings and its head get adapters, the patch
    embedding and the head of full rank.
    """
    outer = EXTRA_TARGETS if widened else ("proj_out",) if head else ()
    targets = TARGETS if cross_attention else SELF_TARGETS
    if outer:
        targets = rf"({targets}|(.*\.)?({'|'.join(map(re.escape, outer))}))"
    full = {
        name: min(len(layer.weight), layer.weight[0].numel())
        for name, layer in (("patch_embedding", transformer.patch_embedding), ("proj_out", transformer.proj_out))
        if name in outer
    }
    transformer.requires_grad_(False)
    transformer.add_adapter(
        LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, rank_pattern=full, alpha_pattern=full)
    )


def widen(transformer: WanTransformer3DModel, in_channels: int, at: int) -> None:
    """Give the transformer more input channels: zeros, but for the old weights from channel `at` on.

    With `at` at the RGB latents of DKT's input, the widened network ignores the noise and answers as before.
    """
    old = transformer.patch_embedding
    assert old.bias is not None
    new = torch.nn.Conv3d(in_channels, old.out_channels, old.kernel_size, old.stride).to(old.weight)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, at : at + old.in_channels] = old.weight
        new.bias = torch.nn.Parameter(old.bias.clone())
    transformer.patch_embedding = new
    transformer.register_to_config(in_channels=in_channels)


def save(transformer: WanTransformer3DModel, folder: Path, base: str, scaling: float, config: dict[str, Any]) -> None:
    """Write the trained adapters and the configuration of the pipeline that they make of the base."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (t * scaling if ".lora_B." in name else t).to(torch.bfloat16).contiguous().cpu()
        for name, t in get_peft_model_state_dict(transformer).items()
    }
    save_file(tensors, folder / WEIGHTS)
    index = {"_class_name": "GeometryPipeline", "_adapter_of": base, **config}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n")


def go_on_from(transformer: WanTransformer3DModel, tensors: dict[str, torch.Tensor], scaling: float) -> None:
    """Set the trainable adapters to saved ones. Raises InputError when those have other places or ranks."""
    own = get_peft_model_state_dict(transformer)
    other = sorted(
        n for n in own.keys() | tensors.keys() if n not in own or n not in tensors or own[n].shape != tensors[n].shape
    )
    if other:
        raise InputError(
            f"the adapter to go on from differs from the recipe's at {', '.join(other[:3])}; give the base that it was "
            "trained on and its lora_rank, lora_head and lora_cross_attention"
        )
    saved = {n: t.float() / scaling if ".lora_B." in n else t.float() for n, t in tensors.items()}
    set_peft_model_state_dict(transformer, saved)


def merge(transformer: WanTransformer3DModel, tensors: dict[str, torch.Tensor]) -> None:
    """Add each low-rank product to its weight. Raises InputError when one finds no home or has no partner."""
    modules = dict(transformer.named_modules())
    names = {name.replace(".lora_B.weight", "") for name in tensors if name.endswith(".lora_B.weight")}
    strangers = sorted(n for n in names if n not in modules) + sorted(
        n for n in tensors if n.rsplit(".lora_", 1)[0] not in names
    )
    if strangers:
        raise InputError(
            f"the adapter does not fit its base: no home for {', '.join(strangers[:3])}; use the base it names"
        )
    for name in names:
        a, b = tensors[f"{name}.lora_A.weight"].float(), tensors[f"{name}.lora_B.weight"].float()
        weight = modules[name].weight
        with torch.no_grad():
            weight += (b.flatten(1) @ a.flatten(1)).view(weight.shape).to(weight)


def load(pipeline_class: Any, folder: Path, **kwargs: Any) -> Any:
    """The base pipeline with the adapter merged in."""
    index = json.loads((folder / INDEX).read_text())
    pipe = pipeline_class.from_pretrained(index["_adapter_of"], **kwargs)
    config = {k: v for k, v in index.items() if not k.startswith("_")}
    in_channels = config.pop("in_channels")
    if in_channels != pipe.transformer.config.in_channels:
        widen(pipe.transformer, in_channels, at=pipe.transformer.config.in_channels)
    merge(pipe.transformer, load_file(folder / WEIGHTS))
    pipe.register_to_config(**config)
    return pipe
