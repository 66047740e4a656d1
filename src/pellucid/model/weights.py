"""Released weights in, pipeline folder out: `import_dkt` and `import_dvd`, and the modules they are built of.

A module's configuration is read off its tensors' shapes, the module is made without memory and the file's own (mapped)
tensors are put into it, strictly: a missing, extra or mis-shaped tensor is an error that says what is likely wrong.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

from pellucid.clip import InputError
from pellucid.model.files import first_few, read_tensors
from pellucid.model.lora import merge_dkt_lora, merge_dvd_checkpoint
from pellucid.model.names import (
    kind_of,
    text_encoder_to_transformers_keys,
    to_diffusers_keys,
    vae_to_diffusers_keys,
)
from pellucid.model.text import PROMPTS, encode_prompt, read_prompt_embeds

Weights = Mapping[str, torch.Tensor]
Module = TypeVar("Module", bound=torch.nn.Module)

HEAD = 128  # channels per attention head in every official model
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)
_UNUSED = ("ref_conv.",)  # Fun-Control v1.1's reference image: never given by these methods, so leaving it out is exact


def import_dkt(
    *,
    transformer: list[Path] | Path,
    vae: Path,
    out: Path,
    text_encoder: Path | None = None,
    tokenizer: Path | None = None,
    prompt_embeds: Path | None = None,
    lora: Path | None = None,
    config: Path | None = None,
    task: str = "depth",
    dtype: torch.dtype | None = None,
) -> Path:
    """The folder `out`: a DKT pipeline made of a Wan2.1 Fun-Control transformer, the VAE, the prompt and a LoRA.

    Without `lora` the transformer's weights stay as they are. `dtype` defaults to each file's own.
    """
    if task not in PROMPTS:
        raise InputError(f"task is {task!r}; allowed: {', '.join(PROMPTS)}")
    if (prompt_embeds is None) == (text_encoder is None or tokenizer is None):
        raise InputError("give either --prompt-embeds, or both --text-encoder and --tokenizer")
    with _new_folder(out) as folder:
        given = _read_config(config)
        weights = _of_kind(read_tensors(transformer), "a Wan transformer", transformer)
        if lora is not None:
            weights = merge_dkt_lora(weights, read_tensors(lora), dtype=dtype)
        dit = build_transformer(weights, given.get("transformer"), dtype=dtype)
        _require_control(dit)
        if prompt_embeds is not None:
            embeds = read_prompt_embeds(prompt_embeds, text_dim=dit.config.text_dim)
        else:
            assert text_encoder is not None and tokenizer is not None
            encoder = build_text_encoder(_of_kind(read_tensors(text_encoder), "a Wan text encoder", text_encoder))
            embeds = encode_prompt(PROMPTS[task], encoder, tokenizer)
            del encoder
        _save(
            folder,
            transformer=dit,
            vae=build_vae(_of_kind(read_tensors(vae), "a Wan VAE", vae), given.get("vae"), dtype=dtype),
            scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=5.0),
            method="dkt",
            quantity="normals" if task == "normal" else "disparity",
            height=480,
            width=832,
            window=21,  # latent frames
            overlap=3,
            num_inference_steps=5,
            prompt_embeds=embeds,
        )
    return out


def import_dvd(
    *, checkpoint: Path, vae: Path, out: Path, config: Path | None = None, dtype: torch.dtype | None = None
) -> Path:
    """The folder `out`: a DVD pipeline made of a released DVD checkpoint, its LoRA merged, and the VAE.

    A plain Wan2.1 T2V transformer is taken as it is: the base that DVD is trained from.
    """
    with _new_folder(out) as folder:
        given = _read_config(config)
        weights = read_tensors(checkpoint)
        if kind_of(weights) != "a Wan transformer":
            weights = merge_dvd_checkpoint(_of_kind(weights, "a DVD checkpoint", checkpoint), dtype=dtype)
        dit = build_transformer(weights, given.get("transformer"), dtype=dtype)
        if dit.config.image_dim is not None or dit.config.in_channels != dit.config.out_channels:
            raise InputError(f"{checkpoint} holds {_describe(dit)}; DVD is a Wan2.1 T2V transformer (16 channels)")
        _save(
            folder,
            transformer=dit,
            vae=build_vae(_of_kind(read_tensors(vae), "a Wan VAE", vae), given.get("vae"), dtype=dtype),
            scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000),
            method="dvd",
            quantity="disparity",
            height=480,
            width=640,
            window=81,  # video frames
            overlap=21,
            num_inference_steps=1,
            prompt_embeds=None,
        )
    return out


def transformer_config(official: Weights) -> dict[str, Any]:
    """diffusers' constructor arguments, read off the shapes; the head size is not in them and is the official 128."""
    dim, in_channels, *patch = _shape(official, "patch_embedding.weight")
    has_image = "img_emb.proj.1.weight" in official
    image_dim = _shape(official, "img_emb.proj.1.weight")[1] if has_image else None
    return {
        "patch_size": tuple(patch),
        "num_attention_heads": max(1, dim // HEAD),
        "attention_head_dim": HEAD if dim % HEAD == 0 else dim,
        "in_channels": in_channels,
        "out_channels": _shape(official, "head.head.weight")[0] // (patch[0] * patch[1] * patch[2]),
        "text_dim": _shape(official, "text_embedding.0.weight")[1],
        "freq_dim": _shape(official, "time_embedding.0.weight")[1],
        "ffn_dim": _shape(official, "blocks.0.ffn.0.weight")[0],
        "num_layers": _layers(official),
        "cross_attn_norm": "blocks.0.norm3.weight" in official,
        "image_dim": image_dim,
        "added_kv_proj_dim": dim if has_image else None,
    }


def build_transformer(
    official: Weights, config: Mapping[str, Any] | None = None, *, dtype: torch.dtype | None = None
) -> WanTransformer3DModel:
    """The transformer with these weights (official names); `config` overrides what the shapes say."""
    weights = {name: tensor for name, tensor in official.items() if not name.startswith(_UNUSED)}
    arguments = transformer_config(weights) | dict(config or {})
    if arguments["attention_head_dim"] != HEAD and "num_attention_heads" not in (config or {}):
        raise InputError(
            f"the transformer is {arguments['attention_head_dim']} wide, no multiple of the official head size {HEAD}; "
            "give num_attention_heads and attention_head_dim by --config"
        )
    return _filled(
        lambda: WanTransformer3DModel(**arguments), to_diffusers_keys(weights), what="transformer", dtype=dtype
    )


def build_vae(
    official: Weights, config: Mapping[str, Any] | None = None, *, dtype: torch.dtype | None = None
) -> AutoencoderKLWan:
    """The VAE with these weights (official names); `config` overrides what the shapes say."""
    inferred = {"base_dim": _shape(official, "encoder.conv1.weight")[0], "z_dim": _shape(official, "conv2.weight")[0]}
    arguments = inferred | dict(config or {})
    return _filled(lambda: AutoencoderKLWan(**arguments), vae_to_diffusers_keys(official), what="VAE", dtype=dtype)


def build_text_encoder(official: Weights, *, dtype: torch.dtype | None = None) -> UMT5EncoderModel:
    """The UMT5 encoder with these weights (official names)."""
    vocab_size, d_model = _shape(official, "token_embedding.weight")
    buckets, heads = _shape(official, "blocks.0.pos_embedding.embedding.weight")
    config = UMT5Config(
        vocab_size=vocab_size,
        d_model=d_model,
        d_kv=_shape(official, "blocks.0.attn.q.weight")[0] // heads,
        d_ff=_shape(official, "blocks.0.ffn.fc1.weight")[0],
        num_layers=_layers(official),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=128,
        feed_forward_proj="gated-gelu",
        layer_norm_epsilon=1e-6,
        dropout_rate=0.0,
    )
    weights = text_encoder_to_transformers_keys(official)
    return _filled(lambda: UMT5EncoderModel(config), weights, what="text encoder", dtype=dtype)


def _filled(make: Callable[[], Module], weights: Weights, *, what: str, dtype: torch.dtype | None) -> Module:
    """The module with these tensors in it, checked name by name; it never holds memory of its own."""
    try:
        with init_empty_weights(include_buffers=False):
            module = make()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"the {what}'s configuration does not work: {str(error).splitlines()[0]}") from error
    expected = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    missing = [name for name in expected if name not in weights]
    extra = [name for name in weights if name not in expected]
    misshaped = [
        f"{name} {list(weights[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in weights and list(weights[name].shape) != shape
    ]
    complaints = {"missing": missing, "unknown": extra, "of another shape": misshaped}
    if missing or extra or misshaped:
        found = "; ".join(f"{len(names)} {what_} ({first_few(names)})" for what_, names in complaints.items() if names)
        raise InputError(f"the {what}'s tensors do not fit: {found}; {_likely_cause(missing, extra, misshaped)}")
    if odd := sorted({str(t.dtype) for t in weights.values() if t.dtype not in _FLOATS}):
        raise InputError(f"the {what}'s tensors are {', '.join(odd)}; float32, float16 and bfloat16 can be read")
    module.load_state_dict({n: t if dtype is None else t.to(dtype) for n, t in weights.items()}, assign=True)
    return module.requires_grad_(False).eval()


