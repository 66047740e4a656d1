"""A video through the model as a stream: push frames, get maps; memory does not grow with length.

Both streams take frames in any chunks and work in canonical pieces, so the result does not depend on the chunks. They
can be saved between pushes and resumed in another process with the same result.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from jaxtyping import Float, UInt8
from torch import Tensor

from pellucid.align import Seam
from pellucid.model import dkt, dvd, latents, targets
from pellucid.model.framing import Framing
from pellucid.model.network import Network
from pellucid.model.sizes import padded_length
from pellucid.model.windows import LatentBlender, Mode, Stitcher, plan_frames, plan_latent

State = dict[str, np.ndarray]
Maps = Float[np.ndarray, "m H W *C"]

ENCODE_GROUP = 4  # latent frames a call: any number gives the same latents, more is faster and takes more memory
RESIZE_CHUNK = 8


@runtime_checkable
class GeometryStream(Protocol):
    """What a pipeline run is to its callers."""

    frames_read: int
    keep_latents: list[Tensor] | None  # a list collects the geometry latents

    def push(self, rgb: UInt8[np.ndarray, "n H W 3"]) -> Maps: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> None: ...
    @property
    def seams(self) -> list[Seam]: ...
    @property
    def seconds(self) -> dict[str, float]: ...


class Painter:
    """What both streams share: framing, target, the VAE, and the time each part takes."""

    def __init__(
        self,
        vae: AutoencoderKLWan,
        framing: Framing,
        quantity: str,
        num_frames: int,
        device: torch.device,
    ):
        self.vae, self.framing, self.quantity = vae, framing, quantity
        self.num_frames, self.device = num_frames, device
        self.packed = vae.config.scale_factor_temporal  # frames of the video in a latent frame, but for the first
        self.seconds = {"encode": 0.0, "network": 0.0, "decode": 0.0}

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[part] += time.perf_counter() - start

    def encode(self, encoder: latents.StreamEncoder, rgb: UInt8[np.ndarray, "n H W 3"]) -> Tensor:
        with self.timed("encode"):
            video = self.framing.to_network(torch.from_numpy(rgb).to(self.device))
            return encoder.push(video.to(self.vae.dtype), ENCODE_GROUP).float()

    def decode(self, decoder: latents.StreamDecoder, z: Tensor) -> Tensor:
        """Maps [n, c, h, w] on the network's grid: unit normals, or disparity in [0, 1].

        The released code keeps disparity in three channels to the end; here one does, but for its numbers.
        """
        with self.timed("decode"):
            video = decoder.push(z.to(self.vae.dtype)).float()
            if self.quantity == "normals":
                return targets.video_to_normals(video)[0].movedim(-1, 1)
            if self.framing.released:
                return ((video[0] + 1) / 2).clamp(0, 1).transpose(0, 1)
            return targets.video_to_disparity(video).transpose(0, 1)

    def finish(self, maps: Float[Tensor, "n c h w"]) -> Maps:
        """Maps at the frames' own size: [n, H, W], or unit vectors [n, H, W, 3] where there are three channels."""
        out = [self.nothing()]
        for part in maps.split(RESIZE_CHUNK):
            part = self.framing.from_network(part)
            unit = self.quantity == "normals"
            part = F.normalize(part, dim=1).movedim(1, -1) if unit else part.mean(dim=1)
            out.append(part.cpu().numpy())
        return np.concatenate(out)

    def nothing(self) -> Maps:
        tail = (3,) if self.quantity == "normals" else ()
        return np.zeros((0, self.framing.height, self.framing.width, *tail), np.float32)


