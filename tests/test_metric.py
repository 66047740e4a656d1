"""Disparity to metres: fits that wrong sensors cannot pull, holes filled without a step, planes and tags."""

import cv2
import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from pellucid.align import (
    Evidence,
    complete_depth,
    depth_from_disparity,
    find_tags,
    fit_metric,
    make_plane,
    plane_below,
    plane_depth,
    tag_plane,
    tag_table,
)
from pellucid.align._membrane import membrane
from pellucid.camera import backproject, intrinsics_from_fov, load_intrinsics
from pellucid.clip import InputError

H, W = 96, 128
K = intrinsics_from_fov(60, H, W)


def table_top(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True depth of things on a table, the table alone, and where one thing is of glass."""
    rng = np.random.default_rng(seed)
    table = plane_depth(plane_below(0.5, 40), K, H, W)
    depth, (v, u) = table.copy(), np.indices((H, W))
    glass = np.zeros((H, W), bool)
    for number in range(4):
        cu, cv, r = rng.uniform(35, W - 20), rng.uniform(25, H - 20), rng.uniform(7, 12)
        inside = (u - cu) ** 2 + (v - cv) ** 2 < r**2
        depth[inside] = (table * 0.9)[inside]
        glass |= inside & (number < 2)
    return depth, table, glass


def clip_of(depths: list[np.ndarray], line: tuple[float, float], sensors: list[np.ndarray]) -> Evidence:
    evidence = Evidence()
    for index, (depth, sensor) in enumerate(zip(depths, sensors, strict=True)):
        evidence.add(index, ((1 / depth - line[1]) / line[0]).astype(np.float32), sensor)
    return evidence


@pytest.mark.parametrize("wrong", ["nothing", "holes", "table behind", "random", "mirror"])
def test_what_the_sensor_gets_wrong_does_not_pull_the_fit(wrong):
    depth, table, glass = table_top()
    rng = np.random.default_rng(1)
    sensor = 1 / (1 / depth + 0.002 * rng.standard_normal(depth.shape))
    if wrong == "holes":
        sensor[glass] = np.nan
    elif wrong == "table behind":
        sensor[glass] = table[glass]
    elif wrong == "random":
        lost = rng.random(depth.shape) < 0.6
        sensor[lost] = rng.uniform(0.3, 3, lost.sum())
    elif wrong == "mirror":
        mirrored = np.indices(depth.shape)[0] > 0.45 * H  # more than half of the picture shows a room upside down
        room = cv2.resize(rng.uniform(0.1, 0.6, (4, 5)), (W, H), interpolation=cv2.INTER_CUBIC)
        sensor[mirrored] += room[mirrored]
    fit = fit_metric(clip_of([depth] * 3, (1.7, 0.4), [sensor] * 3))
    metres = depth_from_disparity((1 / depth - 0.4) / 1.7, *fit.lines.at(1))
    assert np.abs(metres - depth).max() < 3e-3
    assert fit.residual < 2e-3
    assert fit.drift < 2e-3
    share = {"nothing": 0.99, "holes": 0.99, "table behind": 0.9, "random": 0.38, "mirror": 0.4}[wrong]
    assert share - 0.03 < fit.inliers <= 1


def test_the_fit_does_not_depend_on_the_unit_of_disparity():
    depth, _, _ = table_top()
    fits = [fit_metric(clip_of([depth], line, [depth])) for line in ((1.0, 0.0), (250.0, -3.0))]
    for fit, line in zip(fits, ((1.0, 0.0), (250.0, -3.0)), strict=True):
        np.testing.assert_allclose(fit.lines.at(0), line, rtol=1e-6, atol=1e-6)
        assert fit.inliers == 1


def test_a_line_that_drifts_is_followed_also_where_the_sensor_fails():
    depth, frames, evidence = table_top()[0][::3, ::3], 120, Evidence()
    rng = np.random.default_rng(0)
    scales, shifts = 1 + 0.3 * np.arange(frames) / frames, 0.2 - 0.1 * np.arange(frames) / frames
    for t in range(frames):
        sensor = rng.uniform(0.4, 2, depth.shape) if 50 <= t < 70 else depth.copy()  # nothing right for a while
        sensor[rng.random(depth.shape) < 0.3] = np.nan
        evidence.add(t, (1 / depth - shifts[t]) / scales[t], sensor)
    steady, drifting = fit_metric(evidence), fit_metric(evidence, spacing=20)
    worst = [
        max(
            np.abs(depth_from_disparity((1 / depth - shifts[t]) / scales[t], *fit.lines.at(t)) - depth).max()
            for t in range(frames)
        )
        for fit in (steady, drifting)
    ]
    assert worst[0] > 0.05
    assert worst[1] < 0.01
    assert drifting.lines.knots.size == 7
    assert steady.drift > 0.03  # told, so that the user may let it drift
    assert drifting.inliers > steady.inliers


def test_evidence_is_thin_constant_in_memory_and_keeps_to_what_is_known():
    evidence = Evidence()
    disparity, depth = np.ones((120, 100), np.float32), np.full((120, 100), 2, np.float32)
    depth[:, ::2] = np.nan
    for index in range(1000):
        evidence.add(index, disparity * index, depth)
    pairs = evidence.pairs()
    assert 128 <= len(np.unique(pairs.frames)) <= 256
    assert pairs.frames.max() > 990
    assert np.bincount(pairs.frames).max() <= 2048
    assert (pairs.inverse == 0.5).all()
    np.testing.assert_array_equal(pairs.frames, pairs.disparity)


@pytest.mark.parametrize(
    ("depth", "words"),
    [(np.full((H, W), np.nan), "at least 100"), (1 / (3 - 1 / table_top()[0]), "no positive scale")],
)
def test_a_fit_that_cannot_be_is_refused(depth, words):
    evidence = Evidence()
    evidence.add(0, 1 / table_top()[0], depth)
    with pytest.raises(InputError, match=words):
        fit_metric(evidence)


def test_a_trusted_sensor_keeps_its_value_and_glass_takes_the_models():
    depth, table, glass = table_top()
    sensor = depth.astype(np.float32)
    sensor[glass] = table[glass]
    sensor[:, :6] = np.nan
    model = (depth * 1.02).astype(np.float32)
    completed = complete_depth(model, sensor)
    np.testing.assert_array_equal(completed.depth[completed.trusted], sensor[completed.trusted])
    inner = cv2.erode(glass.astype(np.uint8), np.ones((3, 3))) > 0
    assert not completed.trusted[inner].any()
    assert not completed.trusted[:, :6].any()
    opaque = ~cv2.dilate(glass.astype(np.uint8), np.ones((7, 7))).astype(bool)
    opaque[:, :10] = False
    assert completed.trusted[opaque].mean() > 0.95
    error = np.abs(completed.depth - depth)
    assert error[inner].max() < 0.03 * depth[inner].max()
    assert error[inner].mean() < 0.3 * np.abs(sensor - depth)[inner].mean()
    assert error[:, :6].max() < 2e-3  # the model's 2 % are gone: they are the same all around


def test_holes_are_joined_without_a_step():
    depth = plane_depth(plane_below(0.5, 40), K, H, W).astype(np.float32)
    u = np.indices((H, W))[1]
    model = depth * (1 + 0.05 * np.sin(u / 20)).astype(np.float32)  # wrong by 5 %, smoothly
    sensor = depth.copy()
    sensor[30:60, 40:80] = np.nan
    completed = complete_depth(model, sensor)
    for inside, outside in (((30, 60), (29, 60)), ((59, 60), (60, 60)), ((45, 40), (45, 39)), ((45, 79), (45, 80))):
        step = completed.depth[inside] - completed.depth[outside]
        assert abs(step - (depth[inside] - depth[outside])) < 2.5e-3  # the model's own slope
    assert np.abs(model - depth)[30:60, 40:80].max() > 0.03  # what would have been a step


def test_a_model_that_is_wrong_on_half_the_picture_does_not_overrule_the_sensor():
    depth, _, _ = table_top()
    model = depth.copy()
    model[:, : W // 2] *= 1.3
    completed = complete_depth(model.astype(np.float32), depth.astype(np.float32))
    assert completed.trusted[:, : W // 3].mean() > 0.95


def test_the_membrane_solves_the_screened_poisson_equation():
    rng = np.random.default_rng(0)
    known = rng.random((24, 31)) < 0.1
    values = np.where(known, rng.standard_normal((24, 31)), 0).astype(np.float32)
    length, n = 5.0, known.size
    index = np.arange(n).reshape(known.shape)
    pairs = np.concatenate(
        [np.stack([index[1:].ravel(), index[:-1].ravel()]), np.stack([index[:, 1:].ravel(), index[:, :-1].ravel()])], 1
    )
    links = sparse.coo_array((np.ones(pairs.shape[1]), pairs), (n, n)).tocsr()
    links = links + links.T
    A = sparse.diags_array(links.sum(axis=1) + 1 / length**2) - links
    free = ~known.ravel()
    exact = values.ravel().astype(float)
    exact[free] = spsolve(A[free][:, free].tocsc(), -(A[free][:, ~free] @ exact[~free]))
    found = membrane(values, known, length)
    np.testing.assert_array_equal(found[known], values[known])
    assert np.abs(found - exact.reshape(known.shape)).max() < 0.05
    assert np.abs(membrane(np.zeros_like(values), known, length)).max() == 0


def test_a_plane_gives_the_depth_of_its_points():
    plane = plane_below(0.6, 35, roll=10)
    depth = plane_depth(plane, K, H, W)
    points = backproject(depth, K)
    np.testing.assert_allclose((points @ plane[:3])[np.isfinite(depth)], 0.6, rtol=1e-9)
    assert plane_below(0.6, 90).tolist() == pytest.approx([0, 0, 1, 0.6], abs=1e-12)
    np.testing.assert_allclose(plane_depth(plane_below(0.6, 90), K, H, W), 0.6)
    assert np.isnan(plane_depth(plane_below(0.6, 0), K, H, W)[: H // 2]).all()  # above the horizon
    np.testing.assert_allclose(make_plane(0, -2, -2, -1.2), make_plane(0, 1, 1, 0.6))


def test_a_known_table_gives_metres_without_a_sensor():
    depth, table, _ = table_top()
    evidence = Evidence()
    evidence.add(0, (1 / depth - 0.3) / 2.5, table)
    np.testing.assert_allclose(fit_metric(evidence).lines.at(0), (2.5, 0.3), atol=0.01)


def test_a_drawn_tag_lies_where_it_was_put():
    camera = intrinsics_from_fov(60, 480, 640)
    side, fine = 10, 4  # pixels to a cell of the tag, and of the drawing to a pixel
    code = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11), 5, 8 * side)
    paper = np.pad(code, 2 * side, constant_values=255)
    turn = Rotation.from_euler("xy", [50, 10], degrees=True).as_matrix()
    middle, size = np.array([0.05, 0.02, 0.7]), 0.08
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * (0.75 * size)
    seen = (corners @ turn.T + middle) @ camera.T
    seen = fine * (seen[:, :2] / seen[:, 2:] + 0.5) - 0.5
    edge = 12 * side - 0.5
    drawn = np.array([[-0.5, -0.5], [edge, -0.5], [edge, edge], [-0.5, edge]])
    warp = cv2.getPerspectiveTransform(drawn.astype(np.float32), seen.astype(np.float32))
    picture = cv2.warpPerspective(paper, warp, (640 * fine, 480 * fine), borderValue=255)
    picture = cv2.resize(picture, (640, 480), interpolation=cv2.INTER_AREA)
    tags = find_tags(np.repeat(picture[..., None], 3, -1), camera, size)
    assert list(tags) == [5]
    np.testing.assert_allclose(tags[5].mean(axis=0), middle, atol=2e-3)
    plane = tag_plane(tags)
    normal = turn[:, 2] * np.sign(turn[:, 2] @ middle)
    assert np.degrees(np.arccos(np.clip(plane[:3] @ normal, -1, 1))) < 1.5
    assert abs(plane[3] - normal @ middle) < 3e-3
    table = tag_table(tags, size, camera, 480, 640)
    v, u = np.nonzero(np.isfinite(table))
    places = table[v, u, None] * (np.stack([u, v, np.ones(len(u))], -1) @ np.linalg.inv(camera).T) - middle
    on_paper = places @ turn
    np.testing.assert_allclose(np.abs(on_paper[:, :2]).max(axis=0), 2.5 * size, rtol=0.03)
    np.testing.assert_allclose(on_paper[:, 2], 0, atol=8e-3)
    assert np.isnan(table).mean() > 0.5
    assert not find_tags(np.full((48, 64, 3), 200, np.uint8), camera, size)
    with pytest.raises(InputError, match="no tag was found"):
        tag_plane({})


def test_real_tags_agree_with_the_stereo_pair_they_were_taken_by(real):
    camera = load_intrinsics(real / "keypose/data_params.pbtxt")
    left, right = (cv2.imread(str(real / f"keypose/000001_{side}.png"))[..., ::-1].copy() for side in "LR")
    tags, others = (find_tags(picture, camera, 0.0795) for picture in (left, right))
    assert set(tags) >= {0, 1, 6, 7}
    for number in set(tags) & set(others):
        seen, seen_right = ((t[number] @ camera.T) for t in (tags, others))
        disparity = seen[:, 0] / seen[:, 2] - seen_right[:, 0] / seen_right[:, 2]
        by_stereo = camera[0, 0] * 0.120007 / disparity
        np.testing.assert_allclose(tags[number][:, 2], by_stereo, rtol=0.08)
    up = np.array([0.0821, -0.9552, -0.2845])  # kp_target's third column: the mat's normal
    plane = tag_plane(tags)
    assert np.degrees(np.arccos(plane[:3] @ -up)) < 1.5
    assert abs(plane_depth(plane, camera, 720, 1280)[480, 417] - 0.785) < 0.015  # the bottle's base
