"""From a recipe to a finished run: builds the models, the mixture and the objective, trains, exports."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from safetensors.torch import load_file, save_file

from pellucid.clip import Clip, InputError
from pellucid.data.augment import NONE
from pellucid.data.mixture import Mixture, Sample
from pellucid.data.sequences import Split
from pellucid.data.sets import find_data
from pellucid.model import adapter, catalog, dkt
from pellucid.model.completion import FOLDER as COMPLETION
from pellucid.model.lora import export_dkt_lora
from pellucid.model.network import Network
from pellucid.model.pipeline import GeometryPipeline
from pellucid.store import read_json, write_json
from pellucid.train.beginnings import begin
from pellucid.train.cache import LatentCache, Latents, fingerprint
from pellucid.train.completion import train_completion
from pellucid.train.flow_start import start_flow
from pellucid.train.loop import LATEST, fit
from pellucid.train.objectives import AutoencoderObjective, GeometryObjective
from pellucid.train.recipes import Recipe

CONFIG_KEYS = ("method", "quantity", "height", "width", "window", "overlap", "num_inference_steps", "tau")


def make_mixture(recipe: Recipe, data: Sequence[Path], split: Split) -> Mixture:
    """The recipe's mixture over the training or held-out scenes of the given folders."""
    held = split == "held-out"
    return Mixture(
        sequences=tuple(find_data(list(data), split)),
        sizes=recipe.sizes[:1] if held else recipe.sizes,
        frames=recipe.frames,
        frame_weights=recipe.frame_weights,
        batch_frames=recipe.batch_frames,
        packed=recipe.packed,
        variants=1 if held else recipe.variants,
        seed=recipe.seed,
        augmentation=NONE if held else recipe.augmentation,
        still_weights=dict(recipe.still_weights),
        clip_weights=dict(recipe.clip_weights),
        set_sizes={name: (height, width) for name, height, width in recipe.set_sizes},
        normals=recipe.method == "autoencoder" or recipe.quantity == "normals",
    ).feasible()


def announce(recipe: Recipe, mixture: Mixture) -> None:
    """Say once, on stderr, which sets and clip lengths of the recipe the data do not have."""
    lengths = [str(f) for f in recipe.frames if f not in mixture.frames]
    notes = [f"no {', '.join(mixture.absent())}: the other sets share their weight"] if mixture.absent() else []
    notes += [f"no set gives clips of {', '.join(lengths)} frames: they are left out"] if lengths else []
    if notes and int(os.environ.get("RANK", "0")) == 0:
        print(f"data: {'; '.join(notes)}", file=sys.stderr)


def warn_of_software_bfloat16(recipe: Recipe) -> None:
    """Say on stderr that an x86 processor without AVX-512 is to train in bfloat16, which it computes in software."""
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    slow = platform.machine() in ("x86_64", "AMD64") and not torch.backends.cpu.get_cpu_capability().startswith(
        "AVX512"
    )
    if recipe.mixed_precision == "bf16" and slow and not gpu:
        note = "this CPU computes bfloat16 in software; --mixed-precision no is many times faster"
        print(f"warning: {note}", file=sys.stderr)


def train(
    recipe: Recipe,
    data: Sequence[Path],
    out: Path,
    *,
    resume: bool = False,
    cache: Path | None = None,
    workers: int = 1,
) -> None:
    """Run a recipe on folders of sequences; the trained weights end up in `out/model`.

    cache is where latents are kept (default: out/latents); any runs may share it.
    Raises InputError for unusable data, an unknown base, or an `out` that holds another run.
    """
    if not resume and any((out / kept).exists() for kept in (LATEST, "model")):
        raise InputError(f"{out}: holds a run already; add --resume to go on with it or name another folder")
    warn_of_software_bfloat16(recipe)
    if recipe.method == "completion":
        if recipe.base is None:
            raise InputError("this recipe completes beside a model of disparity; add --base NAME")
        base = base_model(recipe.base)
        own = catalog.resolve(base) / COMPLETION
        pipe = GeometryPipeline.from_pretrained(base)
        write_recipe(recipe, data, out)
        network = train_completion(recipe, pipe, own if own.is_dir() else None, data, out, resume, workers)
        network.to(dtype=torch.bfloat16).save_pretrained(out / "model")
        forget_origin(out / "model")
        return
    mixture, held_out = make_mixture(recipe, data, "train"), make_mixture(recipe, data, "held-out")
    announce(recipe, mixture)
    write_recipe(recipe, data, out)
    if recipe.method == "autoencoder":
        train_autoencoder(recipe, mixture, held_out, out, resume, workers)
    else:
        train_geometry(recipe, mixture, held_out, out, resume, workers, cache or out / "latents")


