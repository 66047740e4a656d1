"""Where an adapter for flow matching starts on a one-pass network: near the velocity, so a short training is enough.

The base answers with the geometry, DKT's network with the velocity eps - z_geo. The noise enters along directions of
the residual stream that the old answers use least, and the head is fitted to the velocity by least squares.
"""

from collections.abc import Sequence

import torch
from diffusers import WanTransformer3DModel
from jaxtyping import Float
from torch import Tensor

from pellucid.clip import InputError
from pellucid.model import dkt

ENTRY = 3.0  # size of the noise in the residual stream, where nano's own signal starts at 0.5 and ends at 6
DRAWS = 8  # noises and sigmas that the head is fitted to, for each latent
RIDGE = 1e-3  # of the mean square of what the head sees


@torch.no_grad()
def start_flow(
    transformer: WanTransformer3DModel, network: dkt.Denoiser, z_rgb: dkt.Latent, z_geo: dkt.Latent, tau: float
) -> None:
    """Set the adapters of a widened one-pass transformer in place, given some latents that it will train on.

    tau is the timestep of the old answers. Raises InputError for a transformer too narrow to carry the noise.
    """
    head, channels = transformer.proj_out, z_rgb.shape[1]
    answers, width = head.weight.shape
    if width < 2 * answers:
        raise InputError(
            f"the base is {width} wide and answers {answers} numbers a token; an adapter for dkt needs a base at least "
            f"{2 * answers} wide"
        )
    seen: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, given: seen.append(given[0].flatten(0, 1).float()))
    zeros = torch.zeros_like(z_rgb)
    network(torch.cat([zeros, z_rgb, zeros], dim=1), torch.full((len(z_rgb),), 1000 * tau, device=z_rgb.device))
    enter_quietly(transformer, seen.pop(), channels)

    rng = torch.Generator().manual_seed(0)
    table = dkt.training_table()[0]
    square, product = torch.zeros(width, width), torch.zeros(width, answers)
    for _ in range(DRAWS):
        sigma = table[torch.randint(len(table), (len(z_geo),), generator=rng)].to(z_geo.device)
        eps = torch.randn(z_geo.shape, generator=rng).to(z_geo.device)
        noisy = dkt.noised(z_geo, eps, sigma.view(-1, 1, 1, 1, 1))
        dkt.velocity(network, noisy, sigma, z_rgb)
        features, target = seen.pop().cpu(), tokens(eps - z_geo, transformer.config.patch_size).float().cpu()
        square += features.T @ features
        product += features.T @ (target - head.bias.float().cpu())
    hook.remove()
    square += RIDGE * square.diagonal().mean() * torch.eye(width)
    head.lora_A["default"].weight.copy_(torch.linalg.solve(square, product).T.to(head.weight.device) - head.weight)
    head.lora_B["default"].weight.copy_(torch.eye(answers))


def enter_quietly(transformer: WanTransformer3DModel, features: Float[Tensor, "n width"], channels: int) -> None:
    """Let the noise enter along what the head does not see and old answers, of these features, use least."""
    head, patch = transformer.proj_out, transformer.patch_embedding
    answers, width = head.weight.shape
    unseen = torch.linalg.svd(head.weight.float())[2][answers:]
    quiet = torch.linalg.eigh(torch.cov((features @ unseen.T).T))[1][:, :answers].T @ unseen
    into = torch.zeros(width, *patch.lora_A["default"].weight.shape[1:])
    into[:, :channels] = quiet.T.view(width, *transformer.config.patch_size, channels).movedim(-1, 1) * ENTRY
    eye = torch.eye(into[0].numel())
    patch.lora_A["default"].weight.copy_(eye.view_as(patch.lora_A["default"].weight))
    patch.lora_B["default"].weight.copy_(into.flatten(1).view_as(patch.lora_B["default"].weight))


def tokens(x: dkt.Latent, patch: Sequence[int]) -> Float[Tensor, "n answers"]:
    """Latents as the head answers them: one row a patch, the channel last."""
    (b, c, f, h, w), (pf, ph, pw) = x.shape, patch
    parts = x.view(b, c, f // pf, pf, h // ph, ph, w // pw, pw)
    return parts.permute(0, 2, 4, 6, 3, 5, 7, 1).reshape(-1, pf * ph * pw * c)
