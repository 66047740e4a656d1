"""Reading, naming and building: full-size models by their published key hashes, tiny ones through every file form."""

import hashlib
import json
import pickle
import shutil

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import load_file, save_file
from transformers import UMT5Config, UMT5EncoderModel

from pellucid.clip import InputError
from pellucid.model import names, weights
from pellucid.model.files import read_tensors

torch.set_num_threads(1)

SMALL = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
LARGE = {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40}
UMT5_XXL = {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}


def image(size, in_channels):
    return {"in_channels": in_channels, "image_dim": 1280, "added_kv_proj_dim": 128 * size["num_attention_heads"]}


def key_hash(tensors) -> str:
    """The hash by which released files are told apart: of every name, alone and with its shape."""
    lines = [line for k, t in tensors.items() for line in (k, f"{k}:{'_'.join(map(str, t.shape))}")]
    return hashlib.md5(",".join(sorted(lines)).encode()).hexdigest()


def on_meta(make):
    with init_empty_weights(include_buffers=False):
        return {name: tensor.to("meta") for name, tensor in make().state_dict().items()}


def with_reference_image(official, dim):
    """v1.1 adds a convolution for a reference image to v1.0."""
    return official | {
        "ref_conv.weight": torch.empty(dim, 16, 2, 2, device="meta"),
        "ref_conv.bias": torch.empty(dim, device="meta"),
    }


@pytest.mark.parametrize(
    ("size", "extra", "reference_image", "expected"),
    [
        (SMALL, {}, False, "9269f8db9040a9d860eaca435be61814"),
        (LARGE, {}, False, "aafcfd9672c3a2456dc46e1cb6e52c70"),
        (SMALL, image(SMALL, 48), False, "349723183fc063b2bfc10bb2835cf677"),
        (LARGE, image(LARGE, 48), False, "efa44cddf936c70abd0ea28b6cbe946c"),
        (SMALL, image(SMALL, 48), True, "70ddad9d3a133785da5ea371aae09504"),
        (LARGE, image(LARGE, 48), True, "26bde73488a92e64cc20b0a7485b9e5b"),
        (SMALL, image(SMALL, 36), False, "6d6ccde6845b95ad9114ab993d917893"),
        (LARGE, image(LARGE, 36), False, "6bfcfb3b342cb286ce886889d519a77e"),
    ],
    ids=["T2V-1.3B", "T2V-14B", "Fun-1.3B", "Fun-14B", "Fun-1.3B-v1.1", "Fun-14B-v1.1", "InP-1.3B", "I2V-14B"],
)
def test_full_size_transformers_have_the_released_names_and_shapes(size, extra, reference_image, expected):
    config = size | extra
    ours = on_meta(lambda: WanTransformer3DModel(**config))
    official = names.to_original_keys(ours)
    if reference_image:
        official = with_reference_image(official, 128 * size["num_attention_heads"])
    assert key_hash(official) == expected
    module = weights.build_transformer(official)  # nothing given: the shapes say it all
    assert {key: module.config[key] for key in config} == config
    assert module.state_dict().keys() == ours.keys()
    assert not module.rope.freqs_cos.is_meta  # computed, not stored: must be real even so


def test_the_full_size_vae_has_the_released_names_and_shapes():
    official = names.vae_to_original_keys(on_meta(AutoencoderKLWan))
    assert len(official) == 194
    assert key_hash(official) == "ccc42284ea13e1ad04693284c7a09be6"
    module = weights.build_vae(official)
    assert (module.config.base_dim, module.config.z_dim) == (96, 16)


def test_the_full_size_text_encoder_has_the_released_names_and_shapes():
    ours = on_meta(lambda: UMT5EncoderModel(UMT5Config(feed_forward_proj="gated-gelu", **UMT5_XXL)))
    official = names.text_encoder_to_original_keys(ours)
    assert len(official) == 242
    assert key_hash(official) == "9c8818c2cbea55eca56c7b447df170da"
    config = weights.build_text_encoder(official).config
    assert {key: getattr(config, key) for key in UMT5_XXL} == UMT5_XXL


