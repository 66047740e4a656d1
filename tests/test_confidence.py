"""The expected error: views and spreads by closed forms, calibration by known noise, the command end to end."""

import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pellucid import cli
from pellucid.clip import InputError, Prediction
from pellucid.grasp.estimates import estimate, kept_estimate
from pellucid.model.pipeline import Settings
from pellucid.predict import run
from pellucid.predict.calibration import Calibration, comparable, fit_curve, load_calibration, save_calibration
from pellucid.predict.confidence import warnings
from pellucid.predict.estimators import load_estimator
from pellucid.predict.model import find
from pellucid.predict.spread import spreads
from pellucid.predict.views import VIEWS
from pellucid.store import load_prediction
from pellucid.video import VideoWriter, open_source, stream
from pellucid.visualize import colorize_error
from test_pipeline import tiny

pytestmark = pytest.mark.usefixtures("one_thread")

RNG = np.random.default_rng(0)
H, W, T = 48, 64, 11


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name in ("dvd", "dkt"):
        tiny(name).save_pretrained(root / name)
        calibrate(root / name)
    tiny("dvd").save_pretrained(root / "bare")
    tiny("dkt", "normals").save_pretrained(root / "normals")
    return root


def calibrate(folder: Path, **changes: object) -> Calibration:
    model = find(str(folder))
    calibration = Calibration(
        weights_sha256=model.weights_sha256, views=tuple(view.name for view in VIEWS),
        settings=comparable(Settings().completed(model.config)), clips=7, spreads=(0.0, 1.0), errors=(0.01, 0.5),
    )  # fmt: skip
    calibration = replace(calibration, **changes)
    save_calibration(folder, calibration)
    return calibration


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    with VideoWriter(path, H, W, Fraction(25)) as writer:
        for _ in range(T):
            writer.write(cv2.resize(RNG.integers(0, 255, (4, 6, 3), np.uint8), (W, H))[None])
    return path


def predict(*arguments: object) -> int:
    return cli.main(["predict", *map(str, arguments)])


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_and_back_is_where_it_began(view):
    rgb = RNG.integers(0, 255, (2, 40, 70, 3), np.uint8)
    shown = view.of(rgb)
    assert shown.shape == rgb.shape and shown.dtype == np.uint8 and not np.array_equal(shown, rgb)
    back = view.back(shown[..., 0].astype(np.float32))
    seen = np.isfinite(back)
    assert seen.mean() == (1 if view.mirrored else pytest.approx(39 / 40 * 68 / 70))
    np.testing.assert_array_equal(back[seen], rgb[..., 0][seen])


def test_together_the_views_show_every_pixel_and_begin_from_noise_of_their_own():
    maps = np.zeros((1, 16, 16), np.float32)
    assert np.isfinite([view.back(maps) for view in VIEWS]).any(axis=0).all()
    assert len({view.settings(Settings(seed=5)).seed for view in VIEWS} | {5}) == 1 + len(VIEWS)


def test_views_that_agree_up_to_scale_and_shift_have_no_spread():
    values = RNG.uniform(0, 1, (3, 20, 30)).astype(np.float32)
    hidden = values.copy()
    hidden[:, :2] = np.nan
    views = [values * 3 - 1, hidden * 0.2 + 7]
    for spread in spreads(lambda: ((frame, [view[t] for view in views]) for t, frame in enumerate(values))):
        np.testing.assert_allclose(spread, 0, atol=1e-5)


def test_the_spread_is_that_of_depth_in_a_scene_three_times_as_deep_as_near():
    """Where disparity is off by d, and near a nearest surface of 1 m, depth is off by d to first order."""
    ramp = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (60, 1))
    off = 0.01 * np.where(np.indices(ramp.shape).sum(axis=0) % 2, 1, -1).astype(np.float32)
    low, high = np.percentile(ramp, (1, 99))
    true = 1 / 3 + (ramp - low) / (high - low) * 2 / 3  # 1/m
    expected = np.abs(1 / (true * (1 + 1e-9)) - 1 / (true + off * 2 / 3 / (high - low))) * true
    spread = next(spreads(lambda: iter([(ramp, [ramp + off, ramp - off])])))
    inside = np.s_[:, 5:-5]
    np.testing.assert_allclose(spread[inside], expected[inside], rtol=0.03)


def test_the_curve_is_the_mean_error_at_a_spread():
    spread = RNG.uniform(0, 1, 40_000)
    error = np.abs(RNG.normal(0, 0.1 * spread))  # of mean 0.1 sqrt(2 / pi) times the spread
    knots, errors = fit_curve([spread], [error])
    assert np.all(np.diff(knots) > 0) and np.all(np.diff(errors) >= 0)
    found = Calibration(weights_sha256="", views=(), settings={}, clips=1, spreads=knots, errors=errors)
    at = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(found.expected_error(at), 0.1 * np.sqrt(2 / np.pi) * at, rtol=0.08, atol=5e-4)
    assert found.expected_error(np.array([-1.0, 9.0])).tolist() == pytest.approx([errors[0], errors[-1]])


