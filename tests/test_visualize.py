"""Colours against the released code's tables, and ranges that do not depend on how a stream is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid.visualize import RangeEstimator, colorize_disparity, colorize_normals, side_by_side


def test_colours_are_the_released_codes(golden):
    case = load_file(golden / "eval_dkt.safetensors")
    shares = case["color_input"][None]
    np.testing.assert_array_equal(colorize_disparity(shares, 0.0, 1.0)[0], case["color"])
    np.testing.assert_array_equal(colorize_disparity(1 - shares, 0.0, 1.0)[0], case["color_reversed"])
    table = colorize_disparity((np.arange(256)[None, None] + 0.5) / 256, 0.0, 1.0)[0, 0]
    np.testing.assert_array_equal(table, case["lut_spectral"])


def test_the_range_is_stretched_and_its_ends_hold_what_lies_beyond():
    disparity = np.array([[[-np.inf, 2, 3, 6, 7, np.inf, np.nan]]], np.float32)
    colors = colorize_disparity(disparity, 2.0, 6.0)[0, 0]
    ends = colorize_disparity(np.array([[[0, 0.25, 1]]]), 0.0, 1.0)[0, 0]
    np.testing.assert_array_equal(colors[:6], ends[[0, 0, 1, 2, 2, 2]])
    np.testing.assert_array_equal(colors[6], 0)


def test_a_flat_clip_has_one_colour_and_a_bad_range_is_refused():
    flat = colorize_disparity(np.full((2, 3, 4), 5.0), 5.0, 5.0)
    assert (flat == flat[0, 0, 0]).all()
    for low, high in ((1.0, 0.0), (np.nan, 1.0), (0.0, np.inf)):
        with pytest.raises(ValueError, match="colour range"):
            colorize_disparity(np.zeros((1, 1, 1)), low, high)


def test_normals_have_the_usual_colours():
    normals = np.array([[[[0, 0, -1], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, np.nan]]]], np.float32)
    expected = [[128, 128, 255], [255, 128, 128], [128, 255, 128], [0, 128, 128], [0, 0, 0]]
    np.testing.assert_array_equal(colorize_normals(normals)[0, 0], expected)


def test_side_by_side_keeps_both():
    left, right = np.full((2, 4, 3, 3), 1, np.uint8), np.full((2, 4, 5, 3), 2, np.uint8)
    both = side_by_side(left, right)
    np.testing.assert_array_equal(both[:, :, :3], left)
    np.testing.assert_array_equal(both[:, :, 3:], right)


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 1300), max_size=8))
def test_the_range_does_not_depend_on_the_chunks(cuts):
    clip = np.random.default_rng(0).normal(size=(1300, 5, 4)).astype(np.float32)
    whole, parts = RangeEstimator(), RangeEstimator()
    whole.add(clip)
    for part in np.split(clip, sorted(cuts)):
        parts.add(part)
    assert whole.range() == parts.range()


def test_the_range_of_large_frames_is_close_to_the_percentiles_and_ignores_what_is_not_finite():
    rows = np.linspace(0, 1, 480, dtype=np.float32)[:, None]
    columns = np.linspace(0, 2, 640, dtype=np.float32)
    clip = np.stack([rows + columns + t for t in range(3)])
    estimator = RangeEstimator(5.0, 95.0)
    estimator.add(np.where(clip > 4.9, np.inf, np.where(clip < 0.01, np.nan, clip)))
    np.testing.assert_allclose(estimator.range(), np.percentile(clip, (5, 95)), atol=0.02)


def test_a_range_of_nothing_is_refused():
    estimator = RangeEstimator()
    estimator.add(np.full((2, 3, 3), np.nan))
    with pytest.raises(ValueError, match="no finite value"):
        estimator.range()
