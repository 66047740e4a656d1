"""Ablations: what an arm is, resumed runs, and an order that is computed from the numbers."""

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from scipy import stats

from pellucid import GeometryPipeline, cli
from pellucid.clip import InputError, Prediction
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.evaluate.published import published_tables
from pellucid.evaluate.trend import agreement, order
from pellucid.model import dvd
from pellucid.predict.estimators import load_estimator
from pellucid.train import ablation_arms, ablation_run
from pellucid.train import run as training
from pellucid.train.ablation_clips import forth_and_back
from pellucid.train.ablation_page import in_words
from pellucid.train.ablation_request import AblationRequest
from pellucid.train.ablation_run import run_ablation
from pellucid.train.ablations import ABLATIONS, shared
from pellucid.train.recipes import RECIPES
from test_cli import failing

RECIPE = shared("nano", steps=20, seed=3)
VAE = {
    "base_dim": 8, "z_dim": 4, "dim_mult": [1, 1], "num_res_blocks": 1, "temperal_downsample": [False],
    "in_channels": 12, "out_channels": 12, "patch_size": 2, "latents_mean": [0.0] * 4, "latents_std": [1.0] * 4,
    "scale_factor_spatial": 4, "scale_factor_temporal": 1,
}  # fmt: skip
TRANSFORMER = {
    "num_attention_heads": 2, "attention_head_dim": 24, "in_channels": 4, "out_channels": 4, "text_dim": 8,
    "patch_size": [1, 2, 2], "freq_dim": 32, "ffn_dim": 48, "num_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A random pipeline of DVD's kind."""
    torch.manual_seed(0)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    networks = WanTransformer3DModel(**TRANSFORMER), AutoencoderKLWan(**VAE)
    folder = tmp_path_factory.mktemp("random") / "model"
    GeometryPipeline(*networks, scheduler, method="dvd", height=32, width=48, window=5, overlap=1).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def scenes(sequences, tmp_path_factory):
    """The small sequences, with a second held-out one."""
    root = tmp_path_factory.mktemp("scenes")
    shutil.copytree(sequences, root, dirs_exist_ok=True)
    shutil.copytree(root / "s00004", root / "s00015")
    camera = json.loads((root / "s00015" / "camera.json").read_text())
    (root / "s00015" / "camera.json").write_text(json.dumps(camera | {"seed": 15}))
    return root


@pytest.fixture
def small(monkeypatch):
    """Arms of two steps on tiny crops; the recipes that were trained."""
    tiny = {"sizes": ((32, 48),), "frames": (1, 5), "frame_weights": (1, 1), "batch_frames": 2, "mixed_precision": "no"}
    monkeypatch.setattr(ablation_run, "shared", lambda *given: replace(shared(*given), **tiny))
    trained = []

    def counted(recipe, *arguments, **options):
        trained.append(recipe)
        training.train(recipe, *arguments, **options)

    monkeypatch.setattr(ablation_arms, "train", counted)
    return trained


def load(name, settings):
    return load_estimator(name, **settings)


def knowing(scenes, error):
    """A `load` of estimators that know the truth of the held-out frames, but for an error of this size by settings."""
    truth = {}
    for sequence in find_sequences([scenes], "held-out"):
        clip = read_sequence(sequence)
        truth |= {frame.tobytes(): 1 / depth for frame, depth in zip(clip.rgb, clip.depth, strict=True)}

    def loaded(_, settings):
        def estimate(rgb):
            values = np.stack([truth[frame.tobytes()] for frame in rgb])
            checks = np.indices(values.shape).sum(axis=0) % 2
            return Prediction(quantity="disparity", invariance="affine", values=values * (1 + error(settings) * checks))

        estimate.receipt = lambda: {"error": error(settings)}
        return estimate

    return loaded


@pytest.mark.parametrize(
    ("name", "varied"),
    [
        ("lora", {"lora_rank", "lora_alpha", "learning_rate"}),
        ("rank", {"lora_rank", "lora_alpha"}),
        ("tau", {"tau"}),
        ("gradients", {"spatial_weight", "temporal_weight"}),
        ("joint", {"frames", "frame_weights"}),
        ("method", {"method"}),
    ],
)
def test_arms_differ_in_what_is_varied_and_in_nothing_else(name, varied):
    recipes = [asdict(arm.recipe) for arm in ABLATIONS[name].arms(RECIPE, 256)]
    assert {key for key in recipes[0] if any(r[key] != recipes[0][key] for r in recipes)} == varied
    assert all(r["seed"] == 3 and r["steps"] == 20 and r["base"] == "nano" for r in recipes)
    assert len({json.dumps(r) for r in recipes}) == len(recipes)


@pytest.mark.parametrize("name", list(ABLATIONS))
def test_printed_rows_are_in_the_papers_tables(name):
    ablation = ABLATIONS[name]
    tables = [t for t in published_tables() if t.paper == ablation.paper and t.table in ablation.tables]
    printed = {method for t in tables for method, _ in t.rows}
    arms = ablation.arms(RECIPE, 1536)
    assert len({t.table for t in tables}) == len(ablation.tables)
    named = {arm.printed for arm in arms if arm.printed}
    assert len(named & printed) >= 2 if tables else not named
    if name != "tau":  # of tau, each table has other values
        assert named <= printed
    assert len({arm.name for arm in arms}) == len(arms)


def test_ranks_follow_the_width_as_the_papers_do():
    assert {a.printed: a.recipe.lora_rank for a in ABLATIONS["rank"].arms(RECIPE, 1536)} == {
        "": 48, "rank 256": 256, "rank 512": 512, "rank 1024": 1024,
    }  # fmt: skip


def test_two_settings_are_told_apart_as_by_a_paired_t_test():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.5, 1.0, 2.0):
        x, y = rng.normal(size=8).tolist(), (rng.normal(size=8) + shift).tolist()
        found = order({"x": x, "y": y})
        assert found.tells("x", "y") == (stats.ttest_rel(x, y).pvalue < 0.05)
    assert order({"x": [1.0, 5.0, 3.0], "y": [2.0, 6.0, 4.0]}).tells("x", "y"), "what seeds share is no noise"


