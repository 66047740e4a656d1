"""The loop's promises: exact resume, a stop before a bad step, and what it leaves behind loads."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import tyro
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import load_file

from pellucid import GeometryPipeline
from pellucid.clip import InputError
from pellucid.model import adapter, dkt, dvd, latents
from pellucid.model.catalog import CATALOG
from pellucid.model.network import Network
from pellucid.train.beginnings import begin
from pellucid.train.flow_start import start_flow, tokens
from pellucid.train.loop import NonFiniteLoss
from pellucid.train.objectives import GeometryObjective
from pellucid.train.recipes import RECIPES, Recipe
from pellucid.train.run import make_mixture, train

VAE = {
    "base_dim": 8, "z_dim": 8, "dim_mult": [1, 1, 1], "num_res_blocks": 1, "temperal_downsample": [True, True],
    "in_channels": 48, "out_channels": 48, "patch_size": 4, "latents_mean": [0.0] * 8, "latents_std": [1.0] * 8,
    "scale_factor_spatial": 16,
}  # fmt: skip
TRANSFORMER = {
    "num_attention_heads": 2, "attention_head_dim": 24, "in_channels": 8, "out_channels": 8, "text_dim": 8,
    "patch_size": [1, 1, 1], "freq_dim": 32, "ffn_dim": 48, "num_layers": 2,
}  # fmt: skip


def small(name: str, **changes) -> Recipe:
    return replace(
        RECIPES[name](), steps=6, sizes=((32, 48),), frames=(1, 5), frame_weights=(1, 1), batch_frames=3, warmup=0,
        mixed_precision="no", validate_every=3, checkpoint_every=3, **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def autoencoder(sequences, tmp_path_factory):
    out = tmp_path_factory.mktemp("autoencoder")
    train(small("nano_autoencoder", vae=VAE), [sequences], out, workers=0)
    return out / "model" / "vae"


@pytest.fixture(scope="module")
def base(sequences, autoencoder, tmp_path_factory):
    out = tmp_path_factory.mktemp("base")
    train(small("nano_stills", transformer=TRANSFORMER, autoencoder=str(autoencoder)), [sequences], out, workers=0)
    return out


def losses(out) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def test_the_autoencoder_knows_the_scale_of_its_latents(autoencoder):
    config = json.loads((autoencoder / "config.json").read_text())
    assert config["latents_std"] != VAE["latents_std"]
    assert all(s > 0 for s in config["latents_std"])


def test_an_autoencoder_that_packs_nothing_codes_each_frame_as_a_still():
    vae = AutoencoderKLWan(
        **(VAE | {"temperal_downsample": [False] * len(VAE["temperal_downsample"]), "scale_factor_temporal": 1})
    )
    video = torch.rand(2, 3, 6, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    z = latents.encode(vae, video)
    painted = latents.decode(vae, z)
    assert (z.shape[2], painted.shape) == (6, video.shape)
    for t in range(6):
        torch.testing.assert_close(z[:, :, t : t + 1], latents.encode(vae, video[:, :, t : t + 1]))
        torch.testing.assert_close(painted[:, :, t : t + 1], latents.decode(vae, z[:, :, t : t + 1]))


def test_a_new_autoencoder_sees_a_standing_clip_as_its_still():
    vae = AutoencoderKLWan(**VAE)
    begin(vae)
    still = torch.rand(1, 3, 1, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    z = latents.encode(vae, still.expand(-1, -1, 9, -1, -1))
    torch.testing.assert_close(z, latents.encode(vae, still).expand_as(z))
    video = latents.decode(vae, z)
    torch.testing.assert_close(video, video[:, :, :1].expand_as(video))


def test_a_trained_pipeline_loads_and_predicts(base):
    pipe = GeometryPipeline.from_pretrained(base / "model").to(torch.float32)
    out = pipe(np.zeros((3, 40, 56, 3), np.uint8))
    assert out.disparity.shape == (3, 40, 56)
    assert not [f for f in (base / "model").rglob("*.json") if "_name_or_path" in f.read_text()]


@pytest.mark.parametrize("recipe", ["nano_dvd", "nano_dkt"])
def test_resume_repeats_the_uninterrupted_run(recipe, base, sequences, tmp_path, monkeypatch):
    r = small(recipe, base=str(base))
    train(r, [sequences], tmp_path / "whole", workers=0)
    loss = GeometryObjective.loss
    calls = []

    def interrupted(self, batch, rng):
        if torch.is_grad_enabled():
            calls.append(1)
            if len(calls) == 5:
                raise KeyboardInterrupt
        return loss(self, batch, rng)

    monkeypatch.setattr(GeometryObjective, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(r, [sequences], tmp_path / "cut", workers=0)
    monkeypatch.setattr(GeometryObjective, "loss", loss)
    train(r, [sequences], tmp_path / "cut", workers=0, resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    for file in (tmp_path / "whole" / "model").rglob("*.safetensors"):
        other = tmp_path / "cut" / file.relative_to(tmp_path / "whole")
        assert other.read_bytes() == file.read_bytes()


def test_an_adapter_loads_on_its_base_and_changes_it(base, sequences, tmp_path):
    r = small("nano_dkt", base=str(base), quantity="normals", learning_rate=1e-2)
    train(r, [sequences], tmp_path / "run", workers=0)
    pipe = GeometryPipeline.from_pretrained(tmp_path / "run" / "model").to(torch.float32)
    assert pipe.config.quantity == "normals" and pipe.transformer.config.in_channels == 24
    out = pipe(np.zeros((1, 32, 48, 3), np.uint8))
    np.testing.assert_allclose(np.linalg.norm(out.normals, axis=-1), 1, atol=1e-4)


def test_an_adapter_for_flow_matching_starts_near_the_velocity(base):
    """For noise it has not seen it answers about eps - z_geo, where the old answers are right."""
    pipe = GeometryPipeline.from_pretrained(base / "model").to(torch.float32)
    torch.manual_seed(0)
    z_rgb, eps = torch.randn(2, 8, 8, 1, 8, 12)
    old = dvd.solve(Network(pipe.transformer), z_rgb).detach()
    adapter.widen(pipe.transformer, 24, at=8)
    adapter.add(pipe.transformer, 4, 4, widened=True)
    network = Network(pipe.transformer)
    unseen = dkt.velocity(network, eps, torch.tensor(dvd.TAU), z_rgb)
    assert torch.allclose(unseen, old, atol=1e-5), "noise that nothing looks at changes nothing"
    start_flow(pipe.transformer, network, z_rgb, old, dvd.TAU)
    v = dkt.velocity(network, eps, torch.ones(()), z_rgb).detach()
    assert torch.corrcoef(torch.stack([v.flatten(), (eps - old).flatten()]))[0, 1] > 0.9


def test_latents_as_tokens_are_what_the_transformer_makes_latents_of(base):
    transformer = GeometryPipeline.from_pretrained(base / "model").to(torch.float32).transformer
    seen = []
    transformer.proj_out.register_forward_hook(lambda _module, _given, out: seen.append(out.flatten(0, 1)))
    z = Network(transformer)(torch.randn(2, 8, 3, 8, 12), torch.full((2,), 500.0))
    assert torch.equal(tokens(z, transformer.config.patch_size), seen[0])


def test_a_base_too_narrow_to_carry_the_noise_is_told():
    narrow = WanTransformer3DModel(**TRANSFORMER | {"patch_size": [1, 2, 2]})  # 48 wide, 32 numbers a token
    z = torch.zeros(1, 8, 1, 4, 4)
    with pytest.raises(InputError, match=r"48 wide .* at least 64 wide"):
        start_flow(narrow, Network(narrow), z, z, dvd.TAU)


def test_what_comes_out_may_keep_a_share_of_the_base(base, sequences, tmp_path):
    r = small("nano_dvd", base=str(base), learning_rate=1e-2)
    train(r, [sequences], tmp_path / "run", workers=0)
    weights = [load_file(f / "model/transformer/diffusion_pytorch_model.safetensors") for f in (base, tmp_path / "run")]
    train(replace(r, base_share=0.25), [sequences], tmp_path / "run", workers=0, resume=True)
    shared = load_file(tmp_path / "run/model/transformer/diffusion_pytorch_model.safetensors")
    for name, (old, new) in {k: (w, weights[1][k]) for k, w in weights[0].items()}.items():
        expected = 0.25 * old.float() + 0.75 * new.float()
        torch.testing.assert_close(shared[name].float(), expected, rtol=2e-2, atol=2e-3)
    assert any(not torch.equal(weights[0][k], weights[1][k]) for k in shared)
    for changes in ({"base_share": 1.0}, {"base_share": 0.5, "lora_rank": 4}):
        with pytest.raises(InputError, match="base_share"):
            replace(r, **changes)


@pytest.mark.parametrize("recipe", ["nano_dkt", "nano_normal"])
def test_an_adapter_goes_on_from_another(recipe, base, sequences, tmp_path):
    """With steps too small to count, what goes in comes out."""
    r = small(recipe, base=str(base), lora_alpha=24)
    train(r, [sequences], tmp_path / "first", workers=0)
    train(replace(r, adapter=str(tmp_path / "first"), learning_rate=1e-9), [sequences], tmp_path / "more", workers=0)
    first, more = (load_file(tmp_path / run / "model" / "adapter.safetensors") for run in ("first", "more"))
    for name in first:
        torch.testing.assert_close(more[name].float(), first[name].float(), rtol=1e-2, atol=1e-4)
    refused = {
        "differs from the recipe's at": replace(r, adapter=str(tmp_path / "first"), lora_rank=4),
        "is no adapter": replace(r, adapter=str(base)),
        "no such folder": replace(r, adapter="nano-dtk"),
    }
    for message, wrong in refused.items():
        with pytest.raises(InputError, match=message):
            train(wrong, [sequences], tmp_path / "wrong", workers=0)
    with pytest.raises(InputError, match="lora-rank"):
        replace(r, lora_rank=None, adapter=str(base))


def test_adapters_may_leave_cross_attention_out(base, sequences, tmp_path):
    r = small("nano_dkt", base=str(base))
    train(r, [sequences], tmp_path / "run", workers=0)
    names = load_file(tmp_path / "run" / "model" / "adapter.safetensors")
    assert not r.lora_cross_attention and names and not [n for n in names if ".attn2." in n]


def test_a_loss_that_is_not_finite_stops_before_the_step(base, sequences, tmp_path, monkeypatch):
    loss = GeometryObjective.loss

    def broken(self, batch, rng):
        terms = loss(self, batch, rng)
        return terms | {"loss": terms["loss"] * float("nan")} if torch.is_grad_enabled() else terms

    with monkeypatch.context() as patch:
        patch.setattr(GeometryObjective, "loss", broken)
        with pytest.raises(NonFiniteLoss, match=r"step 0.*not taken"):
            train(small("nano_dvd", base=str(base)), [sequences], tmp_path / "run", workers=0)
    assert not (tmp_path / "run" / "model").exists()
    train(small("nano_dvd", base=str(base)), [sequences], tmp_path / "run", workers=0)  # nothing there to be lost
    assert len(losses(tmp_path / "run")) == small("nano_dvd").steps
    (tmp_path / "run" / "latest.json").unlink()
    with pytest.raises(InputError, match="holds a run already"):
        train(small("nano_dvd", base=str(base)), [sequences], tmp_path / "run", workers=0)


def test_training_learns_the_small_set(base, sequences, tmp_path):
    r = replace(small("nano_dvd", base=str(base), learning_rate=3e-3), steps=40, frames=(1,), frame_weights=(1,))
    train(r, [sequences], tmp_path / "run", workers=0)
    curve = losses(tmp_path / "run")
    assert np.mean(curve[-8:]) < 0.8 * np.mean(curve[:8])


def test_misuse_is_said_in_a_line(base, sequences, tmp_path):
    with pytest.raises(InputError, match="holds a run already"):
        train(small("nano_stills"), [sequences], base)
    with pytest.raises(InputError, match="needs an autoencoder"):
        train(small("nano_stills"), [sequences], tmp_path / "a", workers=0)
    with pytest.raises(InputError, match="validate_every is 0; it must be at least 1"):
        replace(RECIPES["nano_stills"](), validate_every=0)
    with pytest.raises(InputError, match="4N"):
        small("nano_stills").__class__(
            method="dvd", window=9, overlap=1, steps=1, learning_rate=1.0, frames=(2,), frame_weights=(1,)
        )


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_official_base_has_a_name(name):
    recipe = RECIPES[name]()
    if recipe.base is not None and not recipe.base.startswith("runs/"):
        entry = CATALOG[recipe.base]
        assert recipe.method == entry.method or entry.kind == "bundled"
        assert recipe.quantity == entry.quantity or entry.kind == "bundled"


def test_official_recipes_carry_the_papers_settings():
    dkt, dvd = RECIPES["dkt_depth_1_3b"](), RECIPES["dvd_depth_1_3b"]()
    assert (dkt.steps, dkt.learning_rate, dkt.sizes, max(dkt.frames)) == (70_000, 1e-5, ((480, 832),), 21)
    assert (dvd.lora_rank, dvd.learning_rate, dvd.accumulation, dvd.frames) == (512, 1e-4, 4, (1, 45))


def public(base, **changes) -> Recipe:
    changes = {"steps": 4, "checkpoint_every": 2, "lora_rank": 2, "lora_alpha": 2, "accumulation": 1} | changes
    sets = {"set_sizes": (("vkitti", 16, 64),), "batch_frames": 2, "cache_latents": True, "variants": 1}
    return replace(small("dvd_depth_1_3b", base=str(base)), **sets, **changes)


def test_the_papers_sets_train_together_and_resume_exactly(base, public_sets, tmp_path, monkeypatch, capsys):
    r, data = public(base), [*public_sets.values()]
    drawn = {s.sequence.kind for step in range(4) for s in make_mixture(r, data, "train").batch(step)}
    assert drawn == set(public_sets), "these steps draw from each set"
    train(r, data, tmp_path / "whole", workers=0)
    assert len(losses(tmp_path / "whole")) == 4 and np.isfinite(losses(tmp_path / "whole")).all()
    assert "data:" not in capsys.readouterr().err
    loss, calls = GeometryObjective.loss, []

    def interrupted(self, batch, rng):
        calls.append(torch.is_grad_enabled())
        if sum(calls) == 4:
            raise KeyboardInterrupt
        return loss(self, batch, rng)

    monkeypatch.setattr(GeometryObjective, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(r, data, tmp_path / "cut", workers=0)
    monkeypatch.setattr(GeometryObjective, "loss", loss)
    train(r, data, tmp_path / "cut", workers=0, resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    for file in (tmp_path / "whole" / "model").rglob("*.safetensors"):
        assert (tmp_path / "cut" / file.relative_to(tmp_path / "whole")).read_bytes() == file.read_bytes()


def test_absent_sets_are_said_once_and_a_shared_cache_gets_the_normals_that_it_lacks(
    base, public_sets, tmp_path, capsys
):
    cache, data = tmp_path / "latents", [public_sets["tartanair"]]
    r = public(base, steps=2, frames=(1, 5), frame_weights=(0, 1))
    train(r, data, tmp_path / "disparity", workers=0, cache=cache)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("data:")]
    assert said == [
        "data: no hypersim, vkitti: the other sets share their weight; "
        "no set gives clips of 1 frames: they are left out"
    ]
    assert all(set(load_file(f)) == {"rgb", "disparity"} for f in cache.rglob("*.safetensors"))
    train(replace(r, quantity="normals"), data, tmp_path / "normals", workers=0, cache=cache)
    assert all(set(load_file(f)) == {"rgb", "disparity", "normals"} for f in cache.rglob("*.safetensors"))


def test_runs_share_a_cache_without_taking_each_others_latents(base, sequences, tmp_path):
    cache, r = tmp_path / "latents", replace(small("nano_dvd", base=str(base)), cache_latents=True)
    train(r, [sequences], tmp_path / "alone", workers=0)
    other_crops = replace(r, augmentation=replace(r.augmentation, zoom=1.2))
    twins = tmp_path / "twins"  # folders of the same names
    shutil.copytree(sequences, twins)
    train(other_crops, [sequences], tmp_path / "crops", workers=0, cache=cache)
    train(r, [twins], tmp_path / "elsewhere", workers=0, cache=cache)
    before = set(cache.rglob("*.safetensors"))
    train(r, [sequences], tmp_path / "beside", workers=0, cache=cache)
    assert losses(tmp_path / "beside") == losses(tmp_path / "alone") != losses(tmp_path / "crops")
    made = set(cache.rglob("*.safetensors")) - before
    assert made, "the twins' were not taken"
    train(r, [sequences], tmp_path / "again", workers=0, cache=cache)
    assert set(cache.rglob("*.safetensors")) == before | made


def test_weights_are_of_sets_that_exist(base):
    with pytest.raises(InputError, match=r"no set 'kitti'; available: rendered, .*hypersim"):
        public(base, still_weights=(("kitti", 1.0),))
    with pytest.raises(InputError, match="0 or more"):
        public(base, clip_weights=(("vkitti", -1.0),))


def test_weights_are_given_on_the_command_line_name_by_name():
    options = ["--still-weights", "hypersim", "3", "rendered", "0.5", "--set-sizes", "vkitti", "176", "608"]
    parsed = tyro.cli(Recipe, default=RECIPES["dvd_depth_1_3b"](), args=options)
    assert parsed.still_weights == (("hypersim", 3.0), ("rendered", 0.5)) and parsed.set_sizes == (
        ("vkitti", 176, 608),
    )
    assert parsed.clip_weights == (("tartanair", 40), ("vkitti", 10))
