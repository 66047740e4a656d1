"""Steadiness over time: camera motion and flow that are known exactly."""

from itertools import pairwise

import cv2
import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.clip import InputError
from pellucid.evaluate import metrics
from pellucid.evaluate.flow import warped

K = np.array([[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]])
SHAPE = (4, 48, 64)


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def poses(*positions):
    """Cameras that look along z from the positions."""
    found = np.tile(np.eye(4), (len(positions), 1, 1))
    found[:, :3, 3] = positions
    return found


def sideways(pixels, depth=2.0):
    """Poses of a camera that moves so far that a wall at that depth moves by whole pixels a frame."""
    return poses(*((t * pixels * depth / K[0, 0], 0, 0) for t in range(SHAPE[0])))


@given(st.integers(-5, 5), st.floats(0.5, 9))
@settings(max_examples=20, deadline=None)
def test_tae_of_a_wall_seen_from_a_moving_camera_is_zero(pixels, depth):
    wall = np.full(SHAPE, depth)
    assert metrics.temporal_alignment_error(wall, K, sideways(pixels, depth)) == pytest.approx(0, abs=1e-12)
    assert metrics.temporal_alignment_error(3 * wall, K, sideways(0)) == pytest.approx(0, abs=1e-12)


def test_tae_of_an_oracle_that_comes_nearer_is_zero_and_of_one_that_does_not_notice_is_the_step():
    depths = np.array([2.0, 1.9, 1.8, 1.7])
    T_world_camera = poses(*((0, 0, 2 - z) for z in depths))
    oracle = depths.reshape(-1, 1, 1) * np.ones(SHAPE)
    assert metrics.temporal_alignment_error(oracle, K, T_world_camera) == pytest.approx(0, abs=1e-12)
    assert metrics.temporal_alignment_error(np.full(SHAPE, 2.0), K, T_world_camera) == pytest.approx(0.1 / 2)


def test_tae_of_flicker_follows_poses_and_mask():
    flicker = 2 * np.array([1, 1.1, 1, 1.1]).reshape(-1, 1, 1) * np.ones(SHAPE)
    expected = (0.1 / 1.1 + 0.1) / 2
    assert metrics.temporal_alignment_error(flicker, K, sideways(0)) == pytest.approx(expected)
    half = np.zeros(SHAPE, bool)
    half[..., :32] = True
    steady = np.where(half, 2.0, flicker)
    assert metrics.temporal_alignment_error(steady, K, sideways(0), half) == pytest.approx(0, abs=1e-12)
    assert metrics.temporal_alignment_error(steady, K, sideways(0), ~half) == pytest.approx(expected)


