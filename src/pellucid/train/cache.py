"""Latents of training samples, computed once: the autoencoder is frozen and the samples are a finite set."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pellucid.clip import Clip, Quantity
from pellucid.data.mixture import Sample
from pellucid.model import latents, targets
from pellucid.store import atomic
from pellucid.train.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Latents:
    """The latents of one sample, [1,c,f,h,w] each; None for normals that neither the set nor the run asked for."""

    rgb: Tensor
    disparity: Tensor
    normals: Tensor | None = None


def fingerprint(vae: AutoencoderKLWan, recipe: Recipe) -> str:
    """A name for all that decides latents beside the sequence: the autoencoder, crops, augmentation and seed."""
    drawn = [recipe.sizes, recipe.set_sizes, asdict(recipe.augmentation), recipe.seed]
    digest = hashlib.sha256(json.dumps(drawn).encode())
    for name, weight in sorted(vae.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


class LatentCache:
    """Latents of samples in float16 files, or nothing remembered when `folder` is None.

    One file holds colour, disparity and, where the clip has them, normals, so that runs for either quantity share
    it; a file without what this run needs counts as not there. `read` may run in a data loader's worker; `encode`
    runs where the autoencoder is.
    """

    def __init__(self, folder: Path | None, quantity: Quantity = "disparity"):
        self.folder, self.quantity = folder, quantity
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def _path(self, sample: Sample) -> Path:
        assert self.folder is not None
        place = hashlib.sha256(str(sample.sequence.path.resolve()).encode()).hexdigest()[:8]  # names repeat in sets
        return self.folder / f"{sample.name}_{place}.safetensors"

    def read(self, sample: Sample) -> Latents | None:
        """The remembered latents; None when they are not there or the file is damaged."""
        if self.folder is None or not self._path(sample).is_file():
            return None
        try:
            tensors = load_file(self._path(sample))
        except SafetensorError:
            return None
        if self.quantity not in tensors:
            return None
        return Latents(**{name: t.float() for name, t in tensors.items()})

    @torch.no_grad()
    def encode(self, vae: AutoencoderKLWan, sample: Sample, clip: Clip) -> Latents:
        """The latents of the sample's clip, remembered."""
        videos = {"rgb": colours(clip), "disparity": geometry(clip, "disparity")}
        if clip.normals is not None:
            videos["normals"] = geometry(clip, "normals")
        z = latents.encode(vae, torch.cat(list(videos.values())).to(vae.device, vae.dtype)).half().cpu()
        tensors = {name: z[i : i + 1].contiguous() for i, name in enumerate(videos)}
        if self.folder is not None:
            with atomic(self._path(sample)) as path:
                save_file(tensors, path)
        return Latents(**{name: t.float() for name, t in tensors.items()})


def colours(clip: Clip) -> Tensor:
    """The clip's frames as a video [1,3,T,H,W] in [-1, 1]."""
    return (torch.from_numpy(clip.rgb).movedim(-1, 0)[None].float() / 127.5) - 1


def geometry(clip: Clip, quantity: str) -> Tensor:
    """The clip's truth as the video [1,3,T,H,W] that the network should paint."""
    if quantity == "normals":
        return targets.normals_to_video(torch.from_numpy(clip.normals)[None])
    return targets.disparity_to_video(torch.from_numpy(clip.depth)[None])