def test_an_order_knows_its_best_and_what_equals_it():
    found = order({"a": [3.0, 3.2], "b": [1.0, 1.1], "c": [1.1, 1.0]})
    assert list(found.means) == ["b", "c", "a"] and (found.best, found.equals_of_best) == ("b", ["c"])
    assert order({"a": [0.5, 0.6], "b": [0.9, 0.8]}, "higher").best == "b"
    alone = order({"a": [3.0], "b": [1.0]})
    assert alone.least is None and not alone.tells("a", "b")
    with pytest.raises(ValueError, match="same number"):
        order({"a": [], "b": []})


def test_agreement_counts_the_pairs_that_both_tell_apart():
    ours = order({"a": [1.0, 1.1], "b": [2.0, 2.1], "c": [2.05, 2.03], "ours alone": [0.0, 0.1]})
    alike = agreement(ours, {"a": 7.0, "b": 8.0, "c": 9.0})
    assert alike.same == [("a", "c"), ("a", "b")] and not alike.opposite and alike.untold == 1
    assert (alike.verdict, alike.best) == ("agrees", "a") and alike.rank_correlation == pytest.approx(0.5)
    assert agreement(ours, {"a": 9.0, "b": 8.0, "c": 8.0}).verdict == "disagrees"
    assert agreement(ours, {"a": 8.0, "b": 9.0, "c": 7.0}).verdict == "agrees in part"
    assert agreement(ours, {"b": 8.0, "c": 9.0}).verdict == "cannot be told"
    assert agreement(ours, {"a": 0.7, "b": 0.8, "c": 0.8}, "higher").verdict == "disagrees"
    assert agreement(ours, {"a": 8.0}) is None


