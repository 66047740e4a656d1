"""The public sets, read back: planar metres, skies, normals, cameras; how often each is drawn; what is missing."""

import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from pellucid.camera import backproject, transform
from pellucid.clip import InputError
from pellucid.data import hypersim, tartanair, vkitti
from pellucid.data.mixture import Mixture
from pellucid.data.sequences import find_sequences
from pellucid.data.sets import find_data, kinds_of, read_clip
from pellucid.model.targets import disparity_to_video
from pellucid.train.recipes import RECIPES
from pellucid.train.run import make_mixture
from public_sets import FLOOR, NORTH, OFFSET, PLANE, rays, save_hdf5, write_hypersim, write_tartanair, write_vkitti


def first(root, kind):
    sequence = next(s for s in find_data([root]) if s.kind == kind)
    return read_clip(sequence, 0, sequence.num_frames)


def dvd(sequences, **changes) -> Mixture:
    r = RECIPES["dvd_depth_1_3b"]()
    return Mixture(
        sequences=tuple(sequences), sizes=r.sizes, frames=(1, 5), frame_weights=r.frame_weights, variants=r.variants,
        batch_frames=r.batch_frames, seed=0, still_weights=dict(r.still_weights), clip_weights=dict(r.clip_weights),
        set_sizes={name: (h, w) for name, h, w in r.set_sizes}, **changes,
    )  # fmt: skip


def test_hypersims_ray_lengths_become_the_plane_that_was_seen(public_sets):
    clip = first(public_sets["hypersim"], "hypersim")
    assert clip.rgb.shape == (1, 192, 256, 3) and clip.depth.dtype == np.float32
    expected = OFFSET / (rays(clip.K, 192, 256) @ PLANE)
    assert np.isnan(clip.depth[0, :8, :8]).all()
    np.testing.assert_allclose(clip.depth[0, 8:], expected[8:], rtol=1e-3)  # float16
    length = expected * np.linalg.norm(rays(clip.K, 192, 256), axis=-1)
    assert abs(clip.depth[0, -1, -1] / length[-1, -1] - 1) > 0.1, "the length of the ray is something else"


def test_hypersims_camera_is_the_one_of_its_full_size():
    """z = d / |(u - 511.5, v - 383.5, 886.81)| * 886.81, as the authors' issue 9 and the released loaders have it."""
    v, u = np.mgrid[:768, :1024].astype(np.float64)
    ray = np.stack([u - 511.5, v - 383.5, np.full((768, 1024), 886.81)], -1)
    distance = np.full((768, 1024), 3.0, np.float32)
    K = hypersim.intrinsics_from_fov(hypersim.FOV, 768, 1024)
    expected = 3 / np.linalg.norm(ray, axis=-1) * 886.81
    np.testing.assert_allclose(hypersim.planar_z(distance, K), expected, rtol=1e-6)


def test_hypersims_normals_face_the_camera_whatever_side_they_were_given_on(public_sets):
    normals = first(public_sets["hypersim"], "hypersim").normals[0]
    assert np.isnan(normals[:, 140:150]).all()
    rest = np.delete(normals, np.s_[140:150], axis=1)
    np.testing.assert_allclose(rest, np.broadcast_to(-PLANE, rest.shape), atol=1e-3)


def test_hypersim_without_previews_is_tone_mapped_as_the_authors_do_it(tmp_path):
    root = write_hypersim(tmp_path, {"ai_010_003": 1}, H=48, W=64)
    images = root / "ai_010_003" / "images"
    shutil.rmtree(images / "scene_cam_00_final_preview")
    light = np.full((48, 64, 3), 7.0, np.float16)
    light[0] = 700  # not valid: it must not decide the exposure
    entity = np.zeros((48, 64), np.int32)
    entity[0] = -1
    light[1:24] = 0.07
    save_hdf5(images / "scene_cam_00_final_hdf5" / "frame.0000.color.hdf5", light)
    save_hdf5(images / "scene_cam_00_geometry_hdf5" / "frame.0000.render_entity_id.hdf5", entity)
    rgb = first(root, "hypersim").rgb[0]
    assert (rgb[0] == 255).all() and (rgb[24:] == round(0.8 * 255)).all()
    assert (rgb[1:24] == round(0.8 * 255 * 0.01 ** (1 / 2.2))).all()