class EulerStage:
    """One Euler step of the whole video as a stream: takes latents at sigma, gives latents at the next sigma.

    Windows are blended in velocity, as in the released code, and each frame steps once all windows that see it have
    spoken. Chaining one stage a step gives exactly what stepping the whole video at once gives.
    """

    def __init__(
        self, network: Network, sigma: Tensor, sigma_next: Tensor, windows: list[slice], overlap: int, round_time: bool
    ):
        self.network, self.sigma, self.sigma_next, self.round_time = network, sigma, sigma_next, round_time
        self.windows, self.index = windows, 0
        self.blender = LatentBlender(windows, overlap)
        self.start = 0  # frame at which the buffer begins
        self.buffer: Tensor | None = None  # [1, x and z_rgb, n, h, w]

    def push(self, xz: Float[Tensor, "1 c2 n h w"]) -> Float[Tensor, "1 c2 m h w"]:
        self.buffer = xz if self.buffer is None else torch.cat([self.buffer, xz], dim=2)
        out = [xz[:, :, :0]]
        while self.index < len(self.windows) and self.start + self.buffer.shape[2] >= self.windows[self.index].stop:
            window = self.windows[self.index]
            piece = self.buffer[:, :, window.start - self.start : window.stop - self.start]
            x, z_rgb = piece.chunk(2, dim=1)
            v = self.blender.push(dkt.velocity(self.network, x, self.sigma, z_rgb, self.round_time))
            done, self.buffer = self.buffer[:, :, : v.shape[2]], self.buffer[:, :, v.shape[2] :]
            self.start += v.shape[2]
            x, z_rgb = done.chunk(2, dim=1)
            out.append(torch.cat([x + v * (self.sigma_next - self.sigma), z_rgb], dim=1))
            self.index += 1
        return torch.cat(out, dim=2)

    def state(self) -> dict[str, Tensor]:
        mine = {"index": torch.tensor(self.index), "start": torch.tensor(self.start)}
        if self.buffer is not None:
            mine["buffer"] = self.buffer
        return mine | {f"blender.{k}": v for k, v in self.blender.state().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.index, self.start = int(state["index"]), int(state["start"])
        self.buffer = state.get("buffer")
        self.blender.load_state({k.removeprefix("blender."): v for k, v in state.items() if k.startswith("blender.")})


class DKTStream:
    """DKT on a video: one causal pass of the VAE, one chain of Euler stages over windows of latents."""

    def __init__(
        self, painter: Painter, network: Network, *, num_steps: int, shift: float, window: int, overlap: int,
        noise: Callable[[int, int], Tensor], round_time: bool,
    ):  # fmt: skip
        self.painter, self.noise = painter, noise
        self.packed = painter.packed
        self.total = padded_length(painter.num_frames, self.packed)
        windows = plan_latent(1 + (self.total - 1) // self.packed, window, overlap)
        steps = dkt.sigmas(num_steps, shift).to(painter.device)
        self.stages = [EulerStage(network, a, b, windows, overlap, round_time) for a, b in pairwise(steps)]
        self.encoder, self.decoder = latents.StreamEncoder(painter.vae), latents.StreamDecoder(painter.vae)
        self.pending: UInt8[np.ndarray, "n H W 3"] | None = None
        self.frames_read = self.frames_given = self.frames_coded = 0
        self.keep_latents: list[Tensor] | None = None

    @property
    def seams(self) -> list[Seam]:
        return []  # windows are blended in the latents, nothing is fitted

    @property
    def seconds(self) -> dict[str, float]:
        return self.painter.seconds

    def push(self, rgb: UInt8[np.ndarray, "n H W 3"]) -> Maps:
        self.frames_read += len(rgb)
        held = rgb if self.pending is None else np.concatenate([self.pending, rgb])
        if self.frames_read == self.painter.num_frames:
            missing = self.total - self.painter.num_frames
            held = np.concatenate([held, np.repeat(held[-1:], missing, axis=0)])
        maps = [self.painter.nothing()]
        while len(held):
            need = 1 if self.frames_coded == 0 else min(self.packed * ENCODE_GROUP, self.total - self.frames_coded)
            if len(held) < need:
                break
            maps.append(self._advance(held[:need]))
            held = held[need:]
            self.frames_coded += need
        self.pending = held.copy()
        return np.concatenate(maps)

    def _advance(self, rgb: UInt8[np.ndarray, "n H W 3"]) -> Maps:
        z_rgb = self.painter.encode(self.encoder, rgb)
        first = 0 if self.frames_coded == 0 else 1 + (self.frames_coded - 1) // self.packed
        x = self.noise(first, first + z_rgb.shape[2]).to(z_rgb)
        with self.painter.timed("network"):
            xz = torch.cat([x, z_rgb], dim=1)
            for stage in self.stages:
                xz = stage.push(xz)
        z_geo = xz.chunk(2, dim=1)[0]
        if not z_geo.shape[2]:
            return self.painter.nothing()
        if self.keep_latents is not None:
            self.keep_latents.append(z_geo.cpu())
        maps = self.painter.decode(self.decoder, z_geo)
        maps = maps[: self.painter.num_frames - self.frames_given]
        self.frames_given += len(maps)
        return self.painter.finish(maps)

    def state(self) -> State:
        counters = torch.tensor([self.frames_read, self.frames_given, self.frames_coded])
        state = {"counters": counters} | self.encoder.state() | self.decoder.state()
        if self.pending is not None:
            state["pending"] = torch.from_numpy(self.pending)
        for i, stage in enumerate(self.stages):
            state |= {f"stage{i}.{k}": v for k, v in stage.state().items()}
        return to_arrays(state)

    def load_state(self, state: State) -> None:
        tensors = {k: torch.from_numpy(v.copy()) for k, v in state.items()}
        self.frames_read, self.frames_given, self.frames_coded = tensors["counters"].tolist()
        self.pending = state.get("pending")
        self.encoder.load_state(tensors)
        self.decoder.load_state(tensors)
        for i, stage in enumerate(self.stages):
            prefix = f"stage{i}."
            mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            stage.load_state({k: v.to(self.painter.device) for k, v in mine.items()})


class DVDStream:
    """DVD on a video: windows of frames in one pass each, joined in the decoded maps."""

    def __init__(
        self,
        painter: Painter,
        network: Network,
        *,
        window: int,
        overlap: int,
        mode: Mode,
        reference: bool,
        tau: float,
    ):
        self.painter, self.network, self.tau = painter, network, tau
        self.windows = plan_frames(painter.num_frames, window, overlap, reference=reference)
        self.stitcher = Stitcher(self.windows, mode)
        self.index = 0
        self.frames_read = 0
        self.start = 0  # frame at which the held frames begin
        self.held: UInt8[np.ndarray, "n H W 3"] | None = None
        self.keep_latents: list[Tensor] | None = None

    @property
    def seconds(self) -> dict[str, float]:
        return self.painter.seconds

    @property
    def seams(self) -> list[Seam]:
        return self.stitcher.seams

    def push(self, rgb: UInt8[np.ndarray, "n H W 3"]) -> Maps:
        self.frames_read += len(rgb)
        self.held = rgb if self.held is None else np.concatenate([self.held, rgb])
        maps = [self.painter.nothing()]
        while self.index < len(self.windows) and self.start + len(self.held) >= self.windows[self.index].stop:
            window = self.windows[self.index]
            maps.append(self._advance(self.held[window.start - self.start : window.stop - self.start], window.start))
            self.index += 1
            after = self.windows[self.index].start if self.index < len(self.windows) else window.stop
            self.held, self.start = self.held[after - self.start :].copy(), after
        return np.concatenate(maps)

    def _advance(self, rgb: UInt8[np.ndarray, "n H W 3"], start: int) -> Maps:
        missing = padded_length(len(rgb), self.painter.packed) - len(rgb)
        padded = np.concatenate([rgb, np.repeat(rgb[-1:], missing, axis=0)])
        z_rgb = self.painter.encode(latents.StreamEncoder(self.painter.vae), padded)
        with self.painter.timed("network"):
            z_geo = dvd.solve(self.network, z_rgb, self.tau)
        if self.keep_latents is not None:
            self.keep_latents.append(z_geo.cpu())
        maps = self.painter.decode(latents.StreamDecoder(self.painter.vae), z_geo)[: len(rgb)]
        joined = self.stitcher.push(maps.movedim(1, -1).cpu().numpy(), start)
        return self.painter.finish(torch.from_numpy(joined).movedim(-1, 1))

    def state(self) -> State:
        state = {f"stitcher.{k}": v for k, v in self.stitcher.state().items()}
        state["counters"] = np.array([self.frames_read, self.index, self.start])
        return state if self.held is None else state | {"held": self.held}

    def load_state(self, state: State) -> None:
        self.frames_read, self.index, self.start = state["counters"].tolist()
        self.held = state.get("held")
        self.stitcher.load_state(
            {k.removeprefix("stitcher."): v for k, v in state.items() if k.startswith("stitcher.")}
        )


def to_arrays(state: dict[str, Tensor]) -> State:
    """Tensors as arrays; bfloat16 and float16 widen to float32, which loses nothing."""
    return {k: (v.float() if v.is_floating_point() else v).cpu().numpy() for k, v in state.items()}
