"""The networks against the released code's numbers, through this package's own readers."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file

from pellucid.model.files import read_tensors
from pellucid.model.lora import merge_dkt_lora, merge_dvd_checkpoint
from pellucid.model.text import encode_tokens
from pellucid.model.time_embedding import with_float64_time
from pellucid.model.weights import build_text_encoder, build_transformer, build_vae

torch.set_num_threads(1)

HEADS_OF = ("num_attention_heads", "attention_head_dim")


@pytest.fixture(scope="module")
def case(golden):
    """(name) -> the numbers of a golden case and what its JSON says."""

    def read(name: str):
        tensors = golden / f"{name}.safetensors"
        return load_file(tensors), json.loads((golden / f"{name}.json").read_text())

    return read


def transformer(golden, weights: str, official=None):
    """The transformer as a user would get it: only the head count is given, the rest is read off the shapes."""
    stated = json.loads((golden / f"{weights}.json").read_text())["diffusers_config"]
    official = read_tensors(golden / f"{weights}.safetensors") if official is None else official
    module = build_transformer(official, {key: stated[key] for key in HEADS_OF})
    stated["patch_size"] = tuple(stated["patch_size"])
    assert {key: module.config[key] for key in stated} == stated
    return module


def context(*valid: torch.Tensor) -> torch.Tensor:
    rows = torch.zeros(len(valid), 512, valid[0].shape[1])
    for row, given in zip(rows, valid, strict=True):
        row[: len(given)] = given
    return rows


@torch.no_grad()
def run(module, hidden, t: float, rows, image=None) -> torch.Tensor:
    return module(hidden, torch.full((len(hidden),), t), rows, encoder_hidden_states_image=image, return_dict=False)[0]


def error(got: torch.Tensor, want: torch.Tensor) -> float:
    assert got.shape == want.shape
    return (got - want).abs().max().item()


def timesteps(numbers) -> dict[str, float]:
    return {name: float(m[1]) for name in numbers if (m := re.fullmatch(r"out_t([\d.]+)", name))}


def tolerance(said, float64: bool) -> float:
    return said["tolerance"][f"max_abs_float{64 if float64 else 32}_time_embedding"]


@pytest.mark.parametrize("float64", [False, True])
def test_t2v_forward(golden, case, float64):
    numbers, said = case("dit_t2v_forward")
    module = transformer(golden, "weights_t2v_dit")
    if float64:
        module = with_float64_time(module)
    hidden, rows = numbers["latents"], context(numbers["context_valid_0"], numbers["context_valid_1"])
    expected = timesteps(numbers)
    assert len(expected) == 4
    for name, t in expected.items():
        assert error(run(module, hidden, t, rows), numbers[name]) < tolerance(said, float64), name
    zero = numbers["out_zero_context_t500.0"]
    assert error(run(module, hidden, 500.0, torch.zeros_like(rows)), zero) < tolerance(said, float64)
    tokens = module.patch_embedding(hidden).flatten(2).transpose(1, 2)
    assert error(tokens, numbers["tokens_after_patchify"]) < 1e-5


def test_one_zero_row_stands_for_512_in_t2v(golden, case):
    numbers, _ = case("dit_t2v_forward")
    module = transformer(golden, "weights_t2v_dit")
    whole = run(module, numbers["latents"], 500.0, torch.zeros(2, 512, 4096))
    one = run(module, numbers["latents"], 500.0, torch.zeros(2, 1, 4096))
    assert error(one, whole) < 1e-5
    other = run(module, numbers["latents"], 500.0, torch.ones(2, 1, 4096))
    assert error(other, whole) > 1e-2  # the context matters, so the equality above says something


@pytest.mark.parametrize("float64", [False, True])
def test_fun_control_forward(golden, case, float64):
    numbers, said = case("dit_fun_control_forward")
    module = transformer(golden, "weights_fun_control_dit")
    if float64:
        module = with_float64_time(module)
    z, control, rows = numbers["latents"], numbers["control_latents"], context(numbers["context_valid"][0])
    hidden, blank = torch.cat([z, control, torch.zeros_like(z)], dim=1), torch.zeros(1, 257, 1280)
    expected = timesteps(numbers)
    assert len(expected) == 3
    for name, t in expected.items():
        assert error(run(module, hidden, t, rows, blank), numbers[name]) < tolerance(said, float64), name
    random = run(
        module, torch.cat([z, control, numbers["y_tail_random"]], dim=1), 769.230774, rows, numbers["clip_random"]
    )
    assert error(random, numbers["out_random_clip_and_tail_t769.230774"]) < tolerance(said, float64)
    with torch.no_grad():
        image = module.condition_embedder.image_embedder(torch.zeros(1, 1, 1280))
    assert error(image, numbers["image_tokens_for_zero_clip"]) < 1e-5


@pytest.mark.parametrize("name", ["vae_17f", "vae_1f", "vae_short"])
@torch.no_grad()
def test_vae(golden, case, name):
    numbers, said = case(name)
    vae = build_vae(read_tensors(golden / "weights_vae.safetensors"))
    assert vae.config.base_dim == 8
    mean = torch.tensor(said["latents_mean"]).view(1, 16, 1, 1, 1)
    std = torch.tensor(said["latents_std"]).view(1, 16, 1, 1, 1)
    assert torch.allclose(mean.flatten(), torch.tensor(vae.config.latents_mean), atol=1e-6)
    assert torch.allclose(std.flatten(), torch.tensor(vae.config.latents_std), atol=1e-6)
    raw = vae.encode(numbers["video"]).latent_dist.mode()
    assert error(raw / std, numbers["raw_mean"] / std) < said["tolerance"]["max_abs_latents"]
    assert error((raw - mean) / std, numbers["latents"]) < said["tolerance"]["max_abs_latents"]
    decoded = vae.decode(numbers["decode_input"] * std + mean, return_dict=False)[0].clamp(-1, 1)
    assert error(decoded, numbers["decoded"]) < said["tolerance"]["max_abs_decoded"]


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_text_encoder(golden, case, suffix):
    numbers, said = case("text_encoder")
    encoder = build_text_encoder(read_tensors(golden / f"weights_text_encoder.{suffix}"))
    stated = json.loads((golden / "weights_text_encoder.json").read_text())["transformers_config"]
    assert {key: getattr(encoder.config, key) for key in stated} == stated
    for n in (2, 3, 17, 512):
        ids = numbers[f"ids_{n}"]
        got = encode_tokens(ids[:, :n], encoder)
        assert error(got, numbers[f"hidden_valid_{n}"]) < said["tolerance"]["max_abs"], n
    assert not numbers["context_17"][:, 17:].any()  # the rows this package does not compute are zero


def test_dkt_lora_merge(golden, case):
    numbers, said = case("dkt_lora_merge")
    base = read_tensors(golden / "weights_fun_control_dit.safetensors")
    lora = read_tensors(golden / "dkt_lora_default_keys.safetensors")
    z, control, rows = numbers["latents"], numbers["control_latents"], context(numbers["context_valid"][0])
    hidden, blank = torch.cat([z, control, torch.zeros_like(z)], dim=1), torch.zeros(1, 257, 1280)
    for strength, out in ((0.0, "out_base"), (1.0, "out_lora"), (0.5, "out_lora_half")):
        merged = merge_dkt_lora(base, lora, strength=strength)
        module = transformer(golden, "weights_fun_control_dit", merged)
        assert error(run(module, hidden, 882.352905, rows, blank), numbers[out]) < said["tolerance"]["out"], out
    merged = merge_dkt_lora(base, lora)
    matrices = [name for name in numbers if name.startswith("merged.")]
    assert len(matrices) == 3
    for name in matrices:
        assert error(merged[name.removeprefix("merged.")], numbers[name]) < said["tolerance"]["merged"], name


def test_lora_is_merged_in_float32_and_rounded_once(golden, case):
    numbers, _ = case("dkt_lora_merge")
    base = {k: t.bfloat16() for k, t in read_tensors(golden / "weights_fun_control_dit.safetensors").items()}
    lora = {k: t.bfloat16() for k, t in read_tensors(golden / "dkt_lora_default_keys.safetensors").items()}
    name = "blocks.0.self_attn.q.weight"
    ours, theirs = merge_dkt_lora(base, lora)[name], numbers[f"merged_bf16.{name}"]
    exact = base[name].double() + lora[name.replace("weight", "lora_B.default.weight")].double() @ (
        lora[name.replace("weight", "lora_A.default.weight")].double()
    )
    assert ours.dtype == torch.bfloat16
    assert (ours - exact.bfloat16()).abs().max() <= 2**-8 * exact.abs().max()  # a tie may fall either way
    assert (ours.double() - exact).norm() < (theirs.double() - exact).norm()
    assert error(ours.float(), theirs.float()) < 4e-3  # and still the released code's matrix, up to bfloat16


def test_dvd_checkpoint_load(golden, case):
    numbers, said = case("dvd_checkpoint_load")
    merged = merge_dvd_checkpoint(read_tensors(golden / "dvd_model.safetensors"))
    module = transformer(golden, "dvd_model", merged)
    got = run(module, numbers["latents"], 500.0, torch.zeros(1, 512, 4096))
    for out in ("out_merged", "out_unmerged"):
        assert error(got, numbers[out]) < said["tolerance"]["out"], out
    for name in (n for n in numbers if n.startswith("merged.")):
        assert error(merged[name.removeprefix("merged.")], numbers[name]) < said["tolerance"]["merged"], name
