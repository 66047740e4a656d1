"""What the video model is asked to paint: geometry <-> a three-channel video in [-1, 1]."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

QUANTILE = 0.02


def disparity_to_video(depth: Float[Tensor, "B T H W"], quantile: float = QUANTILE) -> Float[Tensor, "B 3 T H W"]:
    """Disparity normalised per clip by its 2 % and 98 % quantiles, three equal channels (released DVD code).

    depth is metres; the sky (+inf) has disparity 0; unknown depth (NaN) is painted as the farthest value, and so is a
    clip of which nothing is known.
    """
    disparity = torch.where(depth.isnan(), torch.zeros_like(depth), 1 / depth)
    known = ~depth.isnan()
    out = []
    for d, k in zip(disparity, known, strict=True):
        values = d[k] if k.any() else d.flatten()
        stride = max(1, values.numel() // 1_000_000)  # torch.quantile takes at most 2**24 values
        low, high = torch.quantile(values[::stride], torch.tensor([quantile, 1 - quantile], device=d.device))
        out.append(((d - low) / (high - low + 1e-5)).clamp(0, 1))
    return (2 * torch.stack(out) - 1).unsqueeze(1).expand(-1, 3, -1, -1, -1)


def normals_to_video(normals: Float[Tensor, "B T H W 3"]) -> Float[Tensor, "B 3 T H W"]:
    """Camera-frame unit normals as colours; unknown ones (NaN) face the camera."""
    facing = torch.tensor([0.0, 0.0, -1.0], device=normals.device)
    return torch.where(normals.isnan(), facing, normals).movedim(-1, 1)


def video_to_disparity(video: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B T H W"]:
    """Disparity in [0, 1] of a painted video, the mean of its channels."""
    return ((video.mean(dim=1) + 1) / 2).clamp(0, 1)


def video_to_normals(video: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B T H W 3"]:
    """Unit normals of a painted video."""
    return F.normalize(video, dim=1).movedim(1, -1)