def test_tae_turns_with_the_camera():
    """A camera that rolls by a right angle sees a fronto-parallel wall at the same depth; one that pans does not."""
    square = np.array([[50.0, 0, 23], [0, 50, 23], [0, 0, 1]])
    roll, pan = np.tile(np.eye(4), (2, 2, 1, 1))
    roll[1, :2, :2] = [[0, -1], [1, 0]]
    c, s = np.cos(0.2), np.sin(0.2)
    pan[1, :3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    wall = np.full((2, 47, 47), 3.0)
    assert metrics.temporal_alignment_error(wall, square, roll) == pytest.approx(0, abs=1e-12)
    assert metrics.temporal_alignment_error(wall, square, pan) > 0.01


def test_tae_leaves_out_what_is_unknown_and_counts_a_move_that_meets_nothing_as_zero():
    wall = np.full(SHAPE, 2.0)
    wall[:, 10:20] = np.nan
    assert metrics.temporal_alignment_error(wall, K, sideways(3)) == pytest.approx(0, abs=1e-12)
    assert metrics.temporal_alignment_error(wall, K, sideways(1000)) == 0
    lost = sideways(3)
    lost[1] = -np.inf
    assert metrics.temporal_alignment_error(np.where(np.arange(4).reshape(-1, 1, 1) == 1, 9.0, wall), K, lost) == 0
    assert metrics.temporal_alignment_error(np.where(np.isnan(wall), 5.0, wall), K, sideways(3)) == pytest.approx(0)


def textured(shift, shape=SHAPE, seed=0):
    """Frames of a smooth pattern that moves by whole pixels (right, down)."""
    pattern = np.random.default_rng(seed).uniform(0, 255, (shape[1], shape[2] + 1, 3))
    pattern = cv2.GaussianBlur(pattern, (0, 0), 2, borderType=cv2.BORDER_REFLECT)
    low, high = pattern.min(), pattern.max()
    pattern = np.pad((pattern - low) / (high - low) * 255, ((32, 32), (32, 32), (0, 0)), mode="reflect")
    frames = [np.roll(pattern, (t * shift[1], t * shift[0]), (0, 1))[32:-32, 32:-33] for t in range(shape[0])]
    return np.stack(frames).astype(np.uint8)


def test_flow_of_a_pattern_that_moves_is_its_motion():
    flow = metrics.optical_flow(*textured((3, -2), (2, 96, 128)))
    assert np.median(np.abs(flow.backward[16:-16, 16:-16] - (-3, 2))) < 0.1
    assert (flow.weight[16:-16, 16:-16] > 0.9).mean() > 0.9


def test_flow_is_not_trusted_where_something_appears_or_the_picture_ends():
    rgb = textured((6, 0), (2, 96, 128))
    rgb[1, 40:70, 50:90] = (255, 0, 0)
    weight = metrics.optical_flow(*rgb).weight
    assert weight[45:65, 55:85].max() < 0.1
    assert not weight[:, :4].any()  # came in from the left


def test_warping_is_linear_interpolation():
    rng = np.random.default_rng(0)
    values, flow = rng.random((9, 11)).astype(np.float32), rng.uniform(-2, 2, (9, 11, 2)).astype(np.float32)
    rows, columns = np.indices((9, 11), dtype=np.float32)
    ours = warped(values, flow)
    theirs = cv2.remap(values, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
    inside = np.isfinite(ours)
    assert 40 < inside.sum() < 99
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=0.05)  # OpenCV rounds to 1/32 pixel
    assert (warped(values[..., None].repeat(3, -1), flow)[..., 1][inside] == ours[inside]).all()


def test_opw_in_closed_form():
    """A still picture: every pixel stays where it is, so the error is the change of the depth."""
    still = metrics.Flow(np.zeros((48, 64, 2)), np.full((48, 64), 0.5))
    depth = np.array([2.0, 2.3, 2.2, 2.2]).reshape(-1, 1, 1) * np.ones(SHAPE)
    assert metrics.flow_warping_error(depth, 3 * [still]) == pytest.approx(0.5 * (0.3 + 0.1 + 0) / 3)
    distrusted = metrics.Flow(still.backward, np.where(np.arange(64) < 16, 0.0, still.weight))
    assert metrics.flow_warping_error(depth, 3 * [distrusted]) == pytest.approx(0.75 * 0.5 * 0.4 / 3)
    left = np.broadcast_to(np.arange(64) < 16, SHAPE)
    assert metrics.flow_warping_error(depth, 3 * [distrusted], mask=left) == 0
    assert metrics.flow_warping_error(depth, 3 * [distrusted], ~left) == pytest.approx(0.5 * 0.4 / 3)


def test_opw_follows_the_motion():
    rgb = textured((4, 0), (4, 96, 128))
    ramp = np.stack([(np.arange(128) - 4 * t) / 50 + 5 for t in range(4)])[:, None] * np.ones((4, 96, 1))
    flows = [metrics.optical_flow(*pair) for pair in pairwise(rgb)]
    moved, stays = (metrics.flow_warping_error(depth, flows) for depth in (ramp, ramp[:1].repeat(4, 0)))
    assert moved < 0.1 * stays
    assert stays == pytest.approx(4 / 50, rel=0.15)


def test_a_normal_that_flickers_by_an_angle_scores_that_angle_and_a_steady_error_nothing():
    truth = np.zeros((4, 5, 6, 3))
    truth[..., 2] = -1
    tilt = np.radians(8)
    off = np.array([np.sin(tilt), 0, -np.cos(tilt)])
    flicker = np.where((np.arange(4) % 2 == 1).reshape(-1, 1, 1, 1), off, truth)
    assert metrics.normal_temporal_diff(truth, truth) == 0
    assert metrics.normal_temporal_diff(off + 0 * truth, truth) == pytest.approx(0, abs=1e-6)
    assert metrics.normal_temporal_diff(flicker, truth) == pytest.approx(8)
    assert metrics.normal_temporal_diff(flicker[:3], truth[:3]) == pytest.approx(8)
    half = np.zeros((4, 5, 6), bool)
    half[:, :2] = True
    assert metrics.normal_temporal_diff(np.where(half[..., None], truth, flicker), truth, mask=half) == 0
    angle = np.radians([0, 5, 10, 15.0]).reshape(-1, 1, 1, 1)
    turning = np.concatenate([np.sin(angle), 0 * angle, -np.cos(angle)], -1)
    turning = np.broadcast_to(turning, truth.shape)
    assert metrics.normal_temporal_diff(turning, turning) == 0
    assert metrics.normal_temporal_diff(truth, turning) == pytest.approx(5)


@pytest.mark.usefixtures("unchecked")
def test_temporal_metrics_say_what_is_wrong():
    wall, still = np.full(SHAPE, 2.0), 3 * [metrics.Flow(np.zeros((48, 64, 2)), np.ones((48, 64)))]
    with pytest.raises(InputError, match="poses"):
        metrics.temporal_alignment_error(wall, K, sideways(0)[:2])
    with pytest.raises(InputError, match="mask"):
        metrics.temporal_alignment_error(wall, K, sideways(0), np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="no two neighbouring frames with known poses"):
        metrics.temporal_alignment_error(wall[:1], K, sideways(0)[:1])
    with pytest.raises(InputError, match="two frames of one size, of 32 pixels"):
        metrics.optical_flow(*np.zeros((2, 48, 31, 3), np.uint8))
    with pytest.raises(InputError, match="does not fit the flows"):
        metrics.flow_warping_error(wall[:2], still)
    with pytest.raises(InputError, match=r"valid .* must have the shape"):
        metrics.flow_warping_error(wall, still, np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="no frame after the first"):
        metrics.flow_warping_error(wall, still, np.zeros(SHAPE, bool))
    with pytest.raises(InputError, match="no two neighbouring frames"):
        metrics.normal_temporal_diff(np.ones((1, 2, 2, 3)), np.ones((1, 2, 2, 3)))
