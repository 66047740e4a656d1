"""Diffusion Knows Transparency (arXiv:2512.23705): flow matching conditioned on the RGB latent.

Symbols: z_rgb, z_geo clean latents; eps noise; sigma in [0, 1], 1 is pure noise; v velocity eps - z_geo.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

SHIFT = 5.0
TRAINING_STEPS = 1000

Latent = Float[Tensor, "B c f h w"]
Denoiser = Callable[[Tensor, Tensor], Tensor]


def sigmas(num_steps: int, shift: float = SHIFT) -> Float[Tensor, "steps_plus_1"]:
    """The shifted linear schedule from 1 to 0 (Wan 2.1), bit-equal to the released code's.

    The same values come from FlowMatchEulerDiscreteScheduler.set_timesteps(n, sigmas=linspace(1, 0, n + 1)[:-1]);
    set_timesteps(n) alone ends at another sigma.
    """
    u = torch.linspace(1, 0, num_steps + 1)
    return shift * u / (1 + (shift - 1) * u)


def velocity(network: Denoiser, x: Latent, sigma: Tensor, z_rgb: Latent, round_time: bool = False) -> Latent:
    """Velocity at sigma. Input channels in order: noisy latents, control (RGB) latents, the empty start image.

    round_time rounds the timestep to bfloat16 first, as the released code does when it runs in that type.
    """
    timestep = 1000 * sigma.expand(len(x))
    if round_time:
        timestep = timestep.to(torch.bfloat16).float()
    return network(torch.cat([x, z_rgb, torch.zeros_like(z_rgb)], dim=1), timestep)


def solve(network: Denoiser, z_rgb: Latent, eps: Latent, num_steps: int = 5, shift: float = SHIFT) -> Latent:
    """Geometry latent of a clip of one window: Euler steps along the flow from noise."""
    x = eps
    for sigma, sigma_next in pairwise(sigmas(num_steps, shift).to(x.device)):
        x = x + velocity(network, x, sigma, z_rgb) * (sigma_next - sigma)
    return x


def training_table(shift: float = SHIFT) -> tuple[Float[Tensor, "1000"], Float[Tensor, "1000"]]:
    """The 1000 sigmas that training draws from, and the loss weight of each.

    The weight is a bell around timestep 500 less its minimum, scaled to mean 1 (released code; not in the paper).
    """
    sigma = sigmas(TRAINING_STEPS, shift)[:-1]
    bell = torch.exp(-2 * ((1000 * sigma - 500) / 1000) ** 2)
    weight = bell - bell.min()
    return sigma, weight * (TRAINING_STEPS / weight.sum())


def noised(z_geo: Latent, eps: Latent, sigma: Tensor) -> Latent:
    """The point on the straight path from data to noise."""
    return (1 - sigma) * z_geo + sigma * eps


def loss(
    network: Denoiser,
    z_rgb: Latent,
    z_geo: Latent,
    eps: Latent,
    ids: Int[Tensor, "B"],
    shift: float = SHIFT,
    weighted: bool = True,
) -> dict[str, Float[Tensor, ""]]:
    """Flow-matching loss (Sec. 3.2) at the drawn entries of the training table, one id a sample.

    It is weighted by the table as in the released code, or all alike as in the paper.
    """
    table, weights = (x.to(z_geo.device) for x in training_table(shift))
    sigma = table[ids].view(-1, 1, 1, 1, 1)
    v = velocity(network, noised(z_geo, eps, sigma), table[ids], z_rgb)
    error = (v.float() - (eps - z_geo)).square().mean(dim=(1, 2, 3, 4))
    return {"loss": (error * weights[ids]).mean() if weighted else error.mean(), "mse": error.mean()}
