"""Weights that an autoencoder starts from, so that a short training is enough.

Every residual branch and attention adds nothing yet (zero last layer), the linear path that is left keeps the size of
its signal (orthogonal weights), and nothing looks at other frames (only the last tap of a causal kernel is set, as
image networks are inflated to video), so what stills teach holds for clips.
"""

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanAttentionBlock, WanCausalConv3d, WanResidualBlock
from torch import Tensor, nn

LINEAR = ("conv_in", "conv_out", "conv_shortcut", "quant_conv", "resample.1")
LOG_VARIANCE = -6.0  # a posterior nearly without noise, or it hides the signal for the first thousand steps


@torch.no_grad()
def begin(vae: AutoencoderKLWan) -> None:
    """Set the weights of a new autoencoder in place."""
    for name, module in vae.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)) and name.endswith(LINEAR):
            zero(module)
            orthogonal(module.weight)
        if isinstance(module, WanCausalConv3d) and name.endswith("time_conv"):
            average(module)
        elif isinstance(module, WanCausalConv3d) and module.kernel_size[0] > 1:
            module.weight[:, :, :-1] = 0
    for module in vae.modules():
        if isinstance(module, WanResidualBlock):
            zero(module.conv2)
        elif isinstance(module, WanAttentionBlock):
            zero(module.proj)
    channels = vae.config.z_dim
    vae.quant_conv.weight[channels:] = 0
    vae.quant_conv.bias[channels:] = LOG_VARIANCE


def zero(layer: nn.Conv2d | nn.Conv3d) -> None:
    """A layer that gives nothing."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def orthogonal(weight: Tensor) -> None:
    """Orthogonal rows over channels and space in the last frame; the others stay as they are."""
    last = weight if weight.ndim == 4 else weight[:, :, -1]
    rows = torch.empty(len(last), last[0].numel())
    nn.init.orthogonal_(rows)
    last.copy_(rows.view_as(last))


def average(time: WanCausalConv3d) -> None:
    """Two frames become their mean on the way down; on the way up one frame becomes two alike."""
    zero(time)
    one = torch.eye(time.in_channels)
    if time.out_channels == time.in_channels:
        time.weight[:, :, 1, 0, 0] = time.weight[:, :, 2, 0, 0] = one / 2
    else:
        time.weight[:, :, 2, 0, 0] = torch.cat([one, one])
