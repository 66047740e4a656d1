"""Tensor names: the official Wan form and the form of diffusers and transformers, both ways.

Released files use the official names; the modules use the libraries'. Towards the modules, the transformer and the
VAE go through diffusers' own converters. Everything here is renaming: no tensor changes.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers

T = TypeVar("T")

# (diffusers, official), applied in this order: what a later pair would also match stands above it.
_TRANSFORMER = (
    (r"condition_embedder\.time_embedder\.linear_1\.", "time_embedding.0."),
    (r"condition_embedder\.time_embedder\.linear_2\.", "time_embedding.2."),
    (r"condition_embedder\.text_embedder\.linear_1\.", "text_embedding.0."),
    (r"condition_embedder\.text_embedder\.linear_2\.", "text_embedding.2."),
    (r"condition_embedder\.time_proj\.", "time_projection.1."),
    (r"condition_embedder\.image_embedder\.norm1\.", "img_emb.proj.0."),
    (r"condition_embedder\.image_embedder\.ff\.net\.0\.proj\.", "img_emb.proj.1."),
    (r"condition_embedder\.image_embedder\.ff\.net\.2\.", "img_emb.proj.3."),
    (r"condition_embedder\.image_embedder\.norm2\.", "img_emb.proj.4."),
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.to_out\.0\.", ".o."),
    (r"\.add_([kv])_proj\.", r".\1_img."),
    (r"\.norm_added_k\.", ".norm_k_img."),
    (r"\.ffn\.net\.0\.proj\.", ".ffn.0."),
    (r"\.ffn\.net\.2\.", ".ffn.2."),
    (r"\.norm2\.", ".norm3."),
    (r"^proj_out\.", "head.head."),
    (r"^scale_shift_table$", "head.modulation"),
    (r"\.scale_shift_table$", ".modulation"),
)
_VAE = (
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"coder\.conv_in\.", "coder.conv1."),
    (r"coder\.norm_out\.", "coder.head.0."),
    (r"coder\.conv_out\.", "coder.head.2."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2."),
    (r"^encoder\.down_blocks\.", "encoder.downsamples."),
    (r"^decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\.", lambda m: f"decoder.upsamples.{4 * int(m[1]) + int(m[2])}."),
    (r"^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"decoder.upsamples.{4 * int(m[1]) + 3}."),
    (r"\.norm1\.", ".residual.0."),
    (r"(?<!coder)\.conv1\.", ".residual.2."),
    (r"\.norm2\.", ".residual.3."),
    (r"\.conv2\.", ".residual.6."),
    (r"\.conv_shortcut\.", ".shortcut."),
)
# (official, transformers); each pair is read in both directions.
_TEXT_ENCODER = (
    ("token_embedding.weight", "shared.weight"),
    ("norm.weight", "encoder.final_layer_norm.weight"),
    ("blocks.{}.norm1.weight", "encoder.block.{}.layer.0.layer_norm.weight"),
    ("blocks.{}.attn.q.weight", "encoder.block.{}.layer.0.SelfAttention.q.weight"),
    ("blocks.{}.attn.k.weight", "encoder.block.{}.layer.0.SelfAttention.k.weight"),
    ("blocks.{}.attn.v.weight", "encoder.block.{}.layer.0.SelfAttention.v.weight"),
    ("blocks.{}.attn.o.weight", "encoder.block.{}.layer.0.SelfAttention.o.weight"),
    (
        "blocks.{}.pos_embedding.embedding.weight",
        "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias.weight",
    ),
    ("blocks.{}.norm2.weight", "encoder.block.{}.layer.1.layer_norm.weight"),
    ("blocks.{}.ffn.gate.0.weight", "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight"),
    ("blocks.{}.ffn.fc1.weight", "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight"),
    ("blocks.{}.ffn.fc2.weight", "encoder.block.{}.layer.1.DenseReluDense.wo.weight"),
)


def to_diffusers_keys(official: Mapping[str, T]) -> dict[str, T]:
    """The transformer's tensors under diffusers' names; LoRA keys (`....q.lora_A.weight`) are understood too."""
    return convert_wan_transformer_to_diffusers(dict(official))  # the converter empties what it is given


def to_original_keys(tensors: Mapping[str, T]) -> dict[str, T]:
    """The transformer's tensors under the official names: the inverse of `to_diffusers_keys`."""
    return _renamed(tensors, _TRANSFORMER)


def vae_to_diffusers_keys(official: Mapping[str, T]) -> dict[str, T]:
    """The VAE's tensors under diffusers' names."""
    return convert_wan_vae_to_diffusers(dict(official))


def vae_to_original_keys(tensors: Mapping[str, T]) -> dict[str, T]:
    """The VAE's tensors under the official names: the inverse of `vae_to_diffusers_keys`."""
    return _renamed(tensors, _VAE)


def text_encoder_to_transformers_keys(official: Mapping[str, T]) -> dict[str, T]:
    """The text encoder's tensors under transformers' names; the token table appears under both names it has there."""
    pairs = dict(_TEXT_ENCODER)
    named = {_by_template(name, pairs): tensor for name, tensor in official.items()}
    if "shared.weight" in named:
        named["encoder.embed_tokens.weight"] = named["shared.weight"]
    return named


def text_encoder_to_original_keys(tensors: Mapping[str, T]) -> dict[str, T]:
    """The text encoder's tensors under the official names: the inverse of `text_encoder_to_transformers_keys`."""
    pairs = {new: original for original, new in _TEXT_ENCODER}
    return {_by_template(k, pairs): t for k, t in tensors.items() if k != "encoder.embed_tokens.weight"}


def kind_of(names: Mapping[str, object]) -> str:
    """What a file with these official tensor names is, in words for a message."""
    if any(".lora_A." in name for name in names) and not any(".base_layer." in name for name in names):
        return "a LoRA"
    if any("pipe.dit." in name for name in names):
        return "a DVD checkpoint"
    if "token_embedding.weight" in names:
        return "a Wan text encoder"
    if "encoder.conv1.weight" in names:
        return "a Wan VAE"
    if "blocks.0.self_attn.q.weight" in names:
        return "a Wan transformer"
    if any("attn1." in name or name.startswith("encoder.conv_in.") for name in names):
        return "a model already in diffusers' form"
    return "an unknown model"


def _renamed(tensors: Mapping[str, T], rules) -> dict[str, T]:
    named = {}
    for name, tensor in tensors.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        named[name] = tensor
    return named


def _by_template(name: str, pairs: dict[str, str]) -> str:
    block = re.search(r"(?<=\.)\d+(?=\.)", name)
    if block is None:
        return pairs.get(name, name)
    template = name[: block.start()] + "{}" + name[block.end() :]
    return pairs[template].format(block[0]) if template in pairs else name
