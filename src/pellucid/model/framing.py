"""Frames of any size <-> the grid the network wants, and back to the frames' own size."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from pellucid.model.sizes import FittedSize, dkt_resize, dvd_resize, dvd_size, fit_size


@dataclass(frozen=True, slots=True)
class Framing:
    """How frames of one size go to the network and its maps come back.

    Default: the aspect is kept, the area is about that of the processing resolution, the rest is padded by repeating
    the border. The released DKT code squeezes everything to one size through 8 bits and turns portrait frames by 90
    degrees counter-clockwise; the released DVD code covers the target size.
    """

    height: int
    width: int
    size: FittedSize
    released: str | None  # "dkt", "dvd" or None

    @staticmethod
    def plan(height: int, width: int, resolution: tuple[int, int], released: str | None) -> "Framing":
        """The framing of (height, width) frames for a processing resolution of (height, width)."""
        if released == "dkt":
            return Framing(height, width, FittedSize(*resolution, *resolution), released)
        if released == "dvd":
            size = dvd_size(height, width, *resolution)
            return Framing(height, width, FittedSize(*size, *size), released)
        return Framing(height, width, fit_size(height, width, *resolution), None)

    @property
    def turned(self) -> bool:
        return self.released == "dkt" and self.width < self.height

    def to_network(self, rgb: UInt8[Tensor, "n H W 3"]) -> Float[Tensor, "1 3 n h w"]:
        """Frames as the network's input in [-1, 1]."""
        s = self.size
        if self.released == "dkt":
            frames = dkt_resize(torch.rot90(rgb, 1, (1, 2)) if self.turned else rgb, s.height, s.width)
            return (frames.float() * 2 / 255 - 1).permute(3, 0, 1, 2)[None]
        video = rgb.permute(0, 3, 1, 2).float()
        if self.released == "dvd":
            video = dvd_resize(video / 255, s.height, s.width) * 2 - 1
        else:
            video = resize(video, s.height, s.width) / 127.5 - 1
            video = F.pad(video, (0, s.padded_width - s.width, 0, s.padded_height - s.height), mode="replicate")
        return video.transpose(0, 1)[None]

    def from_network(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c H W"]:
        """Maps of the network at the frames' own size."""
        s = self.size
        if self.released == "dvd":
            return dvd_resize(maps, self.height, self.width)
        maps = maps[..., : s.height, : s.width]
        if self.released == "dkt":
            size = (self.width, self.height) if self.turned else (self.height, self.width)
            maps = F.interpolate(maps, size, mode="bicubic", antialias=True, align_corners=False)
            maps = maps.clamp(0, 1)  # channel by channel, as where frames are bytes
            return torch.rot90(maps, -1, (2, 3)) if self.turned else maps
        return resize(maps, self.height, self.width)


def resize(x: Float[Tensor, "n c H W"], height: int, width: int) -> Float[Tensor, "n c h w"]:
    """Bilinear, antialiased where it shrinks."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bilinear", antialias=True, align_corners=False)
