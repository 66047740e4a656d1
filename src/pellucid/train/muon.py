"""Muon in float32: PyTorch's own works in bfloat16, which CPUs without AVX-512 compute many times slower."""

from collections.abc import Callable

import torch
from jaxtyping import Float


class Muon(torch.optim.Muon):
    """torch.optim.Muon with match_rms_adamw, its orthogonalisation in float32; its state is the same.

    Source: Jordan et al. 2024, the learning rate as in arXiv 2502.16982.
    """

    def __init__(self, params: list[torch.nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rate, momentum = float(group["lr"]), group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p.grad)
                buffer = state["momentum_buffer"]
                buffer.lerp_(p.grad, 1 - momentum)
                update = p.grad.lerp(buffer, momentum) if group["nesterov"] else buffer
                update = orthogonal(update.float(), group["ns_coefficients"], group["ns_steps"], group["eps"])
                p.mul_(1 - rate * group["weight_decay"])
                p.add_(update.to(p.dtype), alpha=-rate * 0.2 * max(p.shape) ** 0.5)
        return loss


def orthogonal(
    matrix: Float[torch.Tensor, "N M"], coefficients: tuple[float, float, float], steps: int, eps: float
) -> Float[torch.Tensor, "N M"]:
    """The matrix with its singular values brought near 1 by quintic Newton-Schulz steps."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
