"""The two methods against the golden numbers, and against what a straight flow must give."""

import json

import pytest
import torch
from safetensors.torch import load_file

from pellucid.model import dkt, dvd, weights
from pellucid.model.files import read_tensors
from pellucid.model.network import Network


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_a_straight_flow_is_solved_exactly(steps):
    z_geo, eps = torch.randn(2, 1, 16, 2, 4, 6)
    constant_velocity = eps - z_geo
    solved = dkt.solve(lambda _x, _t: constant_velocity, torch.zeros_like(eps), eps, num_steps=steps)
    torch.testing.assert_close(solved, z_geo, atol=1e-5, rtol=0)


def test_schedule_is_the_released_one(golden):
    tables = json.loads((golden / "dkt_scheduler.json").read_text())["tables"]
    assert len(tables) >= 10
    for n, case in tables.items():
        torch.testing.assert_close(dkt.sigmas(int(n))[:-1], torch.tensor(case["sigmas"]), atol=0, rtol=0)
        rounded = (1000 * dkt.sigmas(int(n))[:-1]).to(torch.bfloat16).float()
        torch.testing.assert_close(rounded, torch.tensor(case["timesteps_bfloat16"]), atol=0, rtol=0)


def test_dkt_training_loss(golden):
    case = load_file(golden / "dkt_training_loss.safetensors")
    config = json.loads((golden / "weights_fun_control_dit.json").read_text())["diffusers_config"]
    network = Network(
        weights.build_transformer(read_tensors(golden / "weights_fun_control_dit.safetensors"), config),
        case["context_valid"],
    )
    with torch.no_grad():
        got = [
            dkt.loss(network, case["control_latents"], case["target_latents"], case["noise"], i[None])["loss"].item()
            for i in case["timestep_ids"]
        ]
    assert got == pytest.approx(case["losses"].tolist(), rel=1e-4)


@pytest.mark.parametrize("weighted", [True, False])
def test_the_loss_where_there_is_only_noise_counts_unless_weighted(weighted):
    """The released weights are all but zero at sigma 1; the paper's loss has none."""
    z_rgb, z_geo, eps = torch.randn(3, 1, 4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    terms = dkt.loss(lambda *_: torch.zeros_like(z_geo), z_rgb, z_geo, eps, torch.tensor([0]), weighted=weighted)
    assert terms["mse"] == pytest.approx((eps - z_geo).square().mean().item(), rel=1e-5)
    assert terms["loss"] < 1e-3 * terms["mse"] if weighted else terms["loss"] == terms["mse"]


def test_training_table(golden):
    want = load_file(golden / "dkt_scheduler_training.safetensors")
    sigma, weight = dkt.training_table()
    torch.testing.assert_close(sigma, want["sigmas"], atol=2e-6, rtol=0)
    torch.testing.assert_close(weight, want["weights"], atol=2e-6, rtol=2e-6)
    got = torch.stack([dkt.noised(want["x0"], want["noise"], sigma[i]) for i in want["ids"]])
    torch.testing.assert_close(got, want["noised"], atol=2e-6, rtol=0)


def test_euler_trace(golden):
    want = load_file(golden / "dkt_scheduler_training.safetensors")
    s = dkt.sigmas(5)
    x = want["euler_trace"][0]
    for i, v in enumerate(want["euler_velocities"]):
        x = x + v * (s[i + 1] - s[i])
        torch.testing.assert_close(x, want["euler_trace"][i + 1], atol=2e-6, rtol=0)


def test_dvd_training_loss(golden):
    case = json.loads((golden / "dvd_training_loss.json").read_text())
    t = load_file(golden / "dvd_training_loss.safetensors")
    got = dvd.loss(lambda _z, _tau: t["pred"], t["rgb_latents"], t["depth_latents"])
    for name in ("mse", "grad_t", "grad_h", "grad_w"):
        assert got[name].item() == pytest.approx(case["losses"][name], rel=1e-4)
    assert got["loss"].item() == pytest.approx(case["losses"]["total"], rel=1e-4)
    first = t["pred"][:, :, :1], t["depth_latents"][:, :, :1]
    still = dvd.gradient_terms(*first)
    for name, value in case["losses"]["single_frame"].items():
        assert still[name].item() == pytest.approx(value, rel=1e-4)
