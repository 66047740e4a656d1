import json

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid.clip import InputError
from pellucid.evaluate import metrics

SEEDS = st.integers(0, 2**32 - 1)
HIGHER_IS_BETTER = {"delta_1.05", "delta_1.10", "delta_1.25", "delta_1.25^2", "delta_1.25^3"}
GOLDEN_NAMES = {
    "abs_rel": "abs_relative_difference",
    "sq_rel": "squared_relative_difference",
    "rmse": "rmse_linear",
    "rmse_log": "rmse_log",
    "log10": "log10",
    "delta_1.25": "delta1_acc",
    "delta_1.25^2": "delta2_acc",
    "delta_1.25^3": "delta3_acc",
    "i_rmse": "i_rmse",
    "silog": "silog_rmse",
    "relative_temporal_diff": "relative_temporal_diff",
}


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def random_depth(seed, shape=(3, 6, 7)):
    return np.random.default_rng(seed).uniform(0.5, 9, shape).astype(np.float32)


@given(SEEDS)
def test_an_oracle_scores_perfectly(seed):
    depth = random_depth(seed)
    for name, value in metrics.depth_metrics(depth, depth).items():
        assert value == (1 if name in HIGHER_IS_BETTER else 0), name


@given(SEEDS, st.floats(0.2, 5))
def test_scale_invariance(seed, scale):
    truth, prediction = random_depth(seed), random_depth(seed + 1)
    before = metrics.depth_metrics(prediction.astype(np.float64), truth.astype(np.float64))
    both = metrics.depth_metrics(prediction * np.float64(scale), truth * np.float64(scale))
    for name in ("abs_rel", "rmse_log", "log10", "silog", "relative_temporal_diff", *HIGHER_IS_BETTER):
        assert both[name] == pytest.approx(before[name], rel=1e-5), name
    for name in ("rmse", "mae", "sq_rel"):
        assert both[name] == pytest.approx(scale * before[name], rel=1e-6), name
    assert both["i_rmse"] == pytest.approx(before["i_rmse"] / scale, rel=1e-6)
    alone = metrics.depth_metrics(prediction * np.float64(scale), truth.astype(np.float64))
    assert alone["silog"] == pytest.approx(before["silog"], rel=1e-6)


def test_a_prediction_ten_percent_too_far_everywhere():
    truth = random_depth(0).astype(np.float64)
    result = metrics.depth_metrics(1.1 * truth, truth)
    assert result["abs_rel"] == pytest.approx(0.1)
    assert result["rmse_log"] == pytest.approx(np.log(1.1))
    assert result["log10"] == pytest.approx(np.log10(1.1))
    assert result["silog"] == pytest.approx(0, abs=1e-6)
    assert (result["delta_1.05"], result["delta_1.25"]) == (0, 1)
    assert result["mae"] == pytest.approx(0.1 * truth.mean())


def test_mask_scores_the_glass_alone():
    truth = random_depth(0)
    glass = np.zeros(truth.shape, bool)
    glass[:, 2:4, 2:4] = True
    prediction = np.where(glass, 2 * truth, truth)
    assert metrics.depth_metrics(prediction, truth, mask=glass)["abs_rel"] == pytest.approx(1)
    assert metrics.depth_metrics(prediction, truth, mask=~glass)["abs_rel"] == 0
    truth[:, 2, 2] = np.nan  # unknown inside the glass: not scored, whatever the prediction
    prediction[:, 2, 2] = -1
    assert metrics.depth_metrics(prediction, truth, mask=glass)["abs_rel"] == pytest.approx(1)


def test_frames_without_valid_pixels_are_skipped():
    truth, prediction = random_depth(0), random_depth(1)
    longer = np.concatenate([truth, np.full_like(truth[:1], np.inf)])
    padded = np.concatenate([prediction, prediction[:1]])
    assert metrics.depth_metrics(padded, longer) == metrics.depth_metrics(prediction, truth)


def test_one_frame_has_no_temporal_difference():
    depth = random_depth(0, (1, 4, 4))
    assert "relative_temporal_diff" not in metrics.depth_metrics(depth, depth)
    with pytest.raises(InputError, match="no two neighbouring frames"):
        metrics.relative_temporal_diff(depth, depth)


def test_flicker_is_a_temporal_difference_and_a_steady_error_is_none():
    truth = np.ones((6, 3, 3))
    flicker = truth * np.array([1, 1.1] * 3).reshape(-1, 1, 1)
    assert metrics.relative_temporal_diff(1.3 * truth, truth) == 0
    assert metrics.relative_temporal_diff(flicker, truth) == pytest.approx((3 * 0.1 + 2 * 0.1 / 1.1) / 5, rel=1e-5)


@pytest.mark.usefixtures("unchecked")
def test_depth_metrics_say_what_is_wrong():
    depth = random_depth(0)
    with pytest.raises(InputError, match="same shape"):
        metrics.depth_metrics(depth[1:], depth)
    with pytest.raises(InputError, match=r"mask .* must have the shape"):
        metrics.depth_metrics(depth, depth, mask=np.ones((1, 2, 2), bool))
    with pytest.raises(InputError, match="no pixel to score"):
        metrics.depth_metrics(depth, np.nan * depth)
    for bad in (0 * depth, np.nan * depth):
        with pytest.raises(InputError, match="finite and positive"):
            metrics.depth_metrics(bad, depth)