def test_the_curve_never_falls_and_clips_weigh_alike():
    spread = np.arange(1000) / 1000
    _, errors = fit_curve([spread], [1 - spread])
    np.testing.assert_allclose(errors, 0.5005, atol=1e-9)  # one pool
    large, small = np.full(9000, 0.2), np.full(10, 0.2)
    _, errors = fit_curve([large, small, np.empty(0)], [large * 0, small * 0 + 1, np.empty(0)])
    assert errors == pytest.approx([0.5])
    with pytest.raises(InputError, match="no pixel to calibrate on"):
        fit_curve([np.empty(0)], [np.empty(0)])


def test_error_colours_have_one_scale():
    shown = colorize_error(np.array([[[0.0, 0.15, 0.3, 2.0, np.nan]]], np.float32))[0, 0]
    assert shown[0].sum() < 20 and np.array_equal(shown[2], shown[3]) and shown[2].sum() > 500
    assert shown[0].sum() < shown[1].sum() < shown[2].sum() and shown[4].tolist() == [128, 128, 128]


@pytest.mark.parametrize("model", ["dvd", "dkt"])
def test_the_command_writes_what_the_estimator_says(models, clip, tmp_path, capsys, model):
    assert predict(clip, "--out", tmp_path, "--model", models / model, "--confidence", "--save", "npz,npy,mp4") == 0
    assert "expected relative error" in capsys.readouterr().err
    folder = tmp_path / "clip"
    assert not (folder / ".partial").exists()
    found = load_prediction(folder)
    np.testing.assert_array_equal(found.values, np.load(folder / "prediction.npy"))
    assert found.expected_error.shape == found.values.shape == (T, H, W)
    assert found.expected_error.min() >= 0.01 and found.expected_error.max() <= 0.5 and np.ptp(found.expected_error) > 0
    content = json.loads((folder / "prediction.json").read_text())
    report = content["confidence"]
    assert "|depth - truth| / truth" in report["meaning"] and report["calibrated_on_clips"] == 7
    assert report["mean"] == pytest.approx(found.expected_error.mean(), rel=1e-4)
    assert content["seconds"]["views"] > 0 and not any("calibrated" in words for words in content["warnings"])
    preview = open_source(folder / "preview.mp4")
    assert (preview.width, preview.height, preview.num_frames) == (3 * W, H, T)

    rgb = np.concatenate(list(stream(open_source(clip))))
    estimator = load_estimator(str(models / model), device="cpu", confidence=True)
    prediction = estimator(rgb)
    np.testing.assert_array_equal(prediction.values, found.values)
    np.testing.assert_allclose(prediction.expected_error, found.expected_error, rtol=1e-5, atol=1e-6)
    assert json.loads(json.dumps(estimator.receipt()))["calibration"]["clips"] == 7
    plain = load_estimator(str(models / model), device="cpu")
    assert plain(rgb[:5]).expected_error is None and "calibration" not in plain.receipt()


def test_interrupted_in_any_pass_the_result_is_that_of_one_run(models, clip, tmp_path, monkeypatch):
    given = (clip, "--model", models / "dvd", "--confidence", "--save", "npz", "--out")
    assert predict(*given, tmp_path / "whole") == 0
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(run, "CHUNK", 6)
    from pellucid.model.streams import DVDStream

    honest, pushes = DVDStream.push, []

    def interrupted(self, rgb):
        pushes.append(len(rgb))
        if len(pushes) % 3 == 0:
            raise KeyboardInterrupt
        return honest(self, rgb)

    monkeypatch.setattr(DVDStream, "push", interrupted)
    statuses = [predict(*given, tmp_path / "parts")]
    while statuses[-1] == 130 and len(statuses) < 9:
        statuses.append(predict(*given, tmp_path / "parts"))
    assert statuses == [130, 130, 130, 0]  # four passes of two chunks, two chunks a run
    whole, parts = (load_prediction(tmp_path / name / "clip") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.values, parts.values)
    np.testing.assert_array_equal(whole.expected_error, parts.expected_error)
    assert not (tmp_path / "parts/clip/.partial").exists()


def test_with_and_without_are_two_results(models, clip, tmp_path, capsys):
    given = (clip, "--out", tmp_path, "--model", models / "dvd", "--save", "npz")
    assert predict(*given) == 0
    without = load_prediction(tmp_path / "clip")
    assert without.expected_error is None
    assert predict(*given, "--confidence") == 0
    np.testing.assert_array_equal(load_prediction(tmp_path / "clip").values, without.values)
    assert load_prediction(tmp_path / "clip").expected_error is not None
    capsys.readouterr()
    assert predict(*given, "--confidence") == 0
    assert "skipped" in capsys.readouterr().err
    assert predict(*given) == 0
    assert load_prediction(tmp_path / "clip").expected_error is None