def write_recipe(recipe: Recipe, data: Sequence[Path], out: Path) -> None:
    """Beside the checkpoints: everything that decides the run."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "recipe.json", asdict(recipe) | {"data": [str(d) for d in data]})


def train_autoencoder(
    recipe: Recipe, mixture: Mixture, held_out: Mixture, out: Path, resume: bool, workers: int
) -> None:
    """Train the VAE and write it with the statistics of its latents to out/model/vae."""
    torch.manual_seed(recipe.seed)
    if recipe.base is None:
        vae = AutoencoderKLWan(**recipe.vae)
        begin(vae)
    else:
        run = Path(recipe.base) / "model" / "vae"
        vae = AutoencoderKLWan.from_pretrained(run if run.is_dir() else recipe.base)
    objective = AutoencoderObjective(vae)

    def prepare(material: list[tuple[Sample, Latents | Clip]]) -> list[Clip]:
        return [clip for _, clip in material if isinstance(clip, Clip)]

    clips = [[held_out.load(s) for s in held_out.batch(i)] for i in range(recipe.validation_batches)]

    def validate() -> dict[str, float]:
        rng = torch.Generator().manual_seed(0)
        losses = [objective.loss(batch, rng)["l1"].item() for batch in clips]
        return {"l1": float(np.mean(losses))} if losses else {}

    fit(recipe, objective, mixture, out, prepare=prepare, validate=validate, resume=resume, workers=workers)
    objective.calibrate([mixture.load(s) for i in range(16) for s in mixture.batch(i)])
    vae.save_pretrained(out / "model" / "vae")


def train_geometry(
    recipe: Recipe, mixture: Mixture, held_out: Mixture, out: Path, resume: bool, workers: int, cache_folder: Path
) -> None:
    """Train a transformer, or adapters on one, and write the pipeline or the adapter to out/model."""
    torch.manual_seed(recipe.seed)
    pipe = start_pipeline(recipe)
    vae = pipe.vae.eval().requires_grad_(False)
    before = {k: v.clone() for k, v in pipe.transformer.state_dict().items()} if recipe.base_share else {}
    adapted = recipe.lora_rank is not None
    widened = adapted and recipe.method == "dkt" and pipe.transformer.config.in_channels == pipe.vae.config.z_dim
    if recipe.lora_rank is not None:
        if widened:
            adapter.widen(pipe.transformer, 3 * pipe.vae.config.z_dim, at=pipe.vae.config.z_dim)
        adapter.add(
            pipe.transformer, recipe.lora_rank, recipe.lora_alpha or recipe.lora_rank,
            widened=widened, cross_attention=recipe.lora_cross_attention, head=recipe.lora_head,
        )  # fmt: skip
        if recipe.adapter is not None:
            adapter.go_on_from(pipe.transformer, saved_adapter(recipe.adapter), lora_scaling(recipe))
    if recipe.gradient_checkpointing:
        pipe.transformer.enable_gradient_checkpointing()
    network = Network(pipe.transformer, pipe.prompt_embeds)
    objective = GeometryObjective(pipe.transformer, network, recipe)
    cache = LatentCache(cache_folder / fingerprint(vae, recipe) if recipe.cache_latents else None, recipe.quantity)

    def prepare(material: list[tuple[Sample, Latents | Clip]]) -> list[Latents]:
        return [x if isinstance(x, Latents) else cache.encode(vae, sample, x) for sample, x in material]

    def remembered(sample: Sample) -> Latents:
        return cache.read(sample) or cache.encode(vae, sample, held_out.load(sample))

    batches = [[remembered(s) for s in held_out.batch(i)] for i in range(recipe.validation_batches)]
    if widened and recipe.adapter is None and not resume:
        first = prepare([(s, cache.read(s) or mixture.load(s)) for s in mixture.batch(0)])
        z_rgb, z_geo = (torch.cat([getattr(x, k) for x in first]).to(vae.device) for k in ("rgb", recipe.quantity))
        start_flow(pipe.transformer, network, z_rgb, z_geo, recipe.tau)

    def validate() -> dict[str, float]:
        rng = torch.Generator().manual_seed(0)
        losses = [objective.loss(batch, rng)["loss"].item() for batch in batches]
        return {"loss": float(np.mean(losses))} if losses else {}

    fit(recipe, objective, mixture, out, prepare=prepare, cache=cache, validate=validate,
        resume=resume, workers=workers)  # fmt: skip
    objective.attach(pipe.transformer)
    if before:
        after = pipe.transformer.state_dict()
        pipe.transformer.load_state_dict({k: torch.lerp(v, before[k], recipe.base_share) for k, v in after.items()})
    export(recipe, pipe, out / "model")


def start_pipeline(recipe: Recipe) -> GeometryPipeline:
    """The pipeline that training starts from: the base, or a new transformer on a trained autoencoder."""
    height, width = recipe.resolution or recipe.sizes[0]
    config: dict[str, Any] = {
        "method": recipe.method, "quantity": recipe.quantity, "height": height, "width": width,
        "window": recipe.window, "overlap": recipe.overlap, "tau": recipe.tau,
        "num_inference_steps": 1 if recipe.method == "dvd" else recipe.num_inference_steps,
    }  # fmt: skip
    if recipe.base is not None:
        pipe = GeometryPipeline.from_pretrained(base_model(recipe.base))
        pipe.register_to_config(**config)
        return pipe
    if recipe.autoencoder is None:
        raise InputError("this recipe starts from scratch and needs an autoencoder; add --autoencoder FOLDER")
    vae = AutoencoderKLWan.from_pretrained(recipe.autoencoder)
    return GeometryPipeline(
        WanTransformer3DModel(**recipe.transformer), vae, FlowMatchEulerDiscreteScheduler(shift=dkt.SHIFT), **config
    )


def base_model(base: str) -> str:
    """The model that a base means: the one that another run trained, another folder, or a name."""
    run = Path(base) / "model"
    return str(run.resolve()) if run.is_dir() else str(Path(base).resolve()) if Path(base).is_dir() else base


def saved_adapter(name: str) -> dict[str, torch.Tensor]:
    """The tensors of an adapter. Raises InputError for an unknown model or one that is none."""
    folder = catalog.resolve(base_model(name))
    if not adapter.is_adapter(folder):
        raise InputError(f"{name}: is no adapter but a whole model; give it as --base")
    return load_file(folder / adapter.WEIGHTS)


def lora_scaling(recipe: Recipe) -> float:
    """What the products of the recipe's adapters are multiplied by."""
    assert recipe.lora_rank is not None
    return (recipe.lora_alpha or recipe.lora_rank) / recipe.lora_rank


def forget_origin(folder: Path) -> None:
    """Take out of the configurations where the weights were loaded from, which is this machine's business alone."""
    for file in folder.rglob("*.json"):
        write_json(file, {k: v for k, v in read_json(file).items() if k != "_name_or_path"})


def export(recipe: Recipe, pipe: GeometryPipeline, folder: Path) -> None:
    """Write what was trained: a pipeline in bfloat16, or an adapter, on an official base also in the released keys."""
    if recipe.lora_rank is None:
        pipe.to(torch.bfloat16).save_pretrained(folder)
        forget_origin(folder)
        return
    config = {k: v for k, v in pipe.config.items() if k in CONFIG_KEYS}
    config["in_channels"] = pipe.transformer.config.in_channels
    assert recipe.base is not None
    adapter.save(pipe.transformer, folder, base_model(recipe.base), lora_scaling(recipe), config)
    tensors = load_file(folder / adapter.WEIGHTS)
    if all(name.startswith("blocks.") for name in tensors):
        save_file(export_dkt_lora(tensors), folder / "dkt_lora.safetensors")
