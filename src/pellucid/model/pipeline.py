"""GeometryPipeline: Wan's transformer and VAE, one method, one quantity; video in, disparity or normals out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from diffusers.utils import BaseOutput
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from pellucid.align import Seam
from pellucid.clip import InputError, Prediction
from pellucid.model import adapter, catalog, dvd
from pellucid.model.causal_conv import with_fast_stills
from pellucid.model.framing import Framing
from pellucid.model.network import Network
from pellucid.model.sizes import padded_length
from pellucid.model.streams import DKTStream, DVDStream, GeometryStream, Painter
from pellucid.model.time_embedding import with_float64_time
from pellucid.model.windows import Mode

PROMPT_FILE = "prompt_embeds.safetensors"


@dataclass
class GeometryOutput(BaseOutput):
    """What a model says of a video: disparity [T,H,W] in about [0, 1], affine-invariant, larger is nearer; or normals
    [T,H,W,3], unit vectors in the camera frame. seams: how the windows were joined. latents: final geometry latents
    [1,c,f,h,w] on request."""

    disparity: Float[np.ndarray, "T H W"] | None = None
    normals: Float[np.ndarray, "T H W 3"] | None = None
    seams: list[Seam] | None = None
    latents: Float[Tensor, "1 c f h w"] | None = None

    @property
    def prediction(self) -> Prediction:
        """The same as one of the nouns that cross layers."""
        if self.normals is not None:
            return Prediction(quantity="normals", invariance="none", values=self.normals)
        assert self.disparity is not None
        return Prediction(quantity="disparity", invariance="affine", values=self.disparity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to run a model; what is None takes the model's own default."""

    num_inference_steps: int | None = None
    window: int | None = None
    overlap: int | None = None
    processing_resolution: tuple[int, int] | None = None
    stitching: str = "robust"
    seed: int = 1

    def completed(self, config: Mapping[str, Any]) -> "Settings":
        """The same with every None replaced by the default of a model of this configuration.

        Raises InputError for what does not fit. DVD predicts in one pass, whatever the number of steps.
        """
        if self.stitching not in ("robust", "reference"):
            raise InputError(f"stitching is {self.stitching!r}; allowed are 'robust' and 'reference'")
        window, overlap = self.window or config["window"], self.overlap
        if overlap is None:  # keep the model's proportion when only the window is given
            overlap = min(config["overlap"], max(1, window * config["overlap"] // config["window"]), window - 1)
        if not 0 <= overlap < window:
            raise InputError(
                f"overlap {overlap} with window {window}: the overlap must be at least 0 and less than the window"
            )
        steps = self.num_inference_steps or config["num_inference_steps"]
        return replace(
            self,
            num_inference_steps=1 if config["method"] == "dvd" else steps,
            window=window,
            overlap=overlap,
            processing_resolution=self.processing_resolution or (config["height"], config["width"]),
        )


class GeometryPipeline(DiffusionPipeline):
    """Depth or normals of a video by DKT (arXiv:2512.23705) or DVD (arXiv:2603.12250).

    Windows and overlaps count latent frames for DKT and video frames for DVD, as in the papers' code.
    """

    model_cpu_offload_seq = "transformer->vae"

    def __init__(
        self,
        transformer: WanTransformer3DModel,
        vae: AutoencoderKLWan,
        scheduler: FlowMatchEulerDiscreteScheduler,
        method: str = "dkt",  # or "dvd"; diffusers looks at these types and knows no Literal
        quantity: str = "disparity",  # or "normals"
        height: int = 480,
        width: int = 832,
        window: int = 21,
        overlap: int = 3,
        num_inference_steps: int = 5,
        tau: float = dvd.TAU,
        prompt_embeds: Tensor | None = None,
    ):
        super().__init__()
        with_float64_time(transformer)
        with_fast_stills(vae)
        self.register_modules(transformer=transformer, vae=vae, scheduler=scheduler)
        self.register_to_config(
            method=method, quantity=quantity, height=height, width=width, window=window, overlap=overlap,
            num_inference_steps=num_inference_steps, tau=tau,
        )  # fmt: skip
        self.prompt_embeds = prompt_embeds

    @classmethod
    def from_pretrained(cls, name: str | Path, **kwargs: Any) -> "GeometryPipeline":
        """A pipeline by name ("nano", an official model), from a folder, or from a hub id.

        Raises InputError for an unknown name, or when offline and not there yet.
        """
        folder = catalog.resolve(str(name), local_files_only=kwargs.get("local_files_only", False))
        if adapter.is_adapter(folder):
            return adapter.load(cls, folder, **kwargs)
        pipe = super().from_pretrained(folder, **kwargs)
        if (Path(folder) / PROMPT_FILE).is_file():
            pipe.prompt_embeds = load_file(Path(folder) / PROMPT_FILE)["prompt_embeds"]
        return pipe

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        super().save_pretrained(save_directory, **kwargs)
        if self.prompt_embeds is not None:
            save_file({"prompt_embeds": self.prompt_embeds.contiguous()}, Path(save_directory) / PROMPT_FILE)

    def start(
        self, num_frames: int, height: int, width: int, settings: Settings = Settings(), latents: Tensor | None = None
    ) -> GeometryStream:
        """A stream for a video of num_frames frames of (height, width); push frames, get maps.

        latents is the initial noise [1,c,f,h,w] of DKT for the whole video. Raises InputError for settings that do
        not fit the model.
        """
        c, settings = self.config, settings.completed(self.config)
        steps, window, overlap = settings.num_inference_steps, settings.window, settings.overlap
        resolution, reference = settings.processing_resolution, settings.stitching == "reference"
        assert steps and window and overlap is not None and resolution  # completed
        framing = Framing.plan(height, width, resolution, c.method if reference else None)
        device = self._execution_device
        network = Network(self.transformer, self.prompt_embeds)
        painter = Painter(self.vae, framing, c.quantity, num_frames, device)
        if c.method == "dvd":
            if latents is not None:
                raise InputError("latents were given, but DVD starts from no noise; leave them out")
            mode: Mode = "unit" if c.quantity == "normals" else "reference" if reference else "robust"
            return DVDStream(
                painter, network, window=window, overlap=overlap, mode=mode, reference=reference, tau=c.tau
            )
        shape = self._latent_shape(num_frames, framing)
        noise = (
            frame_noise(shape, settings.seed)
            if latents is None and not reference
            else whole_noise(shape, settings.seed, latents)
        )
        round_time = reference and self.transformer.dtype == torch.bfloat16
        return DKTStream(
            painter, network, num_steps=steps, shift=self.scheduler.config.shift, window=window, overlap=overlap,
            noise=noise, round_time=round_time,
        )  # fmt: skip

    def _latent_shape(self, num_frames: int, framing: Framing) -> tuple[int, ...]:
        scale = self.vae.config.scale_factor_spatial
        packed = self.vae.config.scale_factor_temporal
        f = 1 + (padded_length(num_frames, packed) - 1) // packed
        size = framing.size
        return (1, self.vae.config.z_dim, f, size.padded_height // scale, size.padded_width // scale)

    @torch.no_grad()
    def __call__(
        self,
        rgb: np.ndarray,
        *,
        num_inference_steps: int | None = None,
        window: int | None = None,
        overlap: int | None = None,
        processing_resolution: tuple[int, int] | None = None,
        stitching: str = "robust",
        seed: int = 1,
        latents: Tensor | None = None,
        output_latents: bool = False,
    ) -> GeometryOutput:
        """Disparity or normals of a whole video held in memory, at its own size.

        processing_resolution is (height, width) that the network works at: by default its area alone matters and the
        video's aspect is kept. stitching="reference" gives the released code's numbers, quirks included, but for its
        8-bit truncation. Raises InputError when rgb is not uint8 [T,H,W,3] or a setting does not fit.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[3] != 3 or not len(rgb):
            raise InputError(f"rgb is {rgb.dtype} {rgb.shape}; allowed is uint8 [T, H, W, 3] with at least one frame")
        settings = Settings(
            num_inference_steps=num_inference_steps, window=window, overlap=overlap,
            processing_resolution=processing_resolution, stitching=stitching, seed=seed,
        )  # fmt: skip
        num_frames, height, width = rgb.shape[:3]
        stream = self.start(num_frames, height, width, settings, latents)
        stream.keep_latents = [] if output_latents else None
        values = stream.push(rgb)
        return GeometryOutput(
            disparity=values if self.config.quantity == "disparity" else None,
            normals=values if self.config.quantity == "normals" else None,
            seams=stream.seams,
            latents=torch.cat(stream.keep_latents, dim=2) if stream.keep_latents else None,
        )


def whole_noise(shape: tuple[int, ...], seed: int, latents: Tensor | None) -> Callable[[int, int], Tensor]:
    """Noise drawn once for the whole video, as the released code does, or the latents given."""
    if latents is None:
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if tuple(latents.shape) != shape:
        raise InputError(f"latents has shape {tuple(latents.shape)}; this video and size need {shape}")
    return lambda start, stop: latents[:, :, start:stop]


def frame_noise(shape: tuple[int, ...], seed: int) -> Callable[[int, int], Tensor]:
    """Noise of each latent frame from (seed, frame), so that none is kept and any stretch can be drawn again."""

    def draw(start: int, stop: int) -> Tensor:
        frames = []
        for frame in range(start, stop):
            # the generator looks at 32 bits of its seed, so both numbers are mixed first
            mixed = int(np.random.SeedSequence([seed, frame]).generate_state(1)[0])
            rng = torch.Generator().manual_seed(mixed)
            frames.append(torch.randn((1, shape[1], 1, *shape[3:]), generator=rng))
        return torch.cat(frames, dim=2)

    return draw
