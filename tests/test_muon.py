"""Muon in float32 does what PyTorch's does in bfloat16, which is slow on some processors, and that is told."""

from dataclasses import replace

import pytest
import torch

from pellucid.train.muon import Muon, orthogonal
from pellucid.train.recipes import RECIPES
from pellucid.train.run import warn_of_software_bfloat16

QUINTIC = (3.4445, -4.775, 2.0315)  # PyTorch's default


def steps(optimizer_of, count: int) -> tuple[list[torch.Tensor], torch.optim.Optimizer]:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in ((24, 40), (40, 24))]
    targets = [torch.randn_like(w) for w in weights]
    optimizer = optimizer_of(weights)
    for _ in range(count):
        optimizer.zero_grad()
        sum(((w - t) ** 2).mean() for w, t in zip(weights, targets, strict=True)).backward()
        optimizer.step()
    return [w.detach() for w in weights], optimizer


def test_it_moves_as_pytorchs_and_takes_its_state():
    start, _ = steps(lambda w: Muon(w, 0.0, 0.0), 1)
    ours, mine = steps(lambda w: Muon(w, 0.02, 0.1), 8)
    theirs, torchs = steps(lambda w: torch.optim.Muon(w, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"), 8)
    for a, b, before in zip(ours, theirs, start, strict=True):
        assert (a - b).norm() < 0.02 * (b - before).norm()
    mine.load_state_dict(torchs.state_dict())
    assert all("momentum_buffer" in state for state in mine.state.values())


def test_singular_values_come_near_one():
    for shape in ((16, 50), (50, 16)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        values = torch.linalg.svdvals(orthogonal(matrix, QUINTIC, 5, 1e-7))
        assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize(("machine", "capability", "told"), [("x86_64", "AVX2", 1), ("x86_64", "AVX512", 0)])
def test_bfloat16_in_software_is_told(monkeypatch, capsys, machine, capability, told):
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    for precision in ("bf16", "no"):
        warn_of_software_bfloat16(replace(RECIPES["nano_dvd"](), mixed_precision=precision))
    assert capsys.readouterr().err.count("--mixed-precision no") == told