def test_in_metres_the_expected_error_is_that_of_the_shape(models, clip, tmp_path):
    given = (clip, "--model", models / "dvd", "--save", "npz", "--out")
    metres = ("--metric", "plane", "--plane", "0,0.6,0.8,0.5", "--fov", 60, "--tolerance", 5)
    assert predict(*given, tmp_path / "both", "--confidence", *metres) == 0
    assert predict(*given, tmp_path / "error", "--confidence") == 0
    assert predict(*given, tmp_path / "metres", *metres) == 0
    both, error, depth = (load_prediction(tmp_path / name / "clip") for name in ("both", "error", "metres"))
    np.testing.assert_array_equal(both.values, depth.values)
    np.testing.assert_array_equal(both.expected_error, error.expected_error)
    contents = [json.loads((tmp_path / name / "clip/prediction.json").read_text()) for name in ("both", "metres")]
    assert "in scale and shift comes on top" in contents[0]["confidence"]["meaning"]
    assert contents[0]["metric"] == contents[1]["metric"] and contents[0]["key"] != contents[1]["key"]
    assert not (tmp_path / "both/clip/.partial").exists()


def test_the_calibration_and_a_completion_network_decide_nothing_of_the_answers(models, tmp_path):
    shutil.copytree(models / "bare", tmp_path / "model")
    shutil.copytree(models / "bare/vae", tmp_path / "model/completion")
    shutil.copy(models / "dvd/confidence.json", tmp_path / "model")
    bare, beside = find(str(models / "bare")), find(str(tmp_path / "model"))
    assert (bare.configs_sha256, bare.weights_sha256) == (beside.configs_sha256, beside.weights_sha256)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("bare", (), r"bare: its confidence is not calibrated; measure it .* `python benchmarks/confidence\.py --fit"),
        ("normals", (), "is of depth, not of normals"),
        ("dvd", ("--task", "normal"), "is of depth, not of normals"),
        ("dvd", ("--save", "mp4"), "is written into npz; add npz to --save mp4"),
    ],
)
def test_what_has_no_expected_error_is_one_line(models, clip, tmp_path, capsys, model, options, message):
    assert predict(clip, "--out", tmp_path / "out", "--model", models / model, "--confidence", *options) == 2
    err = capsys.readouterr().err
    assert len([line for line in err.splitlines() if "error:" in line]) == 1
    assert not (tmp_path / "out").exists()
    assert re.search(message, err)


def test_a_calibration_of_something_else_is_refused(tmp_path):
    tiny("dvd").save_pretrained(tmp_path / "model")
    model = find(str(tmp_path / "model"))
    made = calibrate(tmp_path / "model")
    assert load_calibration(model) == made
    for changes in ({"weights_sha256": "0"}, {"views": ("mirrored",)}):
        calibrate(tmp_path / "model", **changes)
        with pytest.raises(InputError, match="was made for other weights or views; measure it"):
            load_calibration(model)
    (tmp_path / "model/confidence.json").write_text(json.dumps({"views": []}))
    with pytest.raises(InputError, match="is no calibration"):
        load_calibration(model)
    with pytest.raises(InputError, match=r"moge: .*leave out confidence"):
        load_estimator("moge", confidence=True)


def test_other_settings_than_those_of_the_calibration_are_told(models):
    model = find(str(models / "dvd"))
    calibration, settings = load_calibration(model), Settings().completed(model.config)
    assert warnings(calibration, replace(settings, seed=9)) == []
    (words,) = warnings(calibration, replace(settings, window=5))
    assert f"window 5 instead of {settings.window}" in words


def test_grasping_keeps_the_expected_error_of_what_it_asked_once(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), RNG.integers(0, 255, (20, 30, 3), np.uint8))
    values = RNG.uniform(0, 1, (1, 20, 30)).astype(np.float32)
    said = Prediction(quantity="disparity", invariance="affine", values=values, expected_error=values / 9)
    estimate(lambda _: said, [tmp_path / "a.png"], tmp_path / "kept", lambda: None)
    np.testing.assert_array_equal(kept_estimate(tmp_path / "kept", tmp_path / "a.png").expected_error, values / 9)


def test_nano_is_calibrated():
    """Its weights and its calibration go together: after training it anew, `benchmarks/confidence.py --fit`."""
    calibration = load_calibration(find("nano"))
    assert calibration.clips > 30 and 0 < calibration.errors[0] < calibration.errors[-1] < 1
    assert calibration.settings == comparable(Settings().completed(find("nano").config))