def test_hypersims_own_split_decides_where_it_is_there(tmp_path):
    root = write_hypersim(tmp_path, {"ai_001_001": 2, "ai_001_002": 1, "ai_001_003": 1}, H=24, W=32)
    names = {split: [s.name for s in find_data([root], split)] for split in ("train", "held-out")}
    assert names["held-out"] == [f"hypersim_ai_001_001_cam_00_{i:04d}" for i in (0, 1)]
    (root / hypersim.SPLIT_FILE).write_text(
        "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_name\n"
        "ai_001_001,cam_00,0,True,,train\nai_001_001,cam_00,1,False,bad lighting,\n"
        "ai_001_002,cam_00,0,True,,val\nai_001_003,cam_00,0,True,,test\n"
    )
    hypersim._partition.cache_clear()
    names = {split: [s.name for s in find_data([root], split)] for split in ("train", "held-out")}
    assert names == {"train": ["hypersim_ai_001_001_cam_00_0000"], "held-out": ["hypersim_ai_001_002_cam_00_0000"]}


def test_tartanairs_ned_poses_bring_the_wall_to_one_place(public_sets):
    clip = first(public_sets["tartanair"], "tartanair")
    assert clip.rgb.shape == (7, 480, 640, 3)
    np.testing.assert_array_equal(clip.rgb[:, 5, 300], [[90 + 10 * t, 5, 300 % 256] for t in range(7)])  # red first
    assert np.isposinf(clip.depth[:, :60]).all() and np.isfinite(clip.depth[:, 60:]).all()
    for z, T_world_camera in zip(clip.depth, clip.T_world_camera, strict=True):
        points = transform(backproject(z, clip.K)[60:], T_world_camera)
        np.testing.assert_allclose(points[..., 0], NORTH, atol=1e-3)
    # it starts 1 m above the ground, looking north: right is east, down is down
    np.testing.assert_allclose(clip.T_world_camera[0], [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, -1], [0, 0, 0, 1]])


def test_virtual_kittis_centimetres_sky_and_cameras(public_sets):
    for s in find_data([public_sets["vkitti"]], "train"):
        clip = read_clip(s, 1, 5)
        assert clip.depth.shape == (4, 375, 1242) and np.isposinf(clip.depth[:, :180]).all()
        for z, T_world_camera in zip(clip.depth, clip.T_world_camera, strict=True):
            points = transform(backproject(z, clip.K)[260:], T_world_camera)
            np.testing.assert_allclose(points[..., 1], FLOOR, atol=2e-3)  # whole centimetres
        x, _, z = clip.T_world_camera[0, :3, 3]
        assert (round(x, 4), round(z, 4)) == (0.5327 if s.name.endswith("Camera_1") else 0, 1.5)


def test_without_the_text_files_virtual_kitti_has_its_camera_but_no_path(tmp_path):
    clip = first(write_vkitti(tmp_path, {"Scene06/rain": 1}, text=False), "vkitti")
    assert clip.T_world_camera is None
    np.testing.assert_array_equal(clip.K, vkitti.K)