def _likely_cause(missing: list[str], extra: list[str], misshaped: list[str]) -> str:
    if misshaped or (missing and extra):
        return "another kind of model, or --config belongs to another size (1.3B or 14B)"
    if missing:
        return "the file is not whole, or a shard is missing"
    return "the file holds more than this kind of model, or --config has too few layers"


def _require_control(dit: WanTransformer3DModel) -> None:
    config = dit.config
    if config.in_channels != 3 * config.out_channels or config.image_dim is None:
        raise InputError(
            f"the transformer is {_describe(dit)}; DKT needs Wan2.1-Fun-Control (48 input channels, image branch), "
            "such as alibaba-pai/Wan2.1-Fun-1.3B-Control"
        )


def _describe(dit: WanTransformer3DModel) -> str:
    config = dit.config
    branch = "without" if config.image_dim is None else "with"
    kinds = {16: "text-to-video (T2V)", 36: "image-to-video (I2V or Fun-InP)", 48: "Fun-Control"}
    return f"{kinds.get(config.in_channels, 'unknown')}: {config.in_channels} input channels, {branch} image branch"


def _of_kind(weights: dict[str, torch.Tensor], kind: str, source: object) -> dict[str, torch.Tensor]:
    if (found := kind_of(weights)) != kind:
        where = source[0] if isinstance(source, list) else source
        raise InputError(f"{where} is {found}, not {kind} with official names; it holds {first_few(sorted(weights))}")
    return weights


def _shape(weights: Weights, name: str) -> tuple[int, ...]:
    if name not in weights:
        raise InputError(f"the weights hold no {name}: not an official Wan2.1 model, or a shard is missing")
    return tuple(weights[name].shape)


def _layers(weights: Weights) -> int:
    return 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))


def _read_config(path: Path | None) -> dict[Literal["transformer", "vae"], dict[str, Any]]:
    if path is None:
        return {}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    well_formed = isinstance(content, dict) and all(isinstance(part, dict) for part in content.values())
    if not well_formed or not content.keys() <= {"transformer", "vae"}:
        raise InputError(f'{path} must read {{"transformer": {{...}}, "vae": {{...}}}}, with diffusers\' arguments')
    return content


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when the block ends well, and disappears when it does not."""
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} already exists; remove it or choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp's own is for the user alone
        try:
            folder.rename(out)
        except OSError as error:
            raise InputError(f"{out} was made by someone else meanwhile; use it, or choose another --out") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _save(folder: Path, **parts: Any) -> None:
    from pellucid.model.pipeline import GeometryPipeline

    GeometryPipeline(**parts).save_pretrained(folder, safe_serialization=True)
