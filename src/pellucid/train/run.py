"""From a recipe to a finished run: builds the models, the mixture and the objective, trains, exports."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

from pellucid.clip import Clip, InputError
from pellucid.data.augment import NONE
from pellucid.data.mixture import Mixture, Sample
from pellucid.data.sequences import find_sequences
from pellucid.model.network import Network
from pellucid.store import write_json
from pellucid.train.cache import LatentCache, Latents
from pellucid.train.loop import fit
from pellucid.train.objectives import AutoencoderObjective, GeometryObjective
from pellucid.train.recipes import Recipe

VALIDATION_BATCHES = 12


def make_mixture(recipe: Recipe, data: Sequence[Path], split: str) -> Mixture:
    """The recipe's mixture over the training or held-out scenes of the given folders."""
    held = split == "held-out"
    return Mixture(
        sequences=tuple(find_sequences(list(data), split)),
        sizes=recipe.sizes[:1] if held else recipe.sizes,
        frames=recipe.frames,
        frame_weights=recipe.frame_weights,
        batch_frames=recipe.batch_frames,
        variants=1 if held else recipe.variants,
        seed=recipe.seed,
        augmentation=NONE if held else recipe.augmentation,
    )


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

    cache is where latents are kept (default: out/latents); runs with the same autoencoder and data may share it.
    Raises InputError for unusable data, an unknown base, or an `out` that holds another run.
    """
    if not resume and (out / "recipe.json").exists():
        raise InputError(f"{out}: holds a run already; add --resume to go on with it or name another folder")
    mixture, held_out = (make_mixture(recipe, data, split) for split in ("train", "held-out"))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "recipe.json", asdict(recipe) | {"data": [str(d) for d in data]})
    if recipe.method == "autoencoder":
        train_autoencoder(recipe, mixture, held_out, out, resume, workers)
    else:
        train_geometry(recipe, mixture, held_out, out, resume, workers, cache or out / "latents")


def train_autoencoder(
    recipe: Recipe, mixture: Mixture, held_out: Mixture, out: Path, resume: bool, workers: int
) -> None:
    """Train the VAE and write it with the statistics of its latents to out/model/vae."""
    torch.manual_seed(recipe.seed)
    vae = AutoencoderKLWan(**recipe.vae) if recipe.base is None else AutoencoderKLWan.from_pretrained(recipe.base)
    objective = AutoencoderObjective(vae)

    def prepare(material: list[tuple[Sample, Latents | Clip]]) -> list[Clip]:
        return [clip for _, clip in material if isinstance(clip, Clip)]

    clips = [[held_out.load(s) for s in held_out.batch(i)] for i in range(VALIDATION_BATCHES)]

    def validate() -> dict[str, float]:
        rng = torch.Generator().manual_seed(0)
        return {"l1": float(np.mean([objective.loss(batch, rng)["l1"].item() for batch in clips]))}

    fit(recipe, objective, mixture, out, prepare=prepare, cache=LatentCache(None), validate=validate,
        resume=resume, workers=workers)  # fmt: skip
    objective.calibrate([mixture.load(s) for i in range(16) for s in mixture.batch(i)])
    vae.save_pretrained(out / "model" / "vae")


def train_geometry(
    recipe: Recipe, mixture: Mixture, held_out: Mixture, out: Path, resume: bool, workers: int, cache_folder: Path
) -> None:
    """Train a transformer, or adapters on one, and write it to out/model."""
    torch.manual_seed(recipe.seed)
    if recipe.autoencoder is None:
        raise InputError("this recipe starts from scratch and has no autoencoder; add --autoencoder FOLDER")
    vae = AutoencoderKLWan.from_pretrained(recipe.autoencoder).eval().requires_grad_(False)
    transformer = WanTransformer3DModel(**recipe.transformer)
    objective = GeometryObjective(transformer, Network(transformer), recipe.method, recipe.quantity)
    cache = LatentCache(cache_folder if recipe.cache_latents else None)

    def prepare(material: list[tuple[Sample, Latents | Clip]]) -> list[Latents]:
        return [x if isinstance(x, Latents) else cache.encode(vae, sample, x) for sample, x in material]

    remembered = LatentCache(None)
    batches = [
        [remembered.encode(vae, s, held_out.load(s)) for s in held_out.batch(i)] for i in range(VALIDATION_BATCHES)
    ]

    def validate() -> dict[str, float]:
        rng = torch.Generator().manual_seed(0)
        return {"loss": float(np.mean([objective.loss(batch, rng)["loss"].item() for batch in batches]))}

    fit(recipe, objective, mixture, out, prepare=prepare, cache=cache, validate=validate,
        resume=resume, workers=workers)  # fmt: skip
    transformer.save_pretrained(out / "model" / "transformer")
