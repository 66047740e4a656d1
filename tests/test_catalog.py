"""Names to folders: the catalogue, a hub served from a folder laid out like the real repositories, being offline."""

import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from pellucid.clip import InputError
from pellucid.model import catalog
from pellucid.model.weights import import_dvd
from tiny_tokenizer import save_tokenizer


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PELLUCID_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def hub(golden, tmp_path, monkeypatch):
    """The tiny golden files in the real repositories' layout; downloads copy what the patterns allow."""
    root = tmp_path / "hub"
    wan, control = root / "Wan-AI/Wan2.1-T2V-1.3B", root / "alibaba-pai/Wan2.1-Fun-1.3B-Control"
    large = root / "alibaba-pai/Wan2.1-Fun-14B-Control"
    lora, normal = root / "Daniellesry/DKT-Depth-1-3B-v1.1", root / "Daniellesry/DKT-Normal-14B"
    dvd = root / "FayeHongfeiZhang/DVD"
    for folder in (wan, control, large, lora, normal, dvd):
        folder.mkdir(parents=True)
        (folder / "README.md").write_text("licence and so on")
    torch.save(load_file(golden / "weights_vae.safetensors"), wan / "Wan2.1_VAE.pth")
    shutil.copy(golden / "weights_text_encoder.pth", wan / "models_t5_umt5-xxl-enc-bf16.pth")
    save_tokenizer(wan / "google/umt5-xxl")
    (wan / "diffusion_pytorch_model.safetensors").write_text("must not be fetched")
    transformer = load_file(golden / "weights_fun_control_dit.safetensors")
    save_file(transformer, control / "diffusion_pytorch_model.safetensors")
    (control / "Wan2.1_VAE.pth").write_text("must not be fetched")
    half = len(transformer) // 2
    for n, part in enumerate((sorted(transformer)[:half], sorted(transformer)[half:]), start=1):
        file = large / f"diffusion_pytorch_model-{n:05d}-of-00002.safetensors"
        save_file({name: transformer[name] for name in part}, file)
    for folder in (lora, normal):
        shutil.copy(golden / "dkt_lora_default_keys.safetensors", folder / "epoch-7.safetensors")
    checkpoint = wide(golden)
    for name in ("model.safetensors", "dvd_1.1.safetensors"):
        save_file(checkpoint, dvd / name)
    served = []

    def snapshot_download(repo_id, *, allow_patterns, local_files_only):
        source, target = root / repo_id, tmp_path / "hub_cache" / repo_id
        if local_files_only and not target.is_dir():
            raise LocalEntryNotFoundError(f"cannot find {repo_id}\nsecond line")
        if not source.is_dir():
            raise LocalEntryNotFoundError(f"{repo_id} does not exist")
        for pattern in allow_patterns or ["**/*"]:
            for file in (f for f in source.glob(pattern) if f.is_file() and not local_files_only):
                copy = target / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
                served.append(f"{repo_id}/{file.relative_to(source)}")
        return str(target)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return served


def wide(golden):
    """A DVD checkpoint of one layer with the official head size, so that nothing need be configured."""
    transformer = load_file(golden / "weights_fun_control_dit.safetensors")
    transformer = {k: t for k, t in transformer.items() if "img" not in k}
    transformer["patch_embedding.weight"] = transformer["patch_embedding.weight"][:, :16].contiguous()
    return {f"pipe.dit.{k}": t for k, t in transformer.items()}


