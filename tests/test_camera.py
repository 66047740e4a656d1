"""The pinhole against planes, spheres, the released code's points and the intrinsics files people have."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid.camera import backproject, depth_to_normals, edge_mask, intrinsics_from_fov, load_intrinsics, transform
from pellucid.clip import InputError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("6dof_graspnet/cylinder_K.txt", (616.36529541, 616.20294189, 310.25881958, 236.59980774)),
        ("cleargrasp_real/camera_intrinsics.yaml", (921, 921, 642, 359)),
        ("cleargrasp_real/000000080-gt.npz", (921, 921, 642, 359)),
        ("keypose/data_params.pbtxt", (675.61713, 675.61713, 632.1181, 338.28537)),
        ("keypose/000001_L.pbtxt", (675.61713, 675.61713, 632.1181, 338.28537)),
        ("lingbot_depth/1_intrinsics.txt", (461.2757263, 461.5194702, 324.9846497, 241.5243378)),
        ("wg_transparent/camera.yml", (525, 525, 320.5, 240.5)),
    ],
)
def test_real_intrinsics_files_are_read(real, name, expected):
    K = load_intrinsics(real / name)
    np.testing.assert_allclose((K[0, 0], K[1, 1], K[0, 2], K[1, 2]), expected, rtol=1e-7)
    np.testing.assert_array_equal(K[[0, 1, 2, 2, 2], [1, 0, 0, 1, 2]], [0, 0, 0, 0, 1])


def test_every_form_gives_the_same_matrix(tmp_path):
    K = np.array([[500.5, 0, 320.25], [0, 501, 240], [0, 0, 1]])
    np.save(tmp_path / "a.npy", K)
    np.savez(tmp_path / "b.npz", K=K)
    (tmp_path / "c.json").write_text(json.dumps({"K": K.tolist()}))
    (tmp_path / "d.json").write_text(json.dumps({"camera_matrix": K.ravel().tolist()}))
    (tmp_path / "e.json").write_text(json.dumps({"fx": 500.5, "fy": 501, "cx": 320.25, "cy": 240}))
    (tmp_path / "f.txt").write_text(str(K.tolist()))
    matrix = f"camera_matrix:\n  rows: 3\n  cols: 3\n  data: {K.ravel().tolist()}"
    (tmp_path / "g.yaml").write_text(f"image_width: 640\n{matrix}")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 7
    for file in files:
        np.testing.assert_array_equal(load_intrinsics(file), K)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.txt", None, "cannot be read"),
        ("words.txt", "focal length: long", "no intrinsics"),
        ("empty.json", "{}", "no intrinsics"),
        ("broken.json", "{", "no intrinsics"),
        ("four.txt", "1 2 3 4", "no intrinsics"),
        ("shares.txt", "0.8 0 0.5 0 1.4 0.5 0 0 1", "multiply"),
        ("swapped.txt", "0 0 1 500 0 320 0 500 240", "no camera matrix"),
        ("nan.txt", "nan 0 320 0 500 240 0 0 1", "finite"),
        ("two.yaml", "fx: 1\nfy: 1\ncx: 1\ncy: 1\nfx: 2\nfy: 2\ncx: 2\ncy: 2", "several cameras"),
    ],
)
def test_what_is_no_matrix_is_refused_in_one_line(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        load_intrinsics(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_points_are_the_released_codes(golden):
    case = load_file(golden / "eval_dkt.safetensors")
    mask = case["mask"]
    points = backproject(case["metric_depth"], case["intrinsics"])
    expected = case["points_colors"][:, :3]
    found = points[mask]
    assert len(expected) == mask.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(fov=st.floats(1, 170), H=st.integers(1, 20), W=st.integers(2, 20))
def test_the_field_of_view_spans_the_image_edges(fov, H, W):
    K = intrinsics_from_fov(fov, H, W)
    left, right = (np.linalg.solve(K, [u, (H - 1) / 2, 1]) for u in (-0.5, W - 0.5))
    angle = np.degrees(np.arccos(left @ right / np.linalg.norm(left) / np.linalg.norm(right)))
    np.testing.assert_allclose(angle, fov, rtol=1e-9, atol=1e-5)


@given(
    tilt=st.tuples(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8)),
    distance=st.floats(0.1, 100),
    fov=st.floats(20, 60),
)
def test_a_planes_normal_is_exact(tilt, distance, fov):
    K = intrinsics_from_fov(fov, 12, 16)
    n = np.array([*tilt, -1.0])
    n /= np.linalg.norm(n)
    v, u = np.mgrid[:12, :16]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], axis=-1)
    depth = -distance / (rays @ n)
    np.testing.assert_allclose(depth_to_normals(depth, K), np.broadcast_to(n, (12, 16, 3)), atol=1e-9)


def test_a_spheres_normals_point_from_its_centre_and_edges_do_not_blur():
    K = intrinsics_from_fov(50.0, 240, 320)
    v, u = np.mgrid[:240, :320]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], axis=-1)
    centre, radius = np.array([0.1, -0.05, 2.0]), 0.5
    a, b, c = (rays**2).sum(-1), rays @ centre, centre @ centre - radius**2
    hit = b**2 > a * c
    depth = np.where(hit, (b - np.sqrt(np.where(hit, b**2 - a * c, 0))) / a, 4.0)
    normals = depth_to_normals(depth, K)
    truth = np.where(hit[..., None], (rays * depth[..., None] - centre) / radius, [0.0, 0, -1])
    frontal = truth[..., 2] < -0.5
    angle = np.degrees(np.arccos(np.clip((normals * truth).sum(-1), -1, 1)))[frontal]
    assert np.median(angle) < 0.1
    assert np.nanquantile(angle, 0.999) < 3
    assert np.isfinite(angle).mean() > 0.999
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1)[frontal], 1)


def test_unknown_depth_gives_unknown_points_and_normals_and_nothing_else():
    depth = np.full((6, 7), 2.0, np.float32)
    depth[2, 3], depth[0, 0] = np.nan, np.inf
    K = intrinsics_from_fov(60.0, 6, 7)
    for field in (backproject(depth, K), depth_to_normals(depth, K)):
        assert field.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(field).all(axis=-1), ~np.isfinite(depth))
        np.testing.assert_array_equal(np.isnan(field).any(axis=-1), ~np.isfinite(depth))


def test_real_normals_agree_with_real_depth(real):
    with np.load(real / "cleargrasp_real/000000080-gt.npz") as truth:
        depth, K = truth["depth_gt_m"].astype(np.float32), truth["K"]
        measured = truth["normals_opencv"].astype(np.float32) / 127
    depth[depth == 0] = np.nan
    normals = depth_to_normals(cv2.GaussianBlur(depth, (0, 0), 6), K)  # as smooth as the measured normals
    both = np.isfinite(normals).all(-1) & (np.abs(measured).sum(-1) > 0)
    cosine = (normals * measured).sum(-1)[both] / np.linalg.norm(measured, axis=-1)[both]
    assert (normals[both][:, 2] < 0).all()
    assert np.median(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) < 10


def test_the_edge_mask_finds_the_step_and_not_the_slope():
    depth = np.tile(np.linspace(1, 1.2, 40), (8, 1))
    depth[:, 20:] += 1
    depth[0, 5], depth[4, 30] = np.nan, np.inf
    mask = edge_mask(depth)
    expected = np.zeros_like(mask)
    expected[:, 19:21] = True
    expected[3:6, 29:32] = True
    expected[4, 30] = False
    np.testing.assert_array_equal(mask, expected)


def test_transform_turns_and_then_moves():
    T_world_camera = np.array([[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]])
    points = np.arange(12.0).reshape(2, 2, 3)
    expected = np.stack([10 - points[..., 1], 20 + points[..., 0], 30 + points[..., 2]], axis=-1)
    np.testing.assert_array_equal(transform(points, T_world_camera), expected)
