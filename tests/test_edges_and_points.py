"""Depth Pro's boundary measures against loops over pixels; MoGe's points against linear programming."""

import jaxtyping
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pellucid.camera import backproject
from pellucid.clip import InputError
from pellucid.evaluate import metrics
from pellucid.evaluate.boundary_depth_pro import RATIOS
from pellucid.evaluate.points import fit_points

SEEDS = st.integers(0, 2**32 - 1)
DIRECTIONS = ((0, -1), (0, 1), (-1, 0), (1, 0))


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def box(near=1.0, far=2.0, at=slice(8, 16), shape=(1, 24, 24)):
    """A near square before a far wall: edges in all four directions."""
    depth = np.full(shape, far)
    depth[:, at, at] = near
    return depth


def neighbour_edges(depth, ratio, direction):
    """Pixels whose neighbour in that direction is more than `ratio` times as far away, found one by one."""
    H, W = depth.shape
    found = set()
    for i in range(H):
        for j in range(W):
            k, m = i + direction[0], j + direction[1]
            if 0 <= k < H and 0 <= m < W and depth[k, m] / depth[i, j] > ratio:
                found.add((i, j))
    return found


def f1_by_loops(prediction, truth):
    total = 0.0
    for t in RATIOS:
        precision = recall = 0.0
        for direction in DIRECTIONS:
            ours, theirs = (neighbour_edges(d, t, direction) for d in (prediction, truth))
            precision += len(ours & theirs) / max(len(ours), 1) / 4
            recall += len(ours & theirs) / max(len(theirs), 1) / 4
        total += t / RATIOS.sum() * (2 * precision * recall / (precision + recall) if precision + recall else 0)
    return total


def recall_by_loops(prediction, mask):
    total = 0.0
    for t in RATIOS:
        recall = 0.0
        for direction in DIRECTIONS:
            step = np.array(direction)
            wanted = {
                (i, j)
                for i, j in np.argwhere(mask).tolist()
                if 0 <= i + step[0] < mask.shape[0] and 0 <= j + step[1] < mask.shape[1]
                and not mask[i + step[0], j + step[1]]
            }  # fmt: skip
            edges = neighbour_edges(prediction, t, direction)
            along = np.abs(step)
            thin = set()
            for pixel in edges:  # the first largest of the run it belongs to
                run, here = [pixel], np.array(pixel)
                while tuple(here - along) in edges:
                    here = here - along
                    run.insert(0, tuple(here))
                here = np.array(pixel)
                while tuple(here + along) in edges:
                    here = here + along
                    run.append(tuple(here))
                values = [prediction[p[0] + step[0], p[1] + step[1]] / prediction[p] for p in run]
                thin.add(run[int(np.argmax(values))])
            recall += len(thin & wanted) / max(len(wanted), 1) / 4
        total += t / RATIOS.sum() * recall
    return total


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_boundaries_agree_with_loops_over_pixels(seed):
    rng = np.random.default_rng(seed)
    # Few values, so that runs of edges have equal ratios.
    prediction, truth = rng.choice([1.0, 1.06, 1.12, 1.3, 1.6], (2, 1, 9, 10))
    assert metrics.depth_pro_boundary_f1(prediction, truth) == pytest.approx(f1_by_loops(prediction[0], truth[0]))
    mask = rng.random((1, 9, 10)) < 0.3
    assert metrics.depth_pro_boundary_recall(prediction, mask) == pytest.approx(recall_by_loops(prediction[0], mask[0]))


@given(st.floats(0.1, 10))
@settings(max_examples=10, deadline=None)
def test_an_oracle_of_any_scale_has_perfect_boundaries(scale):
    truth = np.concatenate([box(), box(at=slice(4, 20))])
    assert metrics.depth_pro_boundary_f1(scale * truth, truth) == pytest.approx(1)
    assert metrics.depth_pro_boundary_recall(scale * truth, truth == 1) == pytest.approx(1)


def test_an_edge_one_pixel_off_is_missed_and_a_reversed_one_too():
    truth = box()
    assert metrics.depth_pro_boundary_f1(box(at=slice(7, 17)), truth) == 0
    assert metrics.depth_pro_boundary_recall(box(near=3.0), truth == 1) == 0
    assert metrics.depth_pro_boundary_f1(box(near=1.0, far=1.16), truth) == pytest.approx(
        sum(t for t in RATIOS if t < 1.16) / RATIOS.sum()
    )


def test_only_the_steepest_step_of_a_soft_edge_counts():
    soft = np.interp(np.arange(24), [6, 10], [2.0, 1.0]) * np.ones((1, 24, 1))  # steepest from column 9 to 10
    outline = np.zeros((1, 24, 24), bool)
    outline[..., 10:] = True
    expected = sum(t for t in RATIOS if t < 1.25) / RATIOS.sum() / 4
    assert metrics.depth_pro_boundary_recall(soft, outline) == pytest.approx(expected)
    outline[..., 9] = True
    assert metrics.depth_pro_boundary_recall(soft, outline) == 0