def test_a_dkt_model_is_made_on_first_use_and_kept(hub, home, golden):
    said = []
    folder = catalog.resolve("dkt-depth-1.3b", announce=said.append)
    assert folder == home / "models" / "dkt-depth-1.3b"
    assert "15 GB to download" in said[0] and "12 GB of memory" in said[0]
    assert any("alibaba-pai/Wan2.1-Fun-1.3B-Control" in line and "licence" in line for line in said)
    assert said[-1] == f"dkt-depth-1.3b is ready in {folder}"
    assert not [f for f in hub if f in ("Wan-AI/Wan2.1-T2V-1.3B/diffusion_pytorch_model.safetensors",
                                        "alibaba-pai/Wan2.1-Fun-1.3B-Control/Wan2.1_VAE.pth")]  # fmt: skip

    index = json.loads((folder / "model_index.json").read_text())
    assert (index["method"], index["quantity"]) == ("dkt", "disparity")
    stored = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    merged = load_file(golden / "dkt_lora_merge.safetensors")["merged.blocks.0.self_attn.q.weight"]
    assert torch.allclose(stored["blocks.0.attn1.to_q.weight"], merged, atol=1e-6)
    assert load_file(folder / "prompt_embeds.safetensors")["prompt_embeds"].shape == (1, 2, 64)

    fetched, silent = len(hub), []
    assert catalog.resolve("dkt-depth-1.3b", local_files_only=True, announce=silent.append) == folder
    assert len(hub) == fetched and not silent
    assert {row.name for row in catalog.describe() if row.cached} >= {"dkt-depth-1.3b"}


def test_the_text_encoder_is_fetched_once_for_all_models(hub, home):
    catalog.resolve("dkt-depth-1.3b", announce=lambda _: None)
    encoder = "Wan-AI/Wan2.1-T2V-1.3B/models_t5_umt5-xxl-enc-bf16.pth"
    assert hub.count(encoder) == 1
    folder = catalog.resolve("dkt-normal-14b", announce=lambda _: None)  # its transformer comes in shards
    assert hub.count(encoder) == 1
    assert json.loads((folder / "model_index.json").read_text())["quantity"] == "normals"
    depth, normal = (load_file(home / "prompts" / f"{t}.safetensors")["prompt_embeds"] for t in ("depth", "normal"))
    assert not torch.equal(depth, normal)
    assert torch.equal(load_file(folder / "prompt_embeds.safetensors")["prompt_embeds"], normal)


@pytest.mark.parametrize(("name", "file"), [("dvd-1.0", "model.safetensors"), ("dvd-1.1", "dvd_1.1.safetensors")])
def test_a_dvd_model_needs_its_checkpoint_and_the_vae_alone(hub, name, file):
    said = []
    folder = catalog.resolve(name, announce=said.append)
    assert sorted(hub) == [f"FayeHongfeiZhang/DVD/{file}", "Wan-AI/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth"]
    assert any("non-commercial" in line for line in said)
    assert json.loads((folder / "model_index.json").read_text())["method"] == "dvd"


def test_offline_with_nothing_there(hub, home):
    with pytest.raises(InputError, match=r"diffusion_pytorch_model\* of alibaba-pai.*`pellucid import dkt ") as caught:
        catalog.resolve("dkt-depth-1.3b", local_files_only=True, announce=pytest.fail)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"dvd_1\.1\.safetensors of Faye.*`pellucid import dvd .*--vae"):
        catalog.resolve("dvd-1.1", local_files_only=True, announce=pytest.fail)
    assert not hub and not (home / "models").exists()


