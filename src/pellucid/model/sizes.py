"""Sizes the networks accept, and the two released ways to resize to them.

The VAE halves height and width three times and the transformer groups 2x2 latents: frames are multiples of 16 pixels.
The VAE keeps the first frame and packs the rest in fours: clips are 4k + 1 frames long.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from pellucid.clip import InputError

MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class FittedSize:
    """Where a frame goes: resized to (height, width), then padded to (padded_height, padded_width)."""

    height: int
    width: int
    padded_height: int
    padded_width: int


def padded_length(num_frames: int, packed: int = 4) -> int:
    """The smallest 4k + 1 that holds `num_frames`; for a VAE that packs another number of frames, that one's k + 1."""
    if num_frames < 1:
        raise InputError(f"a clip needs at least one frame, got {num_frames}")
    return -(-(num_frames - 1) // packed) * packed + 1


def fit_size(height: int, width: int, target_h: int, target_w: int, multiple: int = MULTIPLE) -> FittedSize:
    """Size with the input's aspect and about the target's area, to be padded up to the multiple.

    Equal area, so that a portrait, a panorama and a landscape cost the same and keep the same detail; padded, so that
    nothing is stretched by more than the rounding to whole pixels.
    """
    _check(height, width, target_h, target_w)
    ratio = math.sqrt(target_h * target_w / (height * width))
    h, w = max(1, round(height * ratio)), max(1, round(width * ratio))
    return FittedSize(h, w, -(-h // multiple) * multiple, -(-w // multiple) * multiple)


def dvd_size(height: int, width: int, target_h: int = 480, target_w: int = 640) -> tuple[int, int]:
    """(height, width) as the released DVD code resizes: the target is covered, each side rounded up to 16.

    The aspect is kept only up to that rounding. The floating-point products are the released code's: for 590 rows and
    480 wanted, ceil(590 * (480 / 590)) is 481 and so the answer is 496.
    """
    _check(height, width, target_h, target_w)
    ratio = max(target_h / height, target_w / width)
    h, w = math.ceil(height * ratio), math.ceil(width * ratio)
    return -(-h // MULTIPLE) * MULTIPLE, -(-w // MULTIPLE) * MULTIPLE


def dkt_resize(frames: UInt8[Tensor, "T H W C"], height: int, width: int) -> UInt8[Tensor, "T h w C"]:
    """Frames resized as the released DKT code does: bicubic with antialiasing, then truncated to 8 bits."""
    unit = frames.permute(0, 3, 1, 2).float() / 255
    resized = F.interpolate(unit, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return (resized.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1)


def dvd_resize(video: Float[Tensor, "N C H W"], height: int, width: int) -> Float[Tensor, "N C h w"]:
    """Images resized as the released DVD code does: bilinear without antialiasing, untouched when the size is equal."""
    if video.shape[-2:] == (height, width):
        return video
    return F.interpolate(video, (height, width), mode="bilinear", align_corners=False)


def _check(height: int, width: int, target_h: int, target_w: int) -> None:
    if min(height, width, target_h, target_w) < 1:
        raise InputError(f"sizes must be positive, got {height}x{width} and target {target_h}x{target_w}")