def test_frames_and_pixels_of_unknown_truth_say_nothing():
    truth, prediction = box(), box(near=1.5)
    expected = metrics.depth_pro_boundary_f1(prediction, truth)
    flat = np.full_like(truth, np.nan)
    assert (
        metrics.depth_pro_boundary_f1(np.concatenate([prediction, prediction]), np.concatenate([truth, flat]))
        == expected
    )
    truth[:, :3] = np.nan
    prediction[:, 1, ::2] = 0.5
    assert metrics.depth_pro_boundary_f1(prediction, truth) == expected


def wavy_points(seed, shape=(2, 6, 7)):
    depth = np.random.default_rng(seed).uniform(1, 5, shape)
    K = np.array([[20.0, 0, 3], [0, 20, 2.5], [0, 0, 1]])
    return depth, np.stack([backproject(frame, K) for frame in depth])


@given(SEEDS, st.floats(0.2, 5))
@settings(max_examples=20, deadline=None)
def test_points_of_an_oracle_and_of_a_scaled_and_shifted_one_are_perfect(seed, scale):
    _, truth = wavy_points(seed)
    moved = scale * truth + np.array([0.3, -0.2, 1])
    for prediction in (truth, moved):
        result = metrics.point_metrics(prediction, truth)
        assert result["points_rel"] == pytest.approx(0, abs=1e-6)
        assert result["points_delta"] == 1
    raw = metrics.point_metrics(scale * truth, truth, align=False)
    assert raw["points_rel"] == pytest.approx(abs(scale - 1))
    if abs(scale - 1.25) > 1e-6 and abs(scale - 0.8) > 1e-6:
        assert raw["points_delta"] == (max(scale, 1 / scale) < 1.25)


def test_unaligned_points_of_one_camera_score_as_their_depths():
    (truth_depth, truth), (depth, prediction) = wavy_points(0), wavy_points(1)
    points, depths = metrics.point_metrics(prediction, truth, align=False), metrics.depth_metrics(depth, truth_depth)
    assert points["points_rel"] == pytest.approx(depths["abs_rel"])
    assert points["points_delta"] == pytest.approx(depths["delta_1.25"])


def test_points_are_fitted_without_the_outliers_and_scored_in_the_mask():
    _, truth = wavy_points(0, (1, 20, 20))
    prediction = 2 * truth + 1
    wrong = np.zeros(truth.shape[:3], bool)
    wrong[:, :2] = True
    prediction[wrong] += np.random.default_rng(1).uniform(-5, 5, prediction[wrong].shape)
    assert metrics.point_metrics(prediction, truth, mask=~wrong)["points_rel"] == pytest.approx(0, abs=1e-5)
    assert metrics.point_metrics(prediction, truth, mask=wrong)["points_rel"] > 0.3


@given(SEEDS)
@example(15893422)  # flat about its least: steps are small long before it
@settings(max_examples=10, deadline=None)
def test_the_fit_of_points_is_the_best_there_is(seed):
    rng = np.random.default_rng(seed)
    p, q = rng.uniform(0.5, 3, (2, 12, 3))
    near = np.repeat(1 / np.linalg.norm(q, axis=1), 3)
    # Variables: scale, shift x y z, and for each coordinate a bound on its error.
    rows = np.concatenate([p.reshape(-1, 1), np.tile(np.eye(3), (12, 1))], 1)
    upper = np.block([[rows, -np.eye(36)], [-rows, -np.eye(36)]])
    best = linprog(
        np.concatenate([np.zeros(4), near]), upper, np.concatenate([q.ravel(), -q.ravel()]), bounds=(None, None)
    )
    scale, shift = fit_points(p, q)
    assert near @ np.abs(scale * p + shift - q).ravel() == pytest.approx(best.fun, rel=2e-3)


@pytest.mark.usefixtures("unchecked")
def test_edges_and_points_say_what_is_wrong():
    depth, points = wavy_points(0)
    with pytest.raises(InputError, match="same shape"):
        metrics.depth_pro_boundary_f1(depth[:1], depth)
    with pytest.raises(InputError, match="no edge to find"):
        metrics.depth_pro_boundary_f1(depth, np.ones_like(depth))
    with pytest.raises(InputError, match=r"mask .* must have the shape"):
        metrics.depth_pro_boundary_recall(depth, np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="no outline"):
        metrics.depth_pro_boundary_recall(depth, np.ones(depth.shape, bool))
    with pytest.raises(InputError, match="one shape"):
        metrics.point_metrics(points[:1], points)
    with pytest.raises(InputError, match=r"mask .* must have the shape"):
        metrics.point_metrics(points, points, mask=np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="must be finite"):
        metrics.point_metrics(np.nan * points, points)
    with pytest.raises(InputError, match="no point to score"):
        metrics.point_metrics(points, np.nan * points)