def test_training_depth_is_that_of_the_released_loaders(public_sets):
    far = np.float32([[[10, 60, np.inf, np.nan]]])
    np.testing.assert_array_equal(tartanair.trained_depth(far), np.float32([[[10, 50, 50, np.nan]]]))
    np.testing.assert_array_equal(vkitti.trained_depth(far * 2), np.float32([[[20, np.nan, np.nan, np.nan]]]))
    m = dvd(find_data(list(public_sets.values()), "train"), normals=False)
    samples = {s.sequence.kind: s for step in range(60) for s in m.batch(step) if s.sequence.kind != "hypersim"}
    assert samples.keys() == {"tartanair", "vkitti"}
    for kind, sample in samples.items():
        clip = m.load(sample)
        assert clip.rgb.shape[1:3] == ((352, 1216) if kind == "vkitti" else (480, 640))
        assert np.nanmax(clip.depth) <= {"tartanair": 50, "vkitti": 80}[kind]


def test_a_clip_of_which_nothing_is_known_is_painted_as_far():
    assert (disparity_to_video(torch.full((1, 2, 4, 4), torch.nan)) == -1).all()


def test_splits_keep_scenes_apart(public_sets):
    roots = list(public_sets.values())
    train, held = ({s.path for s in find_data(roots, split)} for split in ("train", "held-out"))
    assert len(train) == 2 + 1 + 2 and len(held) == 1 + 1 + 2 and not train & held
    assert {s.name for s in find_data(roots, "held-out")} >= {
        "tartanair_office_Hard_P001",
        "vkitti_Scene01_clone_Camera_0",
    }


def test_names_of_samples_are_unique_across_sets_and_seeds_do_not_move(public_sets):
    found = find_data(list(public_sets.values()))
    assert len({s.name for s in found}) == len(found)
    assert next(s.seed for s in found if s.name == "tartanair_office_Easy_P000") == 561634224  # CRC-32


def test_a_rendered_set_alone_is_drawn_as_ever(sequences):
    """Caches and runs in progress depend on it: the names of three steps, as before there were other sets."""
    m = Mixture(
        sequences=tuple(find_data([sequences], "train")), sizes=((32, 48), (48, 32)), frames=(1, 5),
        frame_weights=(1, 1), batch_frames=4, variants=2, seed=0,
    )  # fmt: skip
    assert m.sequences == tuple(find_sequences([sequences], "train"))
    expected = [
        ["s00002_0000_5_1", "s00002_0000_5_1"],
        ["s00003_0000_5_3", "s00002_0004_5_3"],
        ["s00003_0003_1_0", "s00002_0000_1_0", "s00003_0008_1_0", "s00004_0008_1_0"],
    ]
    assert [[s.name for s in m.batch(step)] for step in range(3)] == expected
    weighted = replace(m, still_weights={"hypersim": 9.0}, clip_weights={"vkitti": 3.0})
    assert [[s.name for s in weighted.batch(step)] for step in range(3)] == expected


def test_sets_are_drawn_as_often_as_the_released_configuration_says(public_sets):
    m = dvd(find_data(list(public_sets.values()), "train"))
    drawn = Counter()
    for step in range(3000):
        batch = m.batch(step)
        kinds = {(s.sequence.kind, s.num_frames) for s in batch}
        assert len(kinds) == 1 and len(batch) == (8 if batch[0].num_frames == 1 else 4)
        drawn.update(kinds)
    share = {key: 60 * n / 3000 for key, n in drawn.items()}
    expected = {("hypersim", 1): 9, ("vkitti", 1): 1, ("tartanair", 5): 40, ("vkitti", 5): 10}
    assert share.keys() == expected.keys()
    assert all(abs(share[key] - n) < 4 * np.sqrt(n * 60 / 3000) for key, n in expected.items())
    again = dvd(find_data(list(public_sets.values()), "train"))
    assert [s.name for s in m.batch(41)] == [s.name for s in again.batch(41)]