def test_golden_depth_metrics(golden):
    case = load_file(golden / "eval_dvd.safetensors")
    expected = json.loads((golden / "eval_dvd.json").read_text())["metrics"]
    result = metrics.depth_metrics(case["pred"], case["gt"], case["mask"])
    for ours, theirs in GOLDEN_NAMES.items():
        assert result[ours] == pytest.approx(expected[theirs], rel=1e-5), ours
    temporal = metrics.relative_temporal_diff(case["pred"], case["gt"], case["mask"])
    assert temporal == result["relative_temporal_diff"]


def step_clip(column):
    """A near and a far half that meet at the column, and the picture of it with the edge at column 8."""
    depth = np.where(np.arange(16) < column, 1.0, 2.0) * np.ones((2, 12, 1))
    rgb = np.where(np.arange(16) < 8, 0, 255).astype(np.uint8)[:, None] * np.ones((2, 12, 1, 3), np.uint8)
    return depth, rgb


def inside(shape):
    """Without the frame's border, where the released Sobel filter sees black."""
    valid = np.zeros(shape, bool)
    valid[:, 1:-1, 1:-1] = True
    return valid


def test_boundaries_match_within_one_pixel():
    for column, expected in ((8, 1), (9, 1), (7, 1), (12, 0), (3, 0)):
        depth, rgb = step_clip(column)
        result = metrics.dvd_boundary(depth, rgb, inside(depth.shape))
        assert result["dvd_boundary_precision"] == pytest.approx(expected, abs=1e-6)
        assert (result["dvd_boundary_recall"] > 0) == bool(expected)


def test_flat_depth_has_no_boundary():
    depth, rgb = step_clip(8)
    result = metrics.dvd_boundary(np.ones_like(depth), rgb)
    assert set(result.values()) == {0.0}


@pytest.mark.usefixtures("unchecked")
def test_boundaries_say_what_is_wrong():
    depth, rgb = step_clip(8)
    with pytest.raises(InputError, match="rgb must be"):
        metrics.dvd_boundary(depth, rgb[:1])
    with pytest.raises(InputError, match=r"valid .* must have the shape"):
        metrics.dvd_boundary(depth, rgb, np.ones((1, 2, 2), bool))
    with pytest.raises(InputError, match="finite and positive"):
        metrics.dvd_boundary(0 * depth, rgb)


def test_golden_boundaries(golden):
    case = load_file(golden / "eval_dvd.safetensors")
    expected = json.loads((golden / "eval_dvd.json").read_text())["metrics"]
    result = metrics.dvd_boundary(case["pred"], case["rgb"].transpose(0, 2, 3, 1), case["mask"])
    for name in ("boundary_precision", "boundary_recall", "boundary_f1"):
        assert result[f"dvd_{name}"] == pytest.approx(expected[name], rel=1e-5), name


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


@given(SEEDS, st.floats(0, 179))
@settings(deadline=None)
def test_normals_turned_by_a_known_angle(seed, angle):
    rng = np.random.default_rng(seed)
    truth = unit(rng.standard_normal((2, 4, 5, 3)))
    aside = unit(np.cross(truth, rng.standard_normal(truth.shape)))
    turned = np.cos(np.radians(angle)) * truth + np.sin(np.radians(angle)) * aside
    result = metrics.normal_metrics(3 * turned, truth)
    for name in ("mean", "median", "rmse"):
        assert result[name] == pytest.approx(angle, abs=1e-6)
    for name, limit in (("under_5", 5), ("under_7.5", 7.5), ("under_11.25", 11.25), ("under_22.5", 22.5)):
        if abs(angle - limit) > 1e-6:
            assert result[name] == (angle < limit)


def test_normals_are_scored_where_they_are_known():
    truth = unit(np.random.default_rng(0).standard_normal((2, 4, 5, 3)))
    prediction = truth.copy()
    prediction[0, 0] *= -1
    first = np.zeros(truth.shape[:3], bool)
    first[0, 0] = True
    assert metrics.normal_metrics(prediction, truth)["under_30"] == pytest.approx(1 - 5 / 40)
    assert metrics.normal_metrics(prediction, truth, mask=first)["mean"] == pytest.approx(180)
    assert metrics.normal_metrics(prediction, truth, ~first)["rmse"] == pytest.approx(0, abs=1e-6)
    truth[0, 0, :3], truth[0, 0, 3:] = np.nan, 0
    assert metrics.normal_metrics(prediction, truth)["mean"] == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("unchecked")
def test_normal_metrics_say_what_is_wrong():
    truth = unit(np.ones((1, 2, 2, 3)))
    with pytest.raises(InputError, match="one shape"):
        metrics.normal_metrics(truth[..., :2], truth)
    with pytest.raises(InputError, match=r"valid .* must have the shape"):
        metrics.normal_metrics(truth, truth, np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="no pixel to score"):
        metrics.normal_metrics(truth, 0 * truth)
    with pytest.raises(InputError, match="finite and not zero"):
        metrics.normal_metrics(0 * truth, truth)
