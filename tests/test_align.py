import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid.align import (
    Seam,
    align_disparity,
    depth_from_disparity,
    fit_scale_shift,
    fit_scale_shift_robust,
    spread,
)
from pellucid.clip import InputError

SCALES = st.floats(0.1, 10)
SHIFTS = st.floats(-5, 5)
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(SCALES, SHIFTS, SEEDS)
def test_any_line_is_found(scale, shift, seed):
    source = np.random.default_rng(seed).random((3, 8, 9))
    for fit in (fit_scale_shift, fit_scale_shift_robust):
        np.testing.assert_allclose(fit(source, scale * source + shift), (scale, shift), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 3), st.floats(-1, 1), SEEDS, st.booleans())
def test_robust_fit_stands_many_wrong_pixels(scale, shift, seed, coherent):
    rng = np.random.default_rng(seed)
    source = rng.random((4, 40, 40))
    target = scale * source + shift
    wrong = rng.random(source.shape) < (0.4 if coherent else 0.6)
    target[wrong] = (1.6 * scale * source + shift + 0.5)[wrong] if coherent else shift + 2 * rng.random(wrong.sum())
    a, b = fit_scale_shift_robust(source, target, tolerance=0.02)
    np.testing.assert_allclose((a, b), (scale, shift), atol=0.01)


def test_robust_fit_is_deterministic_and_thins():
    rng = np.random.default_rng(0)
    source = rng.random((9, 200, 300))
    target = 2 * source + 1 + 0.01 * rng.standard_normal(source.shape)
    first = fit_scale_shift_robust(source, target)
    assert first == fit_scale_shift_robust(source, target)
    np.testing.assert_allclose(first, (2, 1), atol=1e-3)


def test_robust_scale_is_positive():
    source = np.linspace(0, 1, 100)
    scale, shift = fit_scale_shift_robust(source, 1 - source)
    assert scale > 0
    assert np.isfinite(shift)


def test_constant_source_gives_scale_one_and_the_mean_difference():
    constant, target = np.full(1001, 0.1, np.float32), np.linspace(2, 3, 1001)
    assert fit_scale_shift(constant, target) == pytest.approx((1, 2.4))
    assert fit_scale_shift_robust(constant, target) == pytest.approx((1, 2.4), abs=0.5)


def test_weights_count_pixels():
    source, target = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0])
    repeated = fit_scale_shift(source[[0, 1, 2, 2]], target[[0, 1, 2, 2]])
    np.testing.assert_allclose(fit_scale_shift(source, target, weights=np.array([1.0, 1.0, 2.0])), repeated)
    valid = np.array([True, True, False])
    np.testing.assert_allclose(fit_scale_shift(source, target, valid, np.array([1.0, 3.0, 2.0])), (1, 0), atol=1e-12)


def test_sums_are_float64():
    source = (1000 + np.linspace(0, 1e-1, 100_000)).astype(np.float32)
    scale, shift = fit_scale_shift(source, 2 * source)
    np.testing.assert_allclose((scale, shift), (2, 0), atol=1e-6)


@given(SCALES, SHIFTS, SEEDS)
@settings(deadline=None)
def test_alignment_undoes_any_scale_and_shift(scale, shift, seed):
    depth = np.random.default_rng(seed).uniform(0.5, 20, (2, 6, 7)).astype(np.float32)
    prediction = (scale / depth.astype(np.float64) + shift).astype(np.float64)
    aligned = align_disparity(prediction, depth, positive_only=False)
    np.testing.assert_allclose(aligned, depth, rtol=1e-5)


def test_alignment_leaves_out_what_is_unknown():
    depth = np.random.default_rng(0).uniform(1, 5, (2, 6, 7)).astype(np.float32)
    prediction = 1 / depth
    depth[0, 0, :3] = (np.nan, np.inf, 0)
    prediction[0, 0, :3] = np.nan
    valid = np.ones(depth.shape, bool)
    valid[1, 2] = False
    prediction[1, 2] = 7
    aligned = align_disparity(prediction, depth, valid, min_depth=1.5, max_depth=4.0)
    known = np.isfinite(prediction) & valid
    np.testing.assert_allclose(aligned[known], depth[known].clip(1.5, 4), rtol=1e-5)


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("unchecked")
def test_alignment_says_what_is_wrong():
    ones = np.ones((1, 2, 2), np.float32)
    with pytest.raises(InputError, match="same shape"):
        align_disparity(ones, np.ones((1, 2, 3), np.float32))
    with pytest.raises(InputError, match=r"valid .* must have the shape"):
        align_disparity(ones, ones, np.ones((2, 2, 2), bool))
    with pytest.raises(InputError, match="no pixel to align on"):
        align_disparity(ones, ones, np.zeros(ones.shape, bool))
    with pytest.raises(InputError, match="NaN"):
        align_disparity(np.nan * ones, ones)
    with pytest.raises(InputError, match="min_depth"):
        align_disparity(ones, ones, min_depth=3.0, max_depth=2.0)
    with pytest.raises(InputError, match="no valid pixel"):
        fit_scale_shift(ones, ones, np.zeros(ones.shape, bool))
    with pytest.raises(InputError, match="weights"):
        fit_scale_shift(ones, ones, weights=0 * ones)


def test_spread_and_the_flag_of_a_seam():
    assert spread(np.linspace(0, 2, 1001)) == pytest.approx(1.8)
    assert spread(np.zeros(5)) == 0.01
    assert not Seam(start=5, overlap=2, scale=1.0, shift=0.0, residual=0.01).large
    assert Seam(start=5, overlap=2, scale=1.0, shift=0.0, residual=0.2).large


def test_golden_dkt(golden):
    case = load_file(golden / "eval_dkt.safetensors")
    depth, prediction, mask = case["gt_depth"], case["pred_disparity"].astype(np.float64), case["mask"]
    scale, shift = fit_scale_shift(prediction, depth, mask)
    np.testing.assert_allclose((scale, shift), (case["scale"][0], case["shift"][0]), rtol=1e-6)
    np.testing.assert_allclose(scale * prediction + shift, case["aligned"], rtol=1e-6)
    metric = align_disparity(prediction[None], depth[None], mask[None])[0]
    np.testing.assert_allclose(metric, case["metric_depth"], rtol=1e-6)
    other = depth_from_disparity(case["other_disparity"], case["md_scale"][0], case["md_shift"][0])
    np.testing.assert_allclose(other, case["other_depth"], rtol=1e-6)


def test_golden_dvd(golden):
    case = load_file(golden / "eval_dvd.safetensors")
    prediction, disparity, mask = case["pred_disparity"], case["gt_disparity"], case["mask"]
    scale, shift = fit_scale_shift(prediction, disparity, mask)
    np.testing.assert_allclose((scale, shift), (case["scale"][0], case["shift"][0]), rtol=1e-5)
    np.testing.assert_allclose(scale * prediction + shift, case["aligned"], rtol=1e-5)
    aligned = align_disparity(prediction, case["gt"], mask)
    np.testing.assert_allclose(aligned, case["depth_from_aligned"], rtol=1e-5)