def test_what_the_data_lack_drops_out(public_sets):
    lacking = dvd(find_data([public_sets["tartanair"], public_sets["vkitti"]], "train"))
    assert lacking.absent() == ["hypersim"]
    kinds = {(s.sequence.kind, s.num_frames) for step in range(60) for s in lacking.batch(step)}
    assert kinds == {("vkitti", 1), ("tartanair", 5), ("vkitti", 5)}
    stills = dvd(find_data([public_sets["hypersim"]], "train")).feasible()
    assert stills.frames == (1,) and {s.num_frames for step in range(9) for s in stills.batch(step)} == {1}
    clips = make_mixture(replace(RECIPES["dvd_depth_1_3b"](), frames=(1, 5)), [public_sets["tartanair"]], "train")
    assert clips.frames == (5,)
    with pytest.raises(InputError, match="no set gives clips"):
        make_mixture(RECIPES["dvd_depth_1_3b"](), [public_sets["tartanair"]], "train")  # 45 frames, and no stills


def test_stills_join_dkts_clips_at_one_frame(sequences, public_sets):
    recipe = replace(RECIPES["dkt_depth_1_3b"](), frames=(1, 5, 9), frame_weights=(1, 1, 1))
    m = make_mixture(recipe, [sequences, public_sets["hypersim"]], "train")
    kinds = {(s.sequence.kind, s.num_frames) for step in range(90) for s in m.batch(step)}
    assert kinds == {("rendered", 1), ("hypersim", 1), ("rendered", 5), ("rendered", 9)}


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("hypersim", "ai_001_002/images/scene_cam_00_geometry_hdf5/frame.0001.depth_meters.hdf5"),
        ("hypersim", "ai_001_002/images/scene_cam_00_final_preview/frame.0000.tonemap.jpg"),
        ("tartanair", "office/Easy/P000/depth_left/000003_left_depth.npy"),
        ("tartanair", "office/Easy/P000/image_left/000006_left.png"),
        ("vkitti", "Scene02/fog/frames/depth/Camera_1/depth_00002.png"),
        ("vkitti", "Scene02/fog/frames/rgb/Camera_0"),
    ],
)
def test_an_incomplete_set_names_the_file(public_sets, tmp_path, kind, gone):
    root = shutil.copytree(public_sets[kind], tmp_path / kind)
    shutil.rmtree(root / gone) if (root / gone).is_dir() else (root / gone).unlink()
    with pytest.raises(InputError, match=f"{gone}.*: missing"):
        find_data([root], "train")


@pytest.mark.parametrize(
    ("kind", "file", "words"),
    [
        (
            "hypersim",
            "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5",
            "not a readable HDF5",
        ),
        ("tartanair", "office/Easy/P000/depth_left/000003_left_depth.npy", "not a readable array"),
        ("tartanair", "office/Easy/P000/image_left/000003_left.png", "not a readable image"),
        ("vkitti", "Scene01/clone/extrinsic.txt", "not a table"),
    ],
)
def test_a_damaged_file_is_named(public_sets, tmp_path, kind, file, words):
    root = shutil.copytree(public_sets[kind], tmp_path / kind)
    (root / file).write_bytes(b"head\nnothing of the kind")
    with pytest.raises(InputError, match=f"{file}: .*{words}"):
        first(root, kind)


def test_as_many_poses_as_frames(tmp_path):
    root = write_tartanair(tmp_path, {"sea/Easy/P003": 2})
    with (root / "sea/Easy/P003/pose_left.txt").open("a") as file:
        file.write("0 0 0 0 0 0 1\n")
    with pytest.raises(InputError, match="3 poses of 7 numbers for 2 frames"):
        first(root, "tartanair")


def test_a_folder_is_recognised_or_refused_in_a_line(sequences, public_sets, tmp_path):
    assert kinds_of(sequences) == ["rendered"]
    assert [kinds_of(root) for root in public_sets.values()] == [[kind] for kind in public_sets]
    assert kinds_of(public_sets["tartanair"] / "office") == ["tartanair"]
    with pytest.raises(InputError, match="holds none of what --data takes"):
        kinds_of(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        kinds_of(tmp_path / "missing")
    with pytest.raises(InputError, match="no held-out sequences"):
        find_data([write_vkitti(tmp_path, {"Scene20/clone": 1})], "held-out")
