"""Deterministic Video Depth (arXiv:2603.12250): one forward pass at a fixed timestep, the structural anchor.

Symbols: z_rgb input latent, z_geo clean geometry latent, tau the anchor in [0, 1].
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

TAU = 0.5  # Sec. 4.2, Table 7: .5 is the best anchor
SPATIAL_WEIGHT = TEMPORAL_WEIGHT = 0.5  # Table 5

Latent = Float[Tensor, "B c f h w"]
Denoiser = Callable[[Tensor, Tensor], Tensor]


def solve(network: Denoiser, z_rgb: Latent, tau: float = TAU) -> Latent:
    """The geometry latent of an RGB latent: the network's output at timestep 1000 tau is the answer itself."""
    return network(z_rgb, torch.full((len(z_rgb),), 1000 * tau, device=z_rgb.device))


def gradient_terms(z: Latent, target: Latent) -> dict[str, Float[Tensor, ""]]:
    """Latent manifold rectification (Eq. 6, 7): mean absolute difference of first differences along each axis.

    An axis of length one has no differences and contributes 0, as for stills.
    """
    axes = {"grad_t": 2, "grad_h": 3, "grad_w": 4}
    return {
        name: (z.diff(dim=d) - target.diff(dim=d)).abs().mean() if z.shape[d] > 1 else z.new_zeros(())
        for name, d in axes.items()
    }


def loss(
    network: Denoiser,
    z_rgb: Latent,
    z_geo: Latent,
    tau: float = TAU,
    spatial_weight: float = SPATIAL_WEIGHT,
    temporal_weight: float = TEMPORAL_WEIGHT,
) -> dict[str, Float[Tensor, ""]]:
    """Training objective (Eq. 8) with its terms: loss, mse, grad_t, grad_h, grad_w."""
    # Paper: l2 norm; released code: mean squared error; here: as released, so that its learning rate carries over.
    z = solve(network, z_rgb, tau)
    terms = {"mse": (z.float() - z_geo).square().mean(), **gradient_terms(z.float(), z_geo)}
    spatial, temporal = terms["grad_h"] + terms["grad_w"], terms["grad_t"]
    total = terms["mse"] + spatial_weight * spatial + temporal_weight * temporal
    return {"loss": total, **terms}
