"""What a depth sensor's frame is worth, pixel by pixel, and what the depth is instead: a small U-Net on the picture,
the model's depth and the sensor's.

It sees what the rules of `pellucid.align` see, and the colours: it learns how glass and metal fail a sensor, and how
things end where a video model's latents are blurred. All is told as logarithms of ratios to a ground: the sensor's
own depth, smoothed and continued into its holes. So metres do not matter, an error of the logarithm is a relative
error, and what the network has to say is small, since most of a frame is table and wall that a sensor sees rightly.
A thing of so many pixels is the flatter the longer the lens: these logarithms are told as if through one focal length.
"""

from dataclasses import dataclass

import torch
from diffusers import UNet2DModel
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

FOLDER = "completion"  # of a model that has such a network
PACKED = 2  # pixels a side that the network takes as one
GRID = 16  # height and width are multiples of it
_CELL = 8  # pixels a side that the ground is averaged over; a divisor of the grid
_CHANNELS = 7  # colour, the ground, the model's and the sensor's ratio to it, where the sensor has one
_OUTPUTS = 3
_MOST = 1.0  # of a ratio's logarithm, that the network is told
_FOCAL = 350.0  # pixels
_SPREAD = 4.0  # by which such logarithms are multiplied, to vary as much as colours do
_LEAST_LOG, _MOST_LOG = -6.0, 1.0  # of the expected error
_HARD = 3.0  # weight of pixels of glass and metal
# The likelihood alone gives up where the error is large; the plain error and the edges keep those pixels in play.
_WEIGHTS = {"likelihood": 1.0, "sensor_likelihood": 0.5, "edges": 10.0, "error": 5.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the network says of each pixel."""

    log_depth: Float[Tensor, "B H W"]  # of the depth to put in the sensor's place, in metres
    log_error: Float[Tensor, "B H W"]  # of the expected relative error of that
    log_sensor_error: Float[Tensor, "B H W"]  # of that of the sensor's, where it has one


def make_network(widths: tuple[int, ...]) -> UNet2DModel:
    """A U-Net of so many channels on each level, without attention, that begins by saying the ground."""
    network = UNet2DModel(
        in_channels=_CHANNELS * PACKED**2,
        out_channels=_OUTPUTS * PACKED**2,
        block_out_channels=widths,
        down_block_types=("DownBlock2D",) * len(widths),
        up_block_types=("UpBlock2D",) * len(widths),
        layers_per_block=1,
        norm_num_groups=8,
        add_attention=False,
    )
    for weights in network.conv_out.parameters():
        nn.init.zeros_(weights)
    return network


def judge(
    network: nn.Module,
    rgb: UInt8[Tensor, "B H W 3"],
    model: Float[Tensor, "B H W"],
    sensor: Float[Tensor, "B H W"],
    focal: Float[Tensor, "B"],
) -> Judged:
    """What the network says of frames whose sides are multiples of `GRID`, seen with that focal length in pixels.

    Depth in metres: the model's positive everywhere, the sensor's NaN where it has none.
    """
    colours = rgb.movedim(-1, 1).float() / 127.5 - 1
    known = sensor > 0
    ground = continued(sensor, model)
    middle = ground.flatten(1).median(dim=1).values[:, None, None]
    relief = (_FOCAL / focal)[:, None, None]

    def told(depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
        return (depth / ground).clamp_min(1e-3).log().clamp(-_MOST, _MOST) / relief * _SPREAD

    maps = [(ground / middle).log() / relief, told(model), torch.where(known, told(sensor), 0.0), known.float()]
    x = F.pixel_unshuffle(torch.cat([colours, torch.stack(maps, 1)], 1), PACKED)
    said = F.pixel_shuffle(network(x, 0).sample.float(), PACKED)
    errors = said[:, 1:].clamp(_LEAST_LOG, _MOST_LOG)
    return Judged(log_depth=ground.log() + relief * said[:, 0], log_error=errors[:, 0], log_sensor_error=errors[:, 1])


def continued(sensor: Float[Tensor, "B H W"], model: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """The sensor's depth averaged over cells and continued into its holes from ever larger cells; of a frame without
    a single value the model's mean.

    Averages are of inverse depth, in which planes are linear (push-pull, Gortler et al., The Lumigraph, 1996).
    """
    known = (sensor > 0).float()[:, None]
    sums = F.avg_pool2d(torch.where(known > 0, 1 / sensor[:, None], 0.0), _CELL)
    levels = [(sums, F.avg_pool2d(known, _CELL))]
    while max(levels[-1][0].shape[2:]) > 1:
        levels.append(tuple(F.avg_pool2d(x, 2, ceil_mode=True) for x in levels[-1]))  # type: ignore[arg-type]
    inverse = (1 / model).mean(dim=(1, 2))[:, None, None, None]
    for sums, shares in reversed(levels):
        above = F.interpolate(inverse, sums.shape[2:], mode="bilinear")
        # A cell's own average counts in full from a quarter of its pixels on.
        inverse = torch.lerp(above, sums / shares.clamp_min(1e-6), (4 * shares).clamp_max(1.0))
    return 1 / F.interpolate(inverse, sensor.shape[1:], mode="bilinear")[:, 0]


def loss(
    judged: Judged,
    sensor: Float[Tensor, "B H W"],
    truth: Float[Tensor, "B H W"],
    hard: Bool[Tensor, "B H W"],
) -> dict[str, Tensor]:
    """Laplace's likelihood of the truth by the said depth and by the sensor's, and the said depth's edges.

    The expectation of Laplace's distribution is what the two errors mean. `hard` are the pixels of glass and metal.
    """
    scored = torch.isfinite(truth) & (truth > 0)
    weight = torch.where(hard, _HARD, 1.0) * scored
    off = judged.log_depth - torch.where(scored, truth, 1.0).log()
    error = off.abs()
    known = (sensor > 0) & scored
    sensor_error = torch.where(known, sensor / truth, 1.0).log().abs()
    edges = error.new_zeros(())
    for axis in (1, 2):
        one, other = (weight.narrow(axis, start, weight.shape[axis] - 1) for start in (0, 1))
        edges = edges + _mean(off.diff(dim=axis).abs(), one * other)
    terms = {
        "likelihood": _mean(error * (-judged.log_error).exp() + judged.log_error, weight),
        "sensor_likelihood": _mean(
            sensor_error * (-judged.log_sensor_error).exp() + judged.log_sensor_error, weight * known
        ),
        "edges": edges,
        "error": _mean(error, weight),
    }
    total = torch.stack([_WEIGHTS[name] * term for name, term in terms.items()]).sum()
    return {"loss": total, **terms, "hard_error": _mean(error, hard & scored)}


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.to(values)
    return (values * weight).sum() / weight.sum().clamp_min(1)