@pytest.mark.parametrize("file", ["weights_t2v_dit", "weights_fun_control_dit", "weights_vae", "weights_text_encoder"])
def test_names_go_there_and_back(golden, file):
    there, back = {
        "weights_vae": (names.vae_to_diffusers_keys, names.vae_to_original_keys),
        "weights_text_encoder": (names.text_encoder_to_transformers_keys, names.text_encoder_to_original_keys),
    }.get(file, (names.to_diffusers_keys, names.to_original_keys))
    official = load_file(golden / f"{file}.safetensors")
    converted = there(official)
    assert converted.keys() != official.keys()
    restored = back(converted)
    assert restored.keys() == official.keys()
    assert all(restored[name] is official[name] for name in official)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vae_file(golden):
    return golden / "weights_vae.safetensors"


def save_shards(tensors, folder, stem="diffusion_pytorch_model"):
    split = sorted(tensors)
    parts = [split[:20], split[20:50], split[50:]]
    index = {}
    for n, part in enumerate(parts, start=1):
        file = f"{stem}-{n:05d}-of-00003.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return [folder / f"{stem}-{n:05d}-of-00003.safetensors" for n in (1, 2, 3)]


@pytest.mark.parametrize("given", ["folder", "index", "one shard", "all shards", "a list of one"])
def test_sharded_models_are_read_whole(golden, tmp_path, given):
    whole = load_file(golden / "weights_t2v_dit.safetensors")
    files = save_shards(whole, tmp_path)
    source = {
        "folder": tmp_path,
        "index": tmp_path / "diffusion_pytorch_model.safetensors.index.json",
        "one shard": files[1],
        "all shards": files,
        "a list of one": [tmp_path],
    }[given]
    read = read_tensors(source)
    assert read.keys() == whole.keys()
    assert all(torch.equal(read[name], whole[name]) for name in whole)


@pytest.mark.parametrize("given", ["folder", "index", "one shard"])
def test_a_missing_shard_is_named(golden, tmp_path, given):
    files = save_shards(load_file(golden / "weights_t2v_dit.safetensors"), tmp_path)
    files[2].unlink()
    index = tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    with pytest.raises(InputError, match="00003-of-00003") as caught:
        read_tensors({"folder": tmp_path, "index": index, "one shard": files[0]}[given])
    assert "\n" not in str(caught.value)


def test_a_shard_missing_from_a_given_list_is_noticed(golden, tmp_path):
    files = save_shards(load_file(golden / "weights_t2v_dit.safetensors"), tmp_path)
    with pytest.raises(InputError, match="missing"):
        weights.build_transformer(read_tensors(files[:2]), {"num_attention_heads": 4, "attention_head_dim": 24})


def test_an_index_cannot_point_elsewhere(tmp_path):
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(InputError, match="outside"):
        read_tensors(index)


