"""Real Cycles renders against geometry that is known by other means."""

import cv2
import numpy as np
import pytest
from known_scene import GLASS, known_scene, traced

from pellucid.camera import backproject, depth_to_normals, edge_mask, transform
from pellucid.synth import sample_scene, settle
from pellucid.synth.spec import MATERIAL_IDS, SceneSpec

LEVELS = 3  # by which 8-bit colours of two renders of one scene may differ
DIFFERING = 1e-3  # share of values that may differ at all


@pytest.fixture(scope="module")
def known(rendered, tmp_path_factory):
    spec = known_scene(tmp_path_factory.mktemp("known"), cube=GLASS)
    return rendered(spec)


@pytest.fixture(scope="module")
def lived_in() -> SceneSpec:
    return settle(sample_scene(4, frames=3, resolution=(96, 160)))


@pytest.fixture(scope="module")
def frames(rendered, lived_in):
    return rendered(lived_in, samples=2)


def test_glass_ball_and_cube_lie_where_rays_meet_them(known):
    for frame in known:
        depth, normals, ids, cosine = traced(frame.K, frame.T_world_camera, frame.depth.shape)
        same = (frame.instance == ids) & np.isfinite(depth) & (cosine > 0.15)
        assert {1, 2, 201} <= set(np.unique(ids))
        assert ((frame.instance == ids) | (cosine <= 0.15)).mean() > 0.995, "labels disagree away from silhouettes"
        near = same & (ids < 200)
        assert 0.4 < np.median(depth[near]) < 1.5
        assert (abs(frame.depth - depth)[near] / depth[near]).max() < 1e-3  # 1 mm at 1 m
        assert (abs(frame.depth - depth)[same] / depth[same]).max() < 1e-3
        angle = np.degrees(np.arccos(np.clip((frame.normals * normals).sum(-1), -1, 1)))
        assert np.quantile(angle[same & (ids == 1)], 0.99) < 2.0
        assert angle[same & (ids != 1)].max() < 0.05
        assert (frame.transparent == np.isin(frame.instance, (1, 2))).all()


def test_what_lies_behind_the_glass_is_the_floor(known):
    for frame in known:
        depth, normals, _, _ = traced(frame.K, frame.T_world_camera, frame.depth.shape, hidden=(1, 2))
        finite = np.isfinite(depth)
        assert (abs(frame.depth_behind - depth)[finite] / depth[finite]).max() < 1e-3
        assert ((frame.normals_behind * normals).sum(-1)[finite]).min() > 0.9999


def test_normals_are_unit_vectors_towards_the_camera_and_agree_with_depth(frames):
    for frame in frames:
        known = np.isfinite(frame.depth)
        assert (np.isnan(frame.normals).all(-1) == ~known).all()
        assert (frame.normals[known][:, 2] < 0).all()
        assert np.linalg.norm(frame.normals[known], axis=-1) == pytest.approx(1, abs=1e-5)
        by_depth = depth_to_normals(frame.depth.astype(np.float64), frame.K)
        inner = (cv2.erode(frame.instance, np.ones((3, 3))) == cv2.dilate(frame.instance, np.ones((3, 3)))) & known
        inner &= ~edge_mask(frame.depth, 0.02) & np.isfinite(by_depth).all(-1)
        angle = np.degrees(np.arccos(np.clip((by_depth * frame.normals).sum(-1), -1, 1)))
        assert np.median(angle[inner]) < 1.0
        assert np.quantile(angle[inner & (frame.instance == 200)], 0.95) < 1.0


def test_two_frames_reproject_into_each_other_within_a_tenth_of_a_pixel(frames):
    a, b = frames[0], frames[-1]
    T_b_a = np.linalg.inv(b.T_world_camera) @ a.T_world_camera
    known = np.isfinite(a.depth)
    points = transform(backproject(a.depth.astype(np.float64), a.K), T_b_a)
    u, v = (points[..., i] / points[..., 2] * b.K[i, i] + b.K[i, 2] for i in (0, 1))
    assert np.nanmax(np.hypot(u - np.arange(160), v - np.arange(96)[:, None])) > 2, "the camera has not moved"
    H, W = a.depth.shape
    ok = known & (np.nan_to_num(u, nan=-9) > 0) & (np.nan_to_num(u) < W - 1.01)
    ok &= (np.nan_to_num(v, nan=-9) > 0) & (np.nan_to_num(v) < H - 1.01)
    i, j = np.floor(v[ok]).astype(int), np.floor(u[ok]).astype(int)
    s, t = v[ok] - i, u[ok] - j
    # Over the image the inverse depth of a plane is affine: bilinear interpolation of it is exact there.
    corners = [(1 / b.depth[i + y, j + x], b.instance[i + y, j + x]) for y in (0, 1) for x in (0, 1)]
    weights = [(1 - s) * (1 - t), (1 - s) * t, s * (1 - t), s * t]
    same = np.all([label == a.instance[ok] for _, label in corners], axis=0)
    found = 1 / sum(w * q for w, (q, _) in zip(weights, corners, strict=True))
    error = abs(found - points[..., 2][ok]) / found
    table = same & (a.instance[ok] == 200)
    assert table.sum() > 1000
    # A relative error e of depth shifts a pixel by e times its parallax; here parallax is below 20 px.
    assert np.quantile(error[table], 0.99) < 5e-4
    assert np.quantile(error[same & (a.instance[ok] < 100)], 0.5) < 5e-3


def test_every_label_border_on_a_depth_edge_is_a_border_of_labels(frames):
    for frame in frames:
        kernel = np.ones((3, 3))
        border = cv2.dilate(frame.instance, kernel) != cv2.erode(frame.instance, kernel)
        step = edge_mask(frame.depth, 0.25)
        assert step.any()
        # A step of a quarter of the depth between two pixels of one body happens inside a vessel at most.
        assert (step & ~border).sum() <= 0.25 * step.sum()
        assert set(np.unique(frame.material)) <= set(MATERIAL_IDS.values())
        assert ((frame.instance == 0) == np.isinf(frame.depth)).all()
        assert ((frame.material == 0) == (frame.instance == 0)).all()


def test_same_seed_same_scene(rendered, lived_in, frames):
    again = settle(sample_scene(4, frames=3, resolution=(96, 160)))
    assert again == lived_in
    assert SceneSpec.from_json(lived_in.to_json()) == lived_in
    for a, b in zip(frames, rendered(again, samples=2), strict=True):
        for name in ("depth", "normals", "instance", "material", "depth_behind", "normals_behind", "T_world_camera"):
            assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name != "instance"), name
        difference = abs(a.rgb.astype(int) - b.rgb)
        assert difference.max() <= LEVELS
        assert (difference > 0).mean() <= DIFFERING


def test_frames_of_a_part_are_those_of_the_whole(rendered, lived_in, frames):
    (last,) = rendered(lived_in, samples=2, frames=(2, 3))
    assert last.index == 2
    assert np.array_equal(last.depth, frames[2].depth)
    assert np.array_equal(last.T_world_camera, frames[2].T_world_camera)
    assert abs(last.rgb.mean() - frames[2].rgb.mean()) < 3, "the exposure is that of the whole sequence"
