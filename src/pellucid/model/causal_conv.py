"""The first frame of a causal convolution as a plain image convolution: the same numbers, several times faster.

A causal 3x3x3 convolution of one frame with nothing before it pads two frames of zeros, so two thirds of its products
are with zero. Only the last of its three taps counts.
"""

import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from torch import Tensor


class StillAwareConv3d(WanCausalConv3d):
    """The diffusers convolution, but for a single frame without a past."""

    def forward(self, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        if x.shape[2] != 1 or cache_x is not None or self.stride != (1, 1, 1) or self.kernel_size[0] != 3:
            return super().forward(x, cache_x)
        sides = self._padding[:4]  # left, right, top, bottom
        frame = F.pad(x[:, :, 0], sides)
        return F.conv2d(frame, self.weight[:, :, -1], self.bias).unsqueeze(2)


def with_fast_stills(vae: AutoencoderKLWan) -> AutoencoderKLWan:
    """The same autoencoder, whose convolutions know single frames. Weights and results stay."""
    for module in vae.modules():
        if type(module) is WanCausalConv3d:
            module.__class__ = StillAwareConv3d
    return vae
