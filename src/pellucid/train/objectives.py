"""What a recipe trains: the module with the weights and its loss on a batch."""

from typing import Protocol, runtime_checkable

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor, nn

from pellucid.clip import Clip, InputError
from pellucid.model import dkt, dvd, latents
from pellucid.model.causal_conv import with_fast_stills
from pellucid.model.network import Network
from pellucid.train.cache import Latents, colours, geometry
from pellucid.train.recipes import Recipe


@runtime_checkable
class Objective(Protocol):
    """One of the things that can be trained; `model` holds the trainable weights."""

    model: nn.Module

    def attach(self, prepared: nn.Module) -> None: ...
    def loss(self, batch: list, rng: torch.Generator) -> dict[str, Tensor]: ...


class AutoencoderObjective:
    """Reconstruction of colour, disparity and normals: L1 with its image gradients, and a light KL term."""

    KL_WEIGHT = 1e-6
    GRADIENT_WEIGHT = 0.5
    KINDS = ("rgb", "disparity", "normals")

    def __init__(self, model: AutoencoderKLWan):
        self.model = with_fast_stills(model)

    def attach(self, prepared: nn.Module) -> None:
        """Train through the module that accelerate prepared; the halves of the VAE are called one by one."""
        if prepared is not self.model:
            raise InputError("an autoencoder trains in one process; start it without a distributed launcher")

    def _video(self, clip: Clip, kind: str) -> Tensor:
        return (colours(clip) if kind == "rgb" else geometry(clip, kind)).to(self.model.device)

    def loss(self, batch: list[Clip], rng: torch.Generator) -> dict[str, Tensor]:
        x = torch.cat([self._video(clip, self.KINDS[i % 3]) for i, clip in enumerate(batch)])
        mean, logvar = latents.StreamEncoder(self.model).moments(x)
        noise = torch.randn(mean.shape, generator=rng).to(mean.device)
        y = latents.StreamDecoder(self.model).paint(mean + noise * (0.5 * logvar).exp())
        l1 = (y - x).abs().mean()
        gradients = sum((y.diff(dim=d) - x.diff(dim=d)).abs().mean() for d in (-1, -2))
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        return {"loss": l1 + self.GRADIENT_WEIGHT * gradients + self.KL_WEIGHT * kl, "l1": l1, "kl": kl}

    @torch.no_grad()
    def calibrate(self, clips: list[Clip]) -> None:
        """Set latents_mean and latents_std of the model to the statistics over these clips, colour and geometry."""
        videos = [self._video(clip, kind) for clip in clips for kind in self.KINDS]
        means = [latents.StreamEncoder(self.model).moments(x)[0].movedim(1, 0).flatten(1) for x in videos]
        z = torch.cat(means, dim=1)
        mean, std = ([round(v, 4) for v in x.tolist()] for x in (z.mean(1), z.std(1)))
        self.model.register_to_config(latents_mean=mean, latents_std=std)


class GeometryObjective:
    """`dkt.loss` or `dvd.loss` on latents."""

    def __init__(self, model: nn.Module, network: Network, recipe: Recipe):
        self.model, self.network, self.recipe = model, network, recipe

    def attach(self, prepared: nn.Module) -> None:
        """Train through the module that accelerate prepared, so that gradients are shared between processes."""
        self.network.transformer = prepared

    def loss(self, batch: list[Latents], rng: torch.Generator) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        z_rgb = torch.cat([b.rgb for b in batch]).to(device)
        z_geo = torch.cat([getattr(b, self.recipe.quantity) for b in batch]).to(device)
        if self.recipe.method == "dvd":
            weights = self.recipe.spatial_weight, self.recipe.temporal_weight
            return dvd.loss(self.network, z_rgb, z_geo, self.recipe.tau, *weights)
        eps = torch.randn(z_geo.shape, generator=rng).to(device)
        ids = torch.randint(dkt.TRAINING_STEPS, (len(z_geo),), generator=rng)
        return dkt.loss(self.network, z_rgb, z_geo, eps, ids.to(device), weighted=self.recipe.weighted)
