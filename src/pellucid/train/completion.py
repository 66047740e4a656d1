"""Training of the network that judges a depth sensor: see `pellucid.model.completion`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel
from jaxtyping import Float32
from torch import Tensor, nn
from tqdm import tqdm

from pellucid.clip import InputError
from pellucid.data.augment import NONE
from pellucid.data.sequences import Sequence as Scene
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.model import completion
from pellucid.model.pipeline import GeometryPipeline
from pellucid.store import atomic
from pellucid.train.loop import fit
from pellucid.train.recipes import Recipe
from pellucid.train.sensed import Sensed, SensedMixture, chosen_frames

VALIDATION_BATCHES = 6


class CompletionObjective:
    """`completion.loss` on frames as a sensor and a model see them."""

    def __init__(self, model: nn.Module):
        self.model, self.network = model, model

    def attach(self, prepared: nn.Module) -> None:
        """Train through the module that accelerate prepared, so that gradients are shared between processes."""
        self.network = prepared

    def loss(self, batch: list[Sensed], _: torch.Generator) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        names = ("rgb", "model", "sensor", "truth", "hard")
        rgb, model, sensor, truth, hard = (
            torch.from_numpy(np.stack([getattr(seen, name) for seen in batch])).to(device) for name in names
        )
        focal = torch.tensor([seen.focal for seen in batch], dtype=torch.float32, device=device)
        judged = completion.judge(self.network, rgb, model, sensor, focal)
        return completion.loss(judged, sensor, truth, hard)


def train_completion(
    recipe: Recipe,
    base: GeometryPipeline,
    own: Path | None,
    data: Sequence[Path],
    out: Path,
    resume: bool,
    workers: int,
) -> UNet2DModel:
    """The network trained on rendered scenes beside the base's disparity, which becomes the base's folder `completion`.
    `own` is that folder if the base has one.

    Raises InputError when there is no rendered scene, or the recipe goes on from a network that the base lacks.
    """
    torch.manual_seed(recipe.seed)
    network = start_network(recipe, own)
    train, held_out = (tuple(find_sequences(list(data), split)) for split in ("train", "held-out"))
    folder = out / "disparity"
    ask(base, [*train, *held_out], folder)
    disparity = partial(kept, folder)
    mixture = SensedMixture(
        sequences=train, disparity=disparity, sizes=recipe.sizes, batch_frames=recipe.batch_frames,
        variants=recipe.variants, seed=recipe.seed, augmentation=recipe.augmentation,
    )  # fmt: skip
    validation = SensedMixture(
        sequences=held_out, disparity=disparity, sizes=recipe.sizes[:1], batch_frames=recipe.batch_frames,
        variants=1, seed=recipe.seed, augmentation=NONE,
    )  # fmt: skip
    batches = [[validation.load(s) for s in validation.batch(i)] for i in range(VALIDATION_BATCHES)]
    objective = CompletionObjective(network)

    def prepare(material: list) -> list:
        return [seen for _, seen in material]

    def validate() -> dict[str, float]:
        nothing = torch.Generator()
        losses = [objective.loss(batch, nothing) for batch in batches]
        return {name: float(np.mean([terms[name].item() for terms in losses])) for name in losses[0]}

    fit(recipe, objective, mixture, out, prepare=prepare, validate=validate, resume=resume, workers=workers)
    return network


def start_network(recipe: Recipe, own: Path | None) -> UNet2DModel:
    """A new network, or where the recipe has no constructor arguments the one that the base has."""
    if recipe.transformer:
        return completion.make_network(tuple(recipe.transformer["block_out_channels"]))
    if own is None:
        raise InputError(f"{recipe.base}: has no network of completion to go on from; use the recipe nano_completion")
    return UNet2DModel.from_pretrained(own, torch_dtype=torch.float32)


@torch.no_grad()
def ask(pipe: GeometryPipeline, scenes: list[Scene], folder: Path) -> None:
    """Keep the model's disparity of each scene's chosen frames; what is there is not asked again."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [(s, i) for s in scenes for i in chosen_frames(s) if not _path(folder, s, i).exists()]
    for scene, index in tqdm(missing, desc="asking the model", unit="frame", disable=not missing):
        rgb = read_sequence(scene, index, index + 1).rgb
        disparity = pipe(rgb).disparity
        assert disparity is not None, f"{pipe} predicts normals"
        with atomic(_path(folder, scene, index)) as path, path.open("wb") as file:
            np.save(file, disparity[0])


def kept(folder: Path, scene: Scene, index: int) -> Float32[np.ndarray, "H W"]:
    """The disparity that was kept of a scene's frame."""
    return np.load(_path(folder, scene, index))


def _path(folder: Path, scene: Scene, index: int) -> Path:
    return folder / f"{scene.name}_{index:04d}.npy"