def test_offline_as_the_hub_itself_has_it(monkeypatch, tmp_path):
    """Without the stand-in: huggingface_hub's own offline mode, and its empty cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    for name in ("dvd-1.1", "nobody/nothing"):
        with pytest.raises(InputError, match="cannot be fetched") as caught:
            catalog.resolve(name, announce=lambda _: None)
        assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_two_loras_in_the_repository_are_not_guessed_between(tmp_path):
    repository = tmp_path / "hub/Daniellesry/DKT-Depth-1-3B-v1.1"
    shutil.copy(repository / "epoch-7.safetensors", repository / "epoch-8.safetensors")
    with pytest.raises(InputError, match=r"epoch-7\.safetensors, epoch-8\.safetensors; choose one"):
        catalog.resolve("dkt-depth-1.3b", announce=lambda _: None)


def test_a_folder_is_itself(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(InputError, match=r"no model_index\.json.*pellucid import"):
        catalog.resolve(folder)
    (folder / "model_index.json").write_text("{}")
    assert catalog.resolve(folder) == catalog.resolve(str(folder)) == folder


def test_a_hub_id_is_a_pipeline_folder(hub, tmp_path):
    repository = tmp_path / "hub/someone/glass-depth"
    repository.mkdir(parents=True)
    (repository / "model_index.json").write_text("{}")
    folder = catalog.resolve("someone/glass-depth")
    assert (folder / "model_index.json").is_file()
    assert hub == ["someone/glass-depth/model_index.json"]
    with pytest.raises(InputError, match="nor is there such a folder"):
        catalog.resolve("someone/else")
    with pytest.raises(InputError, match=r"no model_index\.json"):
        catalog.resolve("FayeHongfeiZhang/DVD")


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"Did you mean dkt-depth-14b\? Available: nano, .*dvd-1\.1"):
        catalog.resolve("dkt-dept-14b")
    with pytest.raises(InputError, match="no such folder"):
        catalog.resolve(tmp_path / "absent" / "deeper")
    (tmp_path / "dvd_1.1.safetensors").touch()
    with pytest.raises(InputError, match=r"is a file; .*pellucid import"):
        catalog.resolve(tmp_path / "dvd_1.1.safetensors")


def test_describe_says_what_each_model_costs():
    rows = {row.name: row for row in catalog.describe()}
    assert list(rows) == list(catalog.CATALOG)
    assert rows["nano"].download == "none, shipped"
    assert rows["dvd-1.1"].licence.startswith("checkpoint: CC BY-NC 4.0 (non-commercial")
    assert rows["dkt-normal-14b"].quantity == "normals"
    assert not rows["dkt-normal-14b"].cached


def test_download_sizes_follow_from_the_parameter_counts():
    """16 bits for each parameter of the released tables (32 for the VAE), in units of 1e9 bytes."""
    small, large = catalog.CATALOG["dkt-depth-1.3b"].parts, catalog.CATALOG["dkt-depth-14b"].parts
    known = {
        1_564_502_336 * 2: small["transformer"],
        16_395_124_544 * 2: large["transformer"],
        5_680_910_336 * 2: small["text_encoder"],
        126_892_531 * 4: small["vae"],
        (1_418_996_800 + 699_900_000) * 2: catalog.CATALOG["dvd-1.1"].parts["checkpoint"],
    }
    for size, part in known.items():
        assert part.gigabytes == pytest.approx(size / 1e9, abs=0.07)


def test_bundled_models_lie_in_the_package():
    for name in ("nano", "nano-normal", "nano-dkt"):
        assert catalog.resolve(name) == Path(catalog.__file__).parents[1] / "assets" / "nano" / name


def test_a_base_to_train_from_comes_without_an_adapter(hub, golden):
    folder = catalog.resolve("wan2.1-fun-1.3b-control", announce=lambda _: None)
    assert not [f for f in hub if f.startswith("Daniellesry/")]
    stored = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    plain = load_file(golden / "weights_fun_control_dit.safetensors")["blocks.0.self_attn.q.weight"]
    assert torch.equal(stored["blocks.0.attn1.to_q.weight"], plain)
    assert {r.name for r in catalog.describe() if r.quantity == "base to train from"} >= {"wan2.1-t2v-1.3b"}


def test_a_plain_transformer_is_a_base_of_dvd(golden, tmp_path):
    plain = {name.removeprefix("pipe.dit."): t for name, t in wide(golden).items()}
    save_file(plain, tmp_path / "t2v.safetensors")
    folder = import_dvd(
        checkpoint=tmp_path / "t2v.safetensors", vae=golden / "weights_vae.safetensors", out=tmp_path / "base"
    )
    stored = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(stored["blocks.0.attn1.to_q.weight"], plain["blocks.0.self_attn.q.weight"])
