"""Video <-> normalised Wan latents, in one piece or as a stream of chunks with the same result.

The Wan VAE is causal in time: the first frame stands alone, every further latent frame holds four video frames, and
each convolution keeps the two frames before. Keeping those caches between calls makes chunked coding exact
(CHECKPOINTS: any group size gives the same latents), so memory does not grow with the length of a video.

A VAE that packs nothing in time (scale_factor_temporal 1, as nano's) codes every frame as a still.
"""

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify, unpatchify
from jaxtyping import Float
from torch import Tensor


def _statistics(vae: AutoencoderKLWan, like: Tensor) -> tuple[Tensor, Tensor]:
    def channels(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1, 1)

    return channels(vae.config.latents_mean), channels(vae.config.latents_std)


def _onload(vae: AutoencoderKLWan) -> None:
    """Bring an offloaded VAE to its device: its halves are called directly, past the hook on the whole."""
    if hasattr(vae, "_hf_hook") and hasattr(vae._hf_hook, "pre_forward"):
        vae._hf_hook.pre_forward(vae)


class _Cache:
    """The causal caches of one half of the VAE: tensors, and the marks that diffusers puts in some places."""

    def __init__(self, count: int):
        self.slots: list[Tensor | str | None] = [None] * count
        self.started = False

    def state(self, prefix: str) -> dict[str, Tensor]:
        marks = [1 if slot == "Rep" else 0 for slot in (s if isinstance(s, str) else "" for s in self.slots)]
        out = {f"{prefix}.marks": torch.tensor(marks), f"{prefix}.started": torch.tensor(self.started)}
        for i, slot in enumerate(self.slots):
            if isinstance(slot, Tensor):
                out[f"{prefix}.{i}"] = slot
        return out

    def load_state(self, prefix: str, state: dict[str, Tensor], vae: AutoencoderKLWan) -> None:
        marks = state[f"{prefix}.marks"].tolist()
        self.started = bool(state[f"{prefix}.started"])
        self.slots = [
            "Rep" if mark else (state[f"{prefix}.{i}"].to(vae.device, vae.dtype) if f"{prefix}.{i}" in state else None)
            for i, mark in enumerate(marks)
        ]


class StreamEncoder:
    """Encodes a video piece by piece: push 1 frame first, then multiples of 4 (a still is the first push alone)."""

    def __init__(self, vae: AutoencoderKLWan):
        self.vae, self.packed = vae, vae.config.scale_factor_temporal
        self.cache = _Cache(vae._cached_conv_counts["encoder"])

    def moments(
        self, video: Float[Tensor, "B 3 n H W"], group: int = 4
    ) -> tuple[Float[Tensor, "B c m h w"], Float[Tensor, "B c m h w"]]:
        """Mean and log variance of the raw latents. Raises ValueError when the frame count does not fit."""
        _onload(self.vae)
        first = not self.cache.started
        n = video.shape[2]
        if (n - first) % self.packed or (first and n < 1):
            raise ValueError(
                f"pushed {n} frames; the first push takes {self.packed}k + 1 and every later one a multiple"
            )
        if self.vae.config.patch_size is not None:
            video = patchify(video, patch_size=self.vae.config.patch_size)
        parts, at = [], 0
        while at < n:
            step = 1 if not self.cache.started else min(4 * group, n - at)
            parts.append(self._code(video[:, :, at : at + step]))
            self.cache.started = True
            at += step
        mean, logvar = self.vae.quant_conv(torch.cat(parts, dim=2)).chunk(2, dim=1)
        return mean, logvar.clamp(-30, 20)

    def _code(self, piece: Tensor) -> Tensor:
        if self.packed == 1:
            stills = self.vae.encoder(_apart(piece), feat_cache=[None] * len(self.cache.slots), feat_idx=[0])
            return _together(stills, len(piece))
        return self.vae.encoder(piece, feat_cache=self.cache.slots, feat_idx=[0])

    def push(self, video: Float[Tensor, "B 3 n H W"], group: int = 4) -> Float[Tensor, "B c m h w"]:
        """Normalised latents of the pushed frames: the posterior mean, nothing is drawn."""
        mean, _ = self.moments(video, group)
        shift, scale = _statistics(self.vae, mean)
        return (mean - shift) / scale

    def state(self) -> dict[str, Tensor]:
        return self.cache.state("encoder")

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.cache.load_state("encoder", state, self.vae)


class StreamDecoder:
    """Decodes latents piece by piece: the first latent frame gives one video frame, every later one four."""

    def __init__(self, vae: AutoencoderKLWan):
        self.vae, self.packed = vae, vae.config.scale_factor_temporal
        self.cache = _Cache(vae._cached_conv_counts["decoder"])

    def push(self, z: Float[Tensor, "B c m h w"], group: int = 1) -> Float[Tensor, "B 3 n H W"]:
        """Video frames of the pushed normalised latents, in [-1, 1]."""
        shift, scale = _statistics(self.vae, z)
        return self.paint(z * scale + shift, group).clamp(-1, 1)

    def paint(self, z: Float[Tensor, "B c m h w"], group: int = 1) -> Float[Tensor, "B 3 n H W"]:
        """Unclamped video frames of raw latents."""
        _onload(self.vae)
        x = self.vae.post_quant_conv(z)
        parts, at = [], 0
        while at < x.shape[2]:
            step = 1 if not self.cache.started else min(group, x.shape[2] - at)
            parts.append(self._paint(x[:, :, at : at + step]))
            self.cache.started = True
            at += step
        video = torch.cat(parts, dim=2)
        if self.vae.config.patch_size is not None:
            video = unpatchify(video, patch_size=self.vae.config.patch_size)
        return video

    def _paint(self, piece: Tensor) -> Tensor:
        if self.packed == 1:
            slots = [None] * len(self.cache.slots)
            stills = self.vae.decoder(_apart(piece), feat_cache=slots, feat_idx=[0], first_chunk=True)
            return _together(stills, len(piece))
        return self.vae.decoder(piece, feat_cache=self.cache.slots, feat_idx=[0], first_chunk=not self.cache.started)

    def state(self) -> dict[str, Tensor]:
        return self.cache.state("decoder")

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.cache.load_state("decoder", state, self.vae)


def _apart(video: Float[Tensor, "B C T H W"]) -> Float[Tensor, "N C 1 H W"]:
    """The frames as stills, one video after the other."""
    return video.movedim(2, 1).flatten(0, 1).unsqueeze(2)


def _together(stills: Float[Tensor, "N C 1 H W"], videos: int) -> Float[Tensor, "B C T H W"]:
    """Stills as the frames of so many videos again."""
    return stills.squeeze(2).unflatten(0, (videos, -1)).movedim(1, 2)


def encode(vae: AutoencoderKLWan, video: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B c f h w"]:
    """Normalised latents (posterior mean) of a video of 4k + 1 frames in [-1, 1]."""
    return StreamEncoder(vae).push(video)


def decode(vae: AutoencoderKLWan, z: Float[Tensor, "B c f h w"]) -> Float[Tensor, "B 3 T H W"]:
    """Video in [-1, 1] of normalised latents."""
    return StreamDecoder(vae).push(z)