def test_a_folder_with_two_models_is_ambiguous(tmp_path):
    for name in ("a", "b"):
        save_file({"x": torch.zeros(1)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(InputError, match=r"a\.safetensors, b\.safetensors"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("form", ["zip", "legacy", "model_state"])
def test_pickled_weights_are_read(vae_file, tmp_path, form):
    whole = load_file(vae_file)
    content = {"model_state": whole} if form == "model_state" else whole
    torch.save(content, tmp_path / "vae.pth", _use_new_zipfile_serialization=form != "legacy")
    read = read_tensors(tmp_path / "vae.pth")
    assert all(torch.equal(read[name], whole[name]) for name in whole)
    weights.build_vae(read)


class Bomb:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def broken(kind, vae_file, folder):
    suffix = "pth" if kind in ("pickled code", "cut pickle", "pickled list", "text as pickle") else "safetensors"
    file = folder / f"broken.{suffix}"
    if kind == "cut":
        file.write_bytes(vae_file.read_bytes()[:-1000])
    elif kind == "cut in the header":
        file.write_bytes(vae_file.read_bytes()[:100])
    elif kind == "empty":
        file.touch()
    elif kind in ("text", "text as pickle"):
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 2838276336\n")
    elif kind == "pickled code":
        file.write_bytes(pickle.dumps({"x": Bomb()}, protocol=2))
    elif kind == "pickled list":
        torch.save([torch.zeros(2)], file)
    elif kind == "cut pickle":
        torch.save(load_file(vae_file), file)
        file.write_bytes(file.read_bytes()[:5000])
    elif kind == "another suffix":
        file = folder / "vae.onnx"
        file.write_bytes(b"x")
    return file


@pytest.mark.parametrize(
    "kind",
    [
        *("cut", "cut in the header", "empty", "text", "text as pickle", "pickled code", "pickled list", "cut pickle"),
        *("another suffix", "absent"),
    ],
)
def test_bad_files_are_refused_in_one_line(vae_file, tmp_path, capsys, kind):
    file = broken(kind, vae_file, tmp_path)
    with pytest.raises(InputError) as caught:
        read_tensors(file)
    assert file.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "never" not in capsys.readouterr().out


# --- strictness ------------------------------------------------------------------------------------------------------

HEADS = {"num_attention_heads": 4, "attention_head_dim": 24}


def test_tensors_that_do_not_fit_are_named(golden):
    official = load_file(golden / "weights_t2v_dit.safetensors")
    short = {k: t for k, t in official.items() if "blocks.1.ffn" not in k}
    with pytest.raises(InputError, match=r"4 missing \(blocks\.1\.ffn.* and 1 more\); .*not whole"):
        weights.build_transformer(short, HEADS)
    with pytest.raises(InputError, match=r"1 unknown \(control_adapter\.conv\.weight\)"):
        weights.build_transformer(official | {"control_adapter.conv.weight": torch.zeros(2)}, HEADS)
    wrong = official | {"blocks.2.ffn.0.bias": torch.zeros(5)}
    with pytest.raises(InputError, match=r"blocks\.2\.ffn\.net\.0\.proj\.bias \[5\] instead of \[256\]"):
        weights.build_transformer(wrong, HEADS)
    with pytest.raises(InputError, match=r"1\.3B or 14B"):
        weights.build_transformer(official, HEADS | {"num_layers": 2, "ffn_dim": 128})


def test_integer_weights_are_refused(vae_file):
    quantised = load_file(vae_file)
    quantised["conv1.weight"] = quantised["conv1.weight"].to(torch.int8)
    with pytest.raises(InputError, match="int8"):
        weights.build_vae(quantised)


def test_an_unusual_width_asks_for_the_head_count(golden):
    with pytest.raises(InputError, match="--config"):
        weights.build_transformer(load_file(golden / "weights_t2v_dit.safetensors"))


def test_the_reference_image_of_v1_1_is_left_out(golden):
    official = load_file(golden / "weights_fun_control_dit.safetensors")
    v1_1 = official | {"ref_conv.weight": torch.zeros(128, 16, 2, 2), "ref_conv.bias": torch.zeros(128)}
    plain, newer = weights.build_transformer(official), weights.build_transformer(v1_1)
    assert plain.state_dict().keys() == newer.state_dict().keys()


def test_weights_are_mapped_not_copied(vae_file):
    official = read_tensors(vae_file)
    module = weights.build_vae(official)
    assert module.quant_conv.weight.data_ptr() == official["conv1.weight"].data_ptr()
    assert weights.build_vae(official, dtype=torch.bfloat16).quant_conv.weight.dtype == torch.bfloat16
    assert not any(parameter.requires_grad for parameter in module.parameters())


# --- whole imports ---------------------------------------------------------------------------------------------------


@pytest.fixture
def dkt_files(golden, tmp_path):
    save_file({"prompt_embeds": torch.randn(1, 2, 64)}, tmp_path / "rows.safetensors")
    return {
        "transformer": golden / "weights_fun_control_dit.safetensors",
        "vae": golden / "weights_vae.safetensors",
        "lora": golden / "dkt_lora_default_keys.safetensors",
        "prompt_embeds": tmp_path / "rows.safetensors",
        "out": tmp_path / "model",
    }


@pytest.fixture
def dvd_files(golden, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"transformer": HEADS}))
    return {
        "checkpoint": golden / "dvd_model.safetensors",
        "vae": golden / "weights_vae.safetensors",
        "config": tmp_path / "config.json",
        "out": tmp_path / "model",
    }


def loaded(folder):
    from pellucid.model.pipeline import GeometryPipeline

    return GeometryPipeline.from_pretrained(str(folder))


@pytest.mark.parametrize(("task", "quantity"), [("depth", "disparity"), ("normal", "normals")])
def test_import_dkt(dkt_files, golden, task, quantity):
    assert weights.import_dkt(**dkt_files, task=task) == dkt_files["out"]
    pipe = loaded(dkt_files["out"])
    merged = load_file(golden / "dkt_lora_merge.safetensors")["merged.blocks.1.ffn.2.weight"]
    assert torch.allclose(pipe.transformer.blocks[1].ffn.net[2].weight, merged, atol=1e-6)
    assert pipe.transformer.dtype == torch.float32
    config = pipe.config
    assert (config.method, config.quantity, config.window, config.overlap) == ("dkt", quantity, 21, 3)
    assert (config.height, config.width, config.num_inference_steps) == (480, 832, 5)
    assert pipe.scheduler.config.shift == 5.0
    assert torch.equal(pipe.prompt_embeds, load_file(dkt_files["prompt_embeds"])["prompt_embeds"])
    assert sorted(p.name for p in dkt_files["out"].parent.iterdir()) == ["model", "rows.safetensors"]


def test_import_dvd(dvd_files, golden):
    weights.import_dvd(**dvd_files)
    pipe = loaded(dvd_files["out"])
    merged = load_file(golden / "dvd_checkpoint_load.safetensors")["merged.blocks.1.ffn.0.weight"]
    assert torch.allclose(pipe.transformer.blocks[1].ffn.net[0].proj.weight, merged, atol=1e-6)
    config = pipe.config
    assert (config.method, config.quantity, config.window, config.overlap) == ("dvd", "disparity", 81, 21)
    assert (config.height, config.width, config.num_inference_steps) == (480, 640, 1)


def test_a_model_made_meanwhile_is_kept(dvd_files, monkeypatch):
    save = weights._save

    def save_while_another_finishes(folder, **parts):
        save(folder, **parts)
        dvd_files["out"].mkdir()
        (dvd_files["out"] / "model_index.json").write_text("theirs")

    monkeypatch.setattr(weights, "_save", save_while_another_finishes)
    with pytest.raises(InputError, match="meanwhile"):
        weights.import_dvd(**dvd_files)
    assert [f.read_text() for f in dvd_files["out"].iterdir()] == ["theirs"]


def test_import_in_another_dtype(dkt_files, golden):
    weights.import_dkt(**dkt_files, dtype=torch.bfloat16)
    stored = load_file(dkt_files["out"] / "transformer" / "diffusion_pytorch_model.safetensors")
    merged = load_file(golden / "dkt_lora_merge.safetensors")["merged.blocks.1.ffn.2.weight"]
    assert (stored["blocks.1.ffn.net.2.weight"] != merged.bfloat16()).float().mean() < 1e-3  # rounded once


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transformer": "weights_vae"}, "is a Wan VAE, not a Wan transformer"),
        ({"vae": "weights_text_encoder"}, "is a Wan text encoder, not a Wan VAE"),
        ({"transformer": "dvd_model"}, "is a DVD checkpoint, not"),
        ({"lora": "weights_vae"}, "not a key of a LoRA"),
        ({"prompt_embeds": "weights_vae"}, "expected one tensor, prompt_embeds"),
    ],
)
def test_files_in_each_others_place(dkt_files, golden, change, message):
    swapped = {key: golden / f"{name}.safetensors" for key, name in change.items()}
    with pytest.raises(InputError, match=message) as caught:
        weights.import_dkt(**dkt_files | swapped)
    assert "\n" not in str(caught.value)
    assert not dkt_files["out"].exists()
    assert not list(dkt_files["out"].parent.glob(".model*"))  # nothing half-made is left