def test_the_weights_of_the_gradient_losses_are_the_recipes():
    z = torch.randn(1, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    terms = dvd.loss(lambda x, _: x, z, 2 * z, 0.3, 0.25, 2.0)
    want = terms["mse"] + 0.25 * (terms["grad_h"] + terms["grad_w"]) + 2 * terms["grad_t"]
    torch.testing.assert_close(terms["loss"], want)
    for wrong in ({"tau": 0.0}, {"tau": 1.1}, {"spatial_weight": -1.0}):
        with pytest.raises(InputError, match="must be"):
            replace(RECIPES["nano_dvd"](), **wrong)


def test_a_trained_pipeline_works_at_the_tau_of_its_recipe(base, scenes, tmp_path, small, monkeypatch):
    recipe = replace(ablation_run.shared(str(base), 2, 0), tau=0.25)
    ablation_arms.train(recipe, [scenes], tmp_path / "run", workers=0)
    assert small == [recipe]
    pipe = GeometryPipeline.from_pretrained(tmp_path / "run" / "model").to(torch.float32)
    seen = []
    monkeypatch.setattr(pipe.transformer, "forward", lambda x, t, *_, **__: (seen.append(t.unique().item()), (x,))[1])
    pipe(np.zeros((1, 32, 48, 3), np.uint8))
    assert seen == [250.0]


def test_an_ablation_trains_each_arm_once_and_goes_on_where_it_was_killed(
    base, scenes, tmp_path, small, capsys, monkeypatch
):
    given = {"ablation": "joint", "data": (scenes,), "base": str(base), "steps": 2, "clips": 1, "frames": 5}
    request = AblationRequest(out=tmp_path / "killed", **given)
    export = training.export

    def killed(recipe, *arguments):
        if len(small) == 2:
            raise KeyboardInterrupt
        export(recipe, *arguments)

    monkeypatch.setattr(training, "export", killed)
    with pytest.raises(KeyboardInterrupt):
        run_ablation(request, load)
    monkeypatch.setattr(training, "export", export)
    files, left_out = run_ablation(request, load)
    lengths = [r.frames for r in small]
    assert lengths == [(1, 5), (5,), (5,), (1,), (1, 5), (5,), (1,)], "the second arm is gone on with, the first is not"
    assert "joint: 6 of 6: stills alone, seed 1" in capsys.readouterr().err
    pages = [file.read_text() for file in files]
    assert run_ablation(request, load) == (files, {}) and len(small) == 7 and not left_out
    assert [file.read_text() for file in files] == pages
    assert not list(tmp_path.rglob("checkpoint-*"))
    result = json.loads(files[0].read_text())
    means = result["orders"]["abs_rel"]["means"]
    assert list(means.values()) == sorted(means.values())
    for arm in result["arms"]:
        assert means[arm["name"]] == pytest.approx(np.mean([s["abs_rel"] for s in arm["scores"]]))
        assert len(arm["scores"]) == 2 and f"| {arm['name']} | {100 * means[arm['name']]:.2f} ±" in pages[1]
    assert "Their best is stills and clips, ours is" in pages[1] and "**cannot be told**" in pages[1]
    assert "the base as it is" in pages[1] and "no numbers of it are known to us" in pages[1]
    assert pages[2] == f"# Ablations\n\n{pages[1]}"
    whole, _ = run_ablation(AblationRequest(out=tmp_path / "whole", **given), load)
    assert json.loads(whole[0].read_text())["arms"] == result["arms"]


@pytest.mark.parametrize(
    ("means", "equals", "verdict"),
    [
        ({"steps 5": 1.0, "steps 1": 2.0}, [], "is ours, and every other is worse beyond the noise: **agrees**"),
        (
            {"steps 1": 1.0, "steps 5": 2.0},
            [],
            "and the difference is beyond the noise: **disagrees**",
        ),
        ({"steps 1": 1.0, "steps 5": 2.0}, ["steps 5"], "but not beyond the noise: **cannot be told**"),
        ({"steps 5": 1.0, "steps 1": 2.0}, ["steps 1"], "but not beyond the noise: **cannot be told**"),
        ({"steps 1": 1.0, "steps 2": 2.0}, [], "is left out here"),
    ],
)
def test_the_best_in_the_papers_words_is_judged_by_our_order(means, equals, verdict):
    found = {"means": means, "least": 0.1, "best": next(iter(means)), "equals_of_best": equals}
    assert verdict in in_words("steps 5", {"orders": {"abs_rel": found}})


def test_dkt_and_lora_arms_train_from_a_dvd_base(base, scenes, tmp_path, small):
    request = AblationRequest(
        ablation="method", data=(scenes,), out=tmp_path, base=str(base), steps=1, seeds=1, clips=1, frames=5
    )
    files, left_out = run_ablation(request, load)
    assert not left_out and [r.method for r in small] == ["dvd", "dkt"] and small[0].lora_rank == 16
    text = files[1].read_text()
    assert "one repetition, so the noise is not known" in text and "**cannot be told**" in text and "9.70" in text


def test_windows_are_compared_over_clips_and_beside_the_paper(scenes, tmp_path):
    request = AblationRequest(ablation="overlap", data=(scenes,), out=tmp_path, frames=10)
    better = knowing(scenes, lambda settings: 0.3 / settings["overlap"])
    files, _ = run_ablation(request, better)
    result = json.loads(files[0].read_text())
    assert result["frames"] == 10 and len(result["clips"]) == 2 and result["repeated_over"] == "clips"
    (table,) = result["published"]
    assert table["verdict"] == "agrees" and table["rank_correlation"] == pytest.approx(1)
    assert "the order **agrees**" in files[1].read_text() and "best is overlap 19 in both" in files[1].read_text()
    worse = knowing(scenes, lambda settings: settings["overlap"] / 100)
    files, _ = run_ablation(replace(request, frames=2), worse)
    assert "the order **disagrees**" in files[1].read_text()


def test_an_arm_that_fails_is_left_out_and_said(scenes, tmp_path, capsys):
    request = AblationRequest(ablation="overlap", data=(scenes,), out=tmp_path, frames=2)

    def broken(name, settings):
        if settings["overlap"] == 9:
            raise InputError("the network gave values that are not finite")
        return knowing(scenes, lambda settings: 0.3 / settings["overlap"])(name, settings)

    files, left_out = run_ablation(request, broken)
    assert left_out == {"overlap 9": "the network gave values that are not finite"}
    assert "overlap 9, seed 0: the network gave" in capsys.readouterr().err
    assert "Left out: overlap 9" in files[1].read_text() and "| overlap 9 |" not in files[1].read_text()


def test_a_short_clip_is_played_forth_and_back(scenes):
    sequence = find_sequences([scenes], "held-out")[0]
    clip = read_sequence(sequence, 0, 3)
    longer = forth_and_back(lambda: clip, 8)
    for given, got in ((clip.rgb, longer.rgb), (clip.depth, longer.depth)):
        np.testing.assert_array_equal(got, given[[0, 1, 2, 1, 0, 1, 2, 1]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ablation", "taus"], "there is no ablation 'taus'; available: lora, rank, steps, tau"),
        (["--ablation=tau", "--seeds", "0"], "--seeds 0: must be at least 1"),
        (["--ablation", "tau", "--resolution", "big"], "such as 480x832"),
        (["--ablation", "tau", "--benchmark", "kitti"], "--benchmark"),
        (["--ablation", "tau", "--base", "no-such"], "no model is called 'no-such'"),
        (["--ablation", "steps", "--base", "nano"], "is a model of dvd for disparity; this ablation takes one of dkt"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, arguments, words):
    assert words in failing(capsys, "evaluate", *arguments, "--data", str(tmp_path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_missing_data_is_one_line(capsys, tmp_path):
    line = failing(
        capsys, "evaluate", "--ablation", "tau", "--data", str(tmp_path / "no"), "--out", str(tmp_path / "o")
    )
    assert "no such folder" in line
    assert "no held-out sequences" in failing(
        capsys, "evaluate", "--ablation", "tau", "--data", str(tmp_path), "--out", str(tmp_path / "o")
    )


def test_help_says_what_can_be_varied(capsys):
    assert cli.main(["evaluate", "--ablation", "tau", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in (*ABLATIONS, "--seeds N", "--base NAME|DIR", "ablations.md"))
