"""LoRA files: both key forms, strictness, and the way out of training and back."""

import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import load_file

from pellucid.clip import InputError
from pellucid.model.lora import export_dkt_lora, import_dkt_lora, merge_dkt_lora, merge_dvd_checkpoint
from pellucid.model.weights import build_transformer

torch.set_num_threads(1)


@pytest.fixture
def base(golden):
    return load_file(golden / "weights_fun_control_dit.safetensors")


@pytest.fixture
def lora(golden):
    return load_file(golden / "dkt_lora_default_keys.safetensors")


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: "diffusion_model." + key.replace(".default.", "."),
        lambda key: "diffusion_model." + key,
        lambda key: key.replace(".default.", "."),
        lambda key: "pipe.dit." + key,
    ],
    ids=["diffusion_model", "both", "plain", "raw training output"],
)
def test_every_key_form_merges_the_same(base, lora, rename):
    renamed = {rename(key): tensor for key, tensor in lora.items()}
    assert renamed.keys() != lora.keys()
    expected, got = merge_dkt_lora(base, lora), merge_dkt_lora(base, renamed)
    assert all(torch.equal(got[name], expected[name]) for name in base)


def test_only_the_loras_targets_change(base, lora):
    merged = merge_dkt_lora(base, lora)
    changed = {name for name in base if not torch.equal(merged[name], base[name])}
    assert changed == {key.partition(".lora_")[0] + ".weight" for key in lora}
    assert merged.keys() == base.keys()


def drop_b(lora):
    return {k: t for k, t in lora.items() if k != "blocks.1.ffn.2.lora_B.default.weight"}


def drop_a(lora):
    return {k: t for k, t in lora.items() if k != "blocks.1.ffn.2.lora_A.default.weight"}


def deeper(lora):
    return lora | {k.replace("blocks.1.", "blocks.29."): t for k, t in lora.items() if "blocks.1." in k}


def wider(lora):
    return lora | {"blocks.0.self_attn.q.lora_A.default.weight": torch.zeros(4, 1536)}


def other_rank(lora):
    return lora | {"blocks.0.self_attn.q.lora_A.default.weight": torch.zeros(8, 128)}


def with_alpha(lora):
    return lora | {"blocks.0.self_attn.q.alpha": torch.tensor(1.0)}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_b, r"not whole: blocks\.1\.ffn\.2 has lora_A or lora_B"),
        (drop_a, r"not whole: blocks\.1\.ffn\.2 has lora_A or lora_B"),
        (deeper, r"changes blocks\.29\.\S+, which the transformer does not have"),
        (wider, r"self_attn\.q are \[128, 4\] and \[4, 1536\], the layer is \[128, 128\].*another base"),
        (other_rank, r"\[128, 4\] and \[8, 128\]"),
        (with_alpha, r"blocks\.0\.self_attn\.q\.alpha: not a key of a LoRA"),
    ],
)
def test_a_lora_that_does_not_fit_is_refused(base, lora, spoil, message):
    with pytest.raises(InputError, match=message) as caught:
        merge_dkt_lora(base, spoil(lora))
    assert "\n" not in str(caught.value)


def test_foreign_keys_of_a_dvd_checkpoint_do_not_matter(golden):
    checkpoint = load_file(golden / "dvd_model.safetensors")
    foreign = {key for key in checkpoint if not key.startswith("pipe.dit.")}
    assert len(foreign) == 2
    with_vae = checkpoint | {"pipe.vae.model.conv1.weight": torch.zeros(3)}
    merged, expected = merge_dvd_checkpoint(with_vae), merge_dvd_checkpoint(checkpoint)
    assert merged.keys() == expected.keys() == load_file(golden / "weights_t2v_dit.safetensors").keys()
    assert all(torch.equal(merged[name], expected[name]) for name in expected)


@pytest.mark.parametrize("gone", ["ffn.0.lora_B.default.weight", "ffn.0.base_layer.weight", "lora_"])
def test_a_dvd_checkpoint_that_is_not_whole_is_refused(golden, gone):
    checkpoint = {k: t for k, t in load_file(golden / "dvd_model.safetensors").items() if f"blocks.1.{gone}" not in k}
    if gone == "lora_":
        checkpoint = {k: t for k, t in checkpoint.items() if "blocks.1.ffn.0.lora_" not in k}
    with pytest.raises(InputError, match=r"not whole.*blocks\.1\.ffn\.0"):
        merge_dvd_checkpoint(checkpoint)


def test_a_plain_transformer_is_no_dvd_checkpoint(base):
    with pytest.raises(InputError, match=r"pipe\.dit"):
        merge_dvd_checkpoint(base)


def trained(base, *, alpha: int):
    """A transformer with a random adapter, as training leaves it."""
    module = build_transformer(base)
    targets = ["to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2"]
    module.add_adapter(LoraConfig(r=4, lora_alpha=alpha, target_modules=targets, init_lora_weights=False))
    return module.eval()


@torch.no_grad()
def output(module):
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(1, 48, 1, 4, 4, generator=random)
    rows, blank = torch.randn(1, 512, 64, generator=random), torch.zeros(1, 257, 1280)
    return module(hidden, torch.tensor([800.0]), rows, encoder_hidden_states_image=blank, return_dict=False)[0]


@pytest.mark.parametrize("alpha", [4, 8])
def test_what_training_exports_acts_as_the_adapter_did(base, alpha):
    module = trained(base, alpha=alpha)
    exported = export_dkt_lora(get_peft_model_state_dict(module), scaling=alpha / 4)
    assert "blocks.0.cross_attn.o.lora_A.default.weight" in exported
    assert all(key.endswith((".lora_A.default.weight", ".lora_B.default.weight")) for key in exported)
    merged = build_transformer(merge_dkt_lora(base, exported))
    expected = output(module)
    assert (output(build_transformer(base)) - expected).abs().max() > 1e-2
    assert (output(merged) - expected).abs().max() < 1e-4


def test_export_and_import_undo_each_other(base, lora):
    adapter = get_peft_model_state_dict(trained(base, alpha=4))
    back = import_dkt_lora(export_dkt_lora(adapter))
    assert back.keys() == adapter.keys()
    assert all(torch.equal(back[key], adapter[key]) for key in adapter)
    again = export_dkt_lora(import_dkt_lora(lora))
    assert again.keys() == lora.keys()
    assert all(torch.equal(again[key], lora[key]) for key in lora)


def test_only_low_rank_matrices_can_be_exported():
    with pytest.raises(InputError, match="no low-rank matrix"):
        export_dkt_lora({"blocks.0.attn1.to_q.weight": torch.zeros(2, 2)})