def test_t2v_where_fun_control_is_needed(dkt_files, dvd_files, golden):
    given = dkt_files | {"transformer": golden / "weights_t2v_dit.safetensors", "lora": None}
    with pytest.raises(InputError, match=r"text-to-video \(T2V\): 16 input channels.*needs Wan2.1-Fun-Control"):
        weights.import_dkt(**given, config=dvd_files["config"])


def test_an_existing_folder_is_not_overwritten(dvd_files):
    dvd_files["out"].mkdir()
    (dvd_files["out"] / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="already exists"):
        weights.import_dvd(**dvd_files)
    shutil.rmtree(dvd_files["out"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "JSON"),
        ("[]", "must read"),
        ('{"unet": {}}', "must read"),
        ('{"transformer": {"num_attention_heads": 4, "heads": 4}}', "configuration does not work: .*'heads'"),
    ],
)
def test_bad_config(dvd_files, text, message):
    dvd_files["config"].write_text(text)
    with pytest.raises(InputError, match=message):
        weights.import_dvd(**dvd_files)


def test_a_prompt_is_given_exactly_once(dkt_files):
    with pytest.raises(InputError, match="--prompt-embeds"):
        weights.import_dkt(**dkt_files | {"prompt_embeds": None})
    with pytest.raises(InputError, match="--prompt-embeds"):
        weights.import_dkt(**dkt_files, text_encoder=dkt_files["vae"], tokenizer=dkt_files["vae"])
    with pytest.raises(InputError, match="allowed: depth, normal"):
        weights.import_dkt(**dkt_files, task="albedo")
