"""The sets that are scored, read back from their authors' formats; protocols cut to; what is missing, named."""

import re
import shutil
from dataclasses import fields, replace
from pathlib import Path

import cv2
import jaxtyping
import numpy as np
import pytest

from pellucid import cli
from pellucid.camera import backproject, depth_to_normals, transform
from pellucid.clip import Clip, InputError
from pellucid.data import bonn, cleargrasp, clearpose, dreds, eth3d, kitti, nyuv2, rgbd, scannet, sintel
from pellucid.data.mixture import with_normals
from pellucid.data.sequences import Sequence
from pellucid.data.sets import find_data, kinds_of, read_clip
from pellucid.data.splits import grouped, listed
from pellucid.evaluate.benchmarks import BENCHMARKS
from pellucid.evaluate.cut import cut, read_cut
from pellucid.evaluate.protocol import Protocol
from public_benchmarks import (
    KITTI_K,
    OFFSET,
    SINTEL_K,
    link_tree,
    plane,
    save_png,
    write_bonn,
    write_cleargrasp,
    write_cleargrasp_real,
    write_clearpose,
    write_diode,
    write_dreds,
    write_eth3d,
    write_hiss,
    write_kitti,
    write_nyuv2,
    write_nyuv2_pngs,
    write_rgbd,
    write_scannet,
    write_scannet_stills,
    write_sintel,
    write_std,
)
from public_sets import PLANE, picture
from test_rendered_scenes import save_scene

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->"
DRIVES = grouped("kitti-val")
VAL = list(DRIVES)


def items(name: str, root: Path, protocol: str, **changes):
    benchmark = BENCHMARKS[name]
    return benchmark.find(root, replace(benchmark.protocols[protocol], **changes))


def is_the_plane(clip: Clip, unknown=None, rtol: float = 2e-3) -> None:
    """Depth is that of the plane for the clip's K and poses wherever it is known, and unknown where told."""
    for t, z in enumerate(clip.depth):
        nearer = 0.0 if clip.T_world_camera is None else clip.T_world_camera[t, 2, 3]
        known = np.ones(z.shape, bool) if unknown is None else ~unknown
        np.testing.assert_array_equal(np.isfinite(z), known)
        np.testing.assert_allclose(z[known], plane(clip.K, *z.shape, nearer)[known], rtol=rtol)


def faces(normals: np.ndarray, unknown: np.ndarray) -> None:
    """Normals are those of the plane, towards the camera."""
    assert np.isnan(normals[..., 0][unknown]).all()
    rest = normals[~unknown]
    np.testing.assert_allclose(rest, np.broadcast_to(-PLANE, rest.shape), atol=0.006)
    np.testing.assert_allclose(np.linalg.norm(rest, axis=-1), 1, atol=1e-5)


def region(shape, *index) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[index] = True
    return mask


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


# What a protocol makes of a clip


def ramp(frames: int = 7) -> Clip:
    v, u = np.mgrid[:8, :12].astype(np.float32)
    depth = np.stack([1 + v + u / 16 + t for t in range(frames)]).astype(np.float32)
    depth[:, 0, 0] = np.inf
    return Clip(
        name="ramp",
        rgb=np.stack([np.repeat((16 * v + u)[..., None], 3, -1) + t for t in range(frames)]).astype(np.uint8),
        K=np.array([[10.0, 0, 5.5], [0, 10, 3.5], [0, 0, 1]]),
        T_world_camera=np.stack([np.eye(4) * (t + 1) for t in range(frames)]),
        depth=depth,
        normals=np.tile(np.float32([0, 0, -1]), (frames, 8, 12, 1)),
        transparent=np.tile(u == 3, (frames, 1, 1)),
    )


def test_frames_are_those_from_the_start_by_the_stride():
    clip = cut(ramp(), Protocol(start=1, stride=2, frames=2, source=""))
    np.testing.assert_array_equal(clip.rgb[:, 0, 1, 0], [2, 4])
    np.testing.assert_array_equal(clip.T_world_camera[:, 0, 0], [2, 4])
    assert len(clip.depth) == len(clip.normals) == len(clip.transparent) == 2


def test_truth_is_unknown_outside_range_and_crop_and_in_the_sky():
    clip = cut(ramp(1), Protocol(crop=(1, 7, 2, 10), min_depth=3.0, max_depth=6.0, source=""))
    expected = np.zeros((8, 12), bool)
    expected[1:7, 2:10] = True
    z = ramp(1).depth[0]
    expected &= (z > 3) & (z < 6)
    np.testing.assert_array_equal(np.isfinite(clip.depth[0]), expected)
    np.testing.assert_array_equal(np.isfinite(clip.normals[0]).all(-1), expected)
    np.testing.assert_array_equal(clip.rgb, ramp(1).rgb)  # what is shown is not cropped
    assert np.isnan(cut(ramp(1), Protocol(source="")).depth[0, 0, 0])
    assert not np.isfinite(cut(ramp(1), Protocol(max_depth=3.0, source="")).depth[0][z == 3]).any()


def test_sizes_average_colour_keep_true_values_and_move_the_camera():
    whole, half = ramp(1), cut(ramp(1), Protocol(size=(4, 6), source=""))
    np.testing.assert_allclose(half.rgb[0, 1, 1, 0], whole.rgb[0, 2:4, 2:4, 0].mean(), atol=0.5)
    assert np.isin(half.depth[np.isfinite(half.depth)], whole.depth).all()
    assert half.transparent[0].sum() == 4  # every second row of a column that nearest pixels keep
    # The point seen at the centre of the picture stays there, and so does any other.
    for (u, v), (x, y) in (((5.5, 3.5), (2.5, 1.5)), ((-0.5, -0.5), (-0.5, -0.5))):
        ray = np.linalg.inv(whole.K) @ [u, v, 1]
        np.testing.assert_allclose(half.K @ ray, [x, y, 1], atol=1e-12)
    larger = cut(ramp(1), Protocol(size=(16, 24), source=""))
    assert larger.rgb.shape == (1, 16, 24, 3) and larger.depth.shape == (1, 16, 24)


def test_a_view_is_the_bottom_and_the_middle():
    clip = cut(ramp(1), Protocol(view=(5, 7), source=""))
    np.testing.assert_array_equal(clip.rgb, ramp(1).rgb[:, 3:, 2:9])
    np.testing.assert_array_equal(clip.depth, ramp(1).depth[:, 3:, 2:9])
    np.testing.assert_allclose(clip.K, [[10, 0, 3.5], [0, 10, 0.5], [0, 0, 1]])
    with pytest.raises(InputError, match="frames of 8x12 for a protocol that shows 9x7"):
        cut(ramp(1), Protocol(view=(9, 7), source=""))


def test_reading_frame_by_frame_is_cutting_the_whole(sequences):
    from pellucid.data.sequences import list_sequences, read_sequence

    protocol = Protocol(start=1, stride=3, frames=2, size=(24, 32), crop=(2, 20, 3, 30), max_depth=1.5, source="")
    sequence = list_sequences(sequences, "all")[0]
    ours, whole = read_cut(read_sequence, sequence, protocol), cut(read_sequence(sequence), protocol)
    for field in fields(Clip):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(whole, field.name))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("field", "words"),
    [("depth", "true depth of 6x4"), ("normals", "true normals of 6x4"), ("transparent", "mask of 6x4")],
)
def test_colour_and_truth_of_other_sizes_are_named(field, words):
    def read(_sequence, start, stop):
        clip = ramp(stop - start)
        return replace(clip, **{field: getattr(clip, field)[:, ::2, ::2]}) if start == 2 else clip

    sequence = Sequence(Path("scene"), 4, 0)
    with pytest.raises(InputError, match=f"frame 2 is a picture of 12x8 with a {words}; they must be of one"):
        read_cut(read, sequence, Protocol(size=(4, 6), source=""))


# ClearPose, DREDS and STD, HISS, ClearGrasp


@pytest.fixture(scope="module")
def clearpose_set(tmp_path_factory):
    return write_clearpose(tmp_path_factory.mktemp("clearpose"))


def test_clearposes_millimetres_objects_cameras_and_range(clearpose_set):
    found = items("clearpose", clearpose_set, "short")
    assert len(found) == 27 and found[0].name == "clearpose_set1_scene5"
    clip = clearpose.read(clearpose.find(clearpose_set)[0])
    hole = region((96, 128), np.s_[:8], np.s_[:8])
    is_the_plane(clip, hole)
    np.testing.assert_allclose(clip.T_world_camera[1, :3, 3], [0, 0, 0.01])
    points = [transform(backproject(z, clip.K), T)[20:] for z, T in zip(clip.depth, clip.T_world_camera, strict=True)]
    np.testing.assert_allclose(np.stack(points) @ PLANE, OFFSET, atol=2e-3)
    np.testing.assert_array_equal(clip.transparent[0], region((96, 128), np.s_[40:60], np.s_[40:60]))  # not the box
    np.testing.assert_array_equal(clip.rgb[1], picture(96, 128, 41))
    scored = found[0].read()
    z = clip.depth
    np.testing.assert_array_equal(np.isfinite(scored.depth), (z > 0.3) & (z < 1.5))
    assert 0.05 < np.isnan(scored.depth).mean() < 0.9


@pytest.mark.parametrize("axes", [(1, -1, -1), (1, 1, 1), (-1, 1, -1)])
def test_clearposes_normals_face_the_camera_in_whatever_frame_they_come(tmp_path, axes):
    clip = clearpose.read(clearpose.find(write_clearpose(tmp_path, 1, axes))[0])
    faces(clip.normals[0], region((96, 128), np.s_[:8], np.s_[:8]))


def test_clearposes_normals_that_are_not_of_its_depth_are_refused(tmp_path):
    root = write_clearpose(tmp_path, 1)
    for file in (root / "set1/scene5").glob("*-normal_true.png"):
        file.unlink()
        save_png(file, np.full((96, 128, 3), (128, 128, 255), np.uint8))  # all to the right
    with pytest.raises(InputError, match="degrees from the normals of the depth"):
        clearpose.read(clearpose.find(root)[0])
    for file in root.glob("set1/scene5/*-normal_true.png"):
        file.unlink()
    assert clearpose.read(clearpose.find(root)[0]).normals is None


def test_std_reads_one_channel_both_names_and_materials(tmp_path):
    root = write_std(tmp_path / "STD-CatKnown", [f"test_{n}" for n in dreds.STD_KNOWN])
    found = items("std-catknown", root, "short")
    assert len(found) == 12 and len(items("std-catknown", tmp_path, "long")) == 12
    clip = dreds.read_std(dreds.find_std(root, "known")[0])
    K = np.array([[150, 0, 79.5], [0, 150, 44.5], [0, 0, 1]])
    for t, z in enumerate(clip.depth):
        assert np.isnan(z[0, :4]).all() and np.isposinf(z[0, 4:8]).all() and np.isnan(z[0, 8:12]).all()
        np.testing.assert_allclose(z[1:], plane(K, 90, 160, 0.02 * t)[1:], rtol=1e-3)
    strips = region((90, 160), np.s_[45:], np.s_[:16])  # 3 and 7; 4 is shiny, 8 diffuse, 255 the table
    np.testing.assert_array_equal(clip.transparent, [strips, strips])
    scored = found[0].read()
    assert np.nanmin(scored.depth) > 0.2 and np.nanmax(scored.depth) < 2 and clip.K is None
    novel = write_std(tmp_path / "novel/real_data_novel", [f"test_novel_{n}" for n in ("0-1", "1", "2", "3", "4")])
    assert items("std-catnovel", novel.parent, "short")[0].name == "std_test_novel_0-1"
    shutil.rmtree(novel / "test_novel_0-1")
    with pytest.raises(InputError, match=r"lacks test_novel_0-1, test_novel_\* \(4 of 5 scenes are there\);"):
        items("std-catnovel", novel.parent, "short")


def test_dreds_stills_train_with_its_normals_and_camera(tmp_path):
    root = write_dreds(tmp_path, {"train/part0/00001": 2, "train/part1/00007": 1, "val/01162": 1, "test/00000": 1})
    assert kinds_of(root) == ["dreds"]
    train, held = ([s.name for s in find_data([root], split)] for split in ("train", "held-out"))
    assert train == ["dreds_train_part0_00001_0000", "dreds_train_part0_00001_0001", "dreds_train_part1_00007_0000"]
    assert held == ["dreds_val_01162_0000"] and len(find_data([root])) == 5
    clip = read_clip(find_data([root], "train")[0], 0, 1)
    assert clip.rgb.shape == (1, 90, 160, 3) and np.isposinf(clip.depth[0, 0]).all()
    np.testing.assert_allclose(clip.K[0, 0], 446.31 * 160 / 640, rtol=1e-4)
    np.testing.assert_allclose(clip.depth[0, 1:], plane(clip.K, 90, 160)[1:], rtol=1e-3)
    faces(clip.normals[0], region((90, 160), 0))
    np.testing.assert_array_equal(clip.transparent[0], region((90, 160), np.s_[45:], np.s_[:16]))
    assert [s.name for s in find_data([root / "train"], "held-out")] == [
        "dreds_part0_00001_0000",
        "dreds_part0_00001_0001",
    ]
    assert len(find_data([root / "train"], "train")) == 1


def test_hiss_is_planar_metres_without_what_its_authors_leave_out(tmp_path):
    stills = ["train/102344049/a/0000", "train/102344049/b_mirror/0001", "train/102344280/0002", "val/102344049/0003"]
    root = write_hiss(tmp_path, [*stills, "train/102344280/0009"])
    (root / "train/bad_his.txt").write_text("datasets/HISS/train/102344280/0009_depth.exr 0.98\n")
    assert kinds_of(root) == ["hiss"]
    assert [s.name for s in find_data([root], "train")] == ["hiss_train_102344049_a_0000", "hiss_train_102344280_0002"]
    assert [s.name for s in find_data([root], "held-out")] == ["hiss_val_102344049_0003"]
    clip = read_clip(find_data([root], "train")[0], 0, 1)
    assert np.isposinf(clip.depth[0, 0]).all()
    np.testing.assert_allclose(clip.depth[0, 1:], plane(clip.K, 90, 160)[1:], rtol=1e-6)
    faces(with_normals(clip).normals[0, 2:], np.zeros((88, 160), bool))


def test_cleargrasps_bent_depth_becomes_the_plane_that_was_rendered(tmp_path):
    root = write_cleargrasp(
        tmp_path, ["synthetic-train/cup-train", "synthetic-val/cup-val", "synthetic-test/tree-test"]
    )
    assert kinds_of(root) == ["cleargrasp"]
    by_split = {split: [s.name for s in find_data([root], split)] for split in ("train", "held-out")}
    assert by_split["train"] == [f"cleargrasp_synthetic-train_cup-train_{n:09d}" for n in (0, 2)]
    assert by_split["held-out"] == [f"cleargrasp_synthetic-val_cup-val_{n:09d}" for n in (0, 2)]
    sequence = find_data([root], "train")[0]
    clip = read_clip(sequence, 0, 1)
    is_the_plane(clip, rtol=1e-6)
    shipped = cleargrasp.read_exr(sequence.path)
    assert 0.01 < np.abs(shipped / clip.depth[0] - 1).max() < 0.03, "what is shipped is bent"
    faces(clip.normals[0], np.zeros((54, 96), bool))
    np.testing.assert_array_equal(clip.transparent[0], region((54, 96), np.s_[20:30], np.s_[20:30]))


def test_cleargrasps_real_twins(tmp_path):
    root = write_cleargrasp_real(tmp_path)
    found = items("cleargrasp", root, "image")
    assert [i.name for i in found] == [f"real-{f}_000000007" for f in ("test_d435", "val_d415", "val_d435")]
    assert [i.name for i in items("cleargrasp", root, "image", split="test")] == ["real-test_d435_000000007"]
    for item in found:
        clip = item.read()
        is_the_plane(clip, region((72, 128), np.s_[:4]))
        faces(clip.normals[0], region((72, 128), np.s_[:6]))
        np.testing.assert_array_equal(clip.transparent[0], region((72, 128), np.s_[30:40], np.s_[30:40]))


# KITTI, ScanNet, Bonn, Sintel


def test_kittis_sparse_depth_view_and_crop(tmp_path):
    for rgb, depth in (("", ""), ("rgb", "depth"), ("raw_data", "data_depth_annotated")):
        root = write_kitti(tmp_path / (rgb or "plain"), dict(list(DRIVES.items())[:2]), rgb=rgb, depth=depth)
        found = items("kitti", root, "short", frames=2, clips=2)
        assert [i.name for i in found] == [f"kitti_{name}" for name in VAL[:2]]
        clip = found[1].read()
        assert clip.rgb.shape == (2, 352, 1216, 3) and clip.depth.shape == (2, 352, 1216)
        np.testing.assert_array_equal(clip.rgb[0], picture(375, 1242, 100)[23:, 13 : 13 + 1216])
        np.testing.assert_allclose(clip.K, KITTI_K - [[0, 0, 13], [0, 0, 23], [0, 0, 0]])
        lidar = (np.indices((375, 1242)).sum(0) % 3 == 0)[23:, 13 : 13 + 1216]
        lidar &= region((352, 1216), np.s_[117:321], np.s_[43:1172])
        np.testing.assert_array_equal(np.isfinite(clip.depth[0]), lidar)
        z = 10 * plane(clip.K, 352, 1216)
        np.testing.assert_allclose(clip.depth[0][lidar], z[lidar], atol=0.5 / 256 + 1e-6)
    sequence = kitti.find(root, "val", 2)[0]
    assert sequence.num_frames == 67 and len(kitti.read(sequence, 62).rgb) == 5
    (root / "raw_data/2011_09_26/calib_cam_to_cam.txt").unlink()
    assert kitti.read(sequence, 0, 1).K is None


def test_eigens_test_pictures_are_the_652_with_depth(tmp_path):
    drives = grouped("kitti-eigen")
    assert len(drives) == 28 and sorted(drives["2011_09_26_drive_0002_sync"]) == [*range(6, 66, 3), 69]
    part = {name: frames for name, frames in drives.items() if name in VAL}
    assert 0 < len(part) < 28
    write_kitti(tmp_path, part, "val")
    write_kitti(tmp_path, {name: frames for name, frames in drives.items() if name not in VAL}, "train")
    found = items("kitti", tmp_path, "image")
    assert len(found) == len({i.name for i in found}) == 652
    clip = found[0].read()
    assert clip.rgb.shape == (1, 352, 1216, 3) and np.isfinite(clip.depth).any()
    first = f"val/{VAL[0]}/proj_depth/groundtruth/image_02/0000000069.png"
    shutil.rmtree(tmp_path / "val" / VAL[0])
    with pytest.raises(InputError, match=f"kitti lacks {first}, "):
        items("kitti", tmp_path, "image")
    assert [i.name[-3:] for i in found[:3]] == ["069", "054", "042"], "in the order of the list"


def test_dvds_script_takes_ten_clips_that_are_long_enough(tmp_path):
    drives = grouped("kitti-train")
    assert len(drives) == 10 and all(len(frames) >= 300 for frames in drives.values())
    first = next(iter(drives))
    root = write_kitti(tmp_path / "kitti", {first: drives[first]}, "train")
    assert [i.name for i in items("kitti", root, "dvd", clips=1)] == [f"kitti_{first}"]
    with pytest.raises(InputError, match=r"kitti lacks .*drive_0014_sync/.*0000000005\.png") as raised:
        items("kitti", root, "dvd")
    assert len(raised.value.files) == 2 * sum(len(frames) for drive, frames in drives.items() if drive != first)
    scans = [f"scene00{n:02d}_00" for n in range(25)]
    root = write_scannet(tmp_path / "scannet", scans[::2], frames=7)
    write_scannet(root, scans[1::2], frames=4)
    found = items("scannet", root, "dvd", frames=7, min_frames=7)
    assert [i.name for i in found] == scans[:20:2]
    with pytest.raises(InputError, match="holds 0 clips of scannet with at least 300 frames; the protocol asks for 10"):
        items("scannet", root, "dvd")


def test_scannets_frames_are_in_order_and_lost_poses_are_unknown(tmp_path):
    root = write_scannet(tmp_path / "scans_test", list(scannet.TEST))
    found = items("scannet", tmp_path, "short")
    assert len(found) == 100 and (found[0].name, found[-1].name) == ("scene0707_00", "scene0806_00")
    clip = scannet.read(scannet.find(root, "all")[0])
    assert clip.rgb.shape == (12, 48, 64, 3)
    np.testing.assert_allclose(clip.rgb[:, 10, 10, 2], [20 * t for t in range(12)], atol=3)  # 10 after 9, JPEG
    assert np.isnan(clip.T_world_camera[3]).all() and np.isfinite(np.delete(clip.T_world_camera, 3, 0)).all()
    tracked = np.arange(12) != 3
    tracked = replace(clip, **{x: getattr(clip, x)[tracked] for x in ("rgb", "depth", "T_world_camera")})
    is_the_plane(tracked, region((48, 64), np.s_[:2], np.s_[:2]))
    np.testing.assert_allclose(clip.depth[3, 40, 40], plane(clip.K, 48, 64, 0.03)[40, 40], rtol=2e-3)
    np.testing.assert_allclose(found[0].read().T_world_camera[:, 2, 3], [0, np.nan, 0.06, 0.09])  # every third
    assert len(items("scannet", root, "long")[0].read().rgb) == 12
    for folder in ("pose", "intrinsic"):
        shutil.rmtree(root / "scene0707_00" / folder)
    bare = scannet.read(scannet.find(root)[0], 0, 1)
    assert bare.K is None and bare.T_world_camera is None


def test_scannets_stills_are_marigolds(tmp_path):
    root = write_scannet_stills(tmp_path / "scannet_val_sampled_800_1")
    found = items("scannet", tmp_path, "image")
    assert len(found) == 800 and [i.name for i in found[:2]] == ["scene0406_02_000300", "scene0088_02_001100"]
    clip = found[5].read()
    assert clip.rgb.shape == (1, 48, 64, 3) and clip.K is None
    assert np.isnan(clip.depth[0, :10]).all() and (clip.depth[0, 10:] == 2.5).all()
    (root / "scene0645_02/depth/000800.png").unlink()
    assert [i.name for i in items("scannet", root, "image", clips=2)] == [i.name for i in found[:2]]
    with pytest.raises(InputError, match=r"lacks scene0645_02/depth/000800\.png;"):
        items("scannet", root, "image", clips=3)


def test_the_ends_of_scans_and_sequences_are_known_where_a_file_tells(tmp_path):
    root = write_scannet(tmp_path / "scannet", list(scannet.TEST[:1]), frames=4)
    about = root / "scene0707_00/scene0707_00.txt"
    about.write_text("axisAlignment = 1.0 0.0\nnumColorFrames = 4\nnumDepthFrames = 4\n")
    assert len(items("scannet", root, "long", clips=1)) == 1
    (root / "scene0707_00/color/3.jpg").unlink()
    (root / "scene0707_00/depth/3.png").unlink()  # its pose is still there
    lacking = r"lacks scene0707_00/color/3\.jpg, scene0707_00/depth/3\.png;"
    with pytest.raises(InputError, match=lacking):
        items("scannet", root, "long", clips=1)
    (root / "scene0707_00/pose/3.txt").unlink()
    with pytest.raises(InputError, match=lacking.replace(";", r", scene0707_00/pose/3\.txt;")):
        items("scannet", root, "long", clips=1)
    about.unlink()
    assert scannet.find(root, "test", 1)[0].num_frames == 3, "without it nothing tells"
    root = write_bonn(tmp_path / "bonn", ["balloon2"])
    scene = root / "rgbd_bonn_balloon2"
    for stream in ("rgb", "depth"):
        names = sorted(file.name for file in (scene / stream).iterdir())
        lines = "".join(f"{name[:-4]} {stream}/{name}\n" for name in names)
        (scene / f"{stream}.txt").write_text(f"# color images\n# file: 'rgbd_bonn_balloon2'\n{lines}")
    assert len(items("bonn", root, "long", clips=1)) == 1
    (scene / "depth" / names[-1]).unlink()
    with pytest.raises(InputError, match=rf"bonn lacks rgbd_bonn_balloon2/depth/{re.escape(names[-1])};"):
        items("bonn", root, "long", clips=1)


def test_bonns_clocks_are_brought_together(tmp_path):
    root = write_bonn(tmp_path / "rgbd_bonn_dataset", list(bonn.FIVE))
    sequence = bonn.find(tmp_path)[0]
    assert sequence.name == "rgbd_bonn_balloon2" and sequence.num_frames == 39
    clip = bonn.read(sequence)
    frames = clip.rgb[:, 0, 0, 0]
    np.testing.assert_array_equal(frames, [t for t in range(40) if t != 5])  # no depth within 0.02 s of it
    np.testing.assert_allclose(clip.depth[:, 3, 3], (5000 + 50.0 * frames) / 5000, rtol=1e-6)
    np.testing.assert_array_equal(clip.K, bonn.K)
    found = items("bonn", root, "short")
    assert [i.name for i in found] == [f"rgbd_bonn_{name}" for name in bonn.FIVE]
    np.testing.assert_array_equal(found[0].read().rgb[:, 0, 0, 0], range(31, 40))  # pair 30 is frame 31
    assert {i.left_out for i in found} == {"1 of 40 pictures is left out: no depth is within 0.02 s of it"}
    assert len(items("bonn", write_bonn(tmp_path / "ten", list(bonn.TEN)), "dvd", min_frames=30)) == 10
    with pytest.raises(InputError, match=r"lacks rgbd_bonn_balloon/rgb"):
        items("bonn", root, "dvd", min_frames=30)
    for file in (root / "rgbd_bonn_crowd2/depth").iterdir():
        file.rename(file.with_name(f"{float(file.stem) + 9:.5f}.png"))
    with pytest.raises(InputError, match=r"rgbd_bonn_crowd2: no picture has depth within 0\.02 s"):
        items("bonn", root, "short")


@pytest.fixture(scope="module")
def sintel_set(tmp_path_factory):
    return write_sintel(tmp_path_factory.mktemp("sintel"))


def test_sintels_numbers_cameras_passes_and_sky(sintel_set):
    found = items("sintel", sintel_set, "short")
    assert len(found) == 23 and sum(s.num_frames for s in sintel.find(sintel_set)) == 1064
    clip = sintel.read(sintel.find(sintel_set / "training")[0], 0, 2)
    np.testing.assert_array_equal(clip.K, SINTEL_K)
    np.testing.assert_allclose(clip.T_world_camera[1, :3, 3], [0, 0, 0.05], atol=1e-12)
    for t in range(2):
        np.testing.assert_allclose(clip.depth[t, 20:], plane(SINTEL_K, 436, 1024, 0.05 * t)[20:], rtol=1e-6)
    assert clip.rgb[1, 0, 0, 2] == 21 and sintel.read(sintel.find(sintel_set, "clean")[0], 0, 1).rgb[0, 0, 0, 2] == 50
    scored = items("sintel", sintel_set, "short", frames=1)[0].read()
    assert scored.rgb.shape == (1, 480, 640, 3) and np.isnan(scored.depth[0, :22]).all()
    np.testing.assert_allclose(scored.K[0], [1120 * 640 / 1024, 0, 319.5], rtol=1e-6)
    z = plane(scored.K, 480, 640)
    np.testing.assert_allclose(scored.depth[0, 23:], z[23:], rtol=3e-3)  # of the nearest pixel


@pytest.mark.parametrize("content", [b"", b"PIEH", np.float32(202021.25).tobytes() + bytes(12)])
def test_a_damaged_dpt_is_named(tmp_path, content):
    (tmp_path / "a.dpt").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.dpt: (does not begin with|is not as long)"):
        sintel.read_dpt(tmp_path / "a.dpt")


# NYUv2, DIODE, ETH3D, TransPhy3D, your own


def test_nyus_labelled_file_and_marigolds_pictures(tmp_path):
    pytest.importorskip("h5py")
    root = write_nyuv2(tmp_path / "mat", {1: 2.0, 2: 12.0, 3: 3.0})
    found = items("nyuv2", root, "image")
    assert len(found) == 654 and [i.name for i in found[:3]] == ["nyuv2_0001", "nyuv2_0002", "nyuv2_0003"]
    clip = found[2].read()
    np.testing.assert_array_equal(clip.rgb[0], picture(480, 640, 3))
    expected = region((480, 640), np.s_[100:471], np.s_[41:601])  # the sensor's own depth begins at row 100
    np.testing.assert_array_equal(np.isfinite(clip.depth[0]), expected)
    assert (clip.depth[0][expected] == 3).all()
    assert np.isnan(found[1].read().depth).all()  # beyond 10 m
    pictures = write_nyuv2_pngs(tmp_path / "png")
    assert len(items("nyuv2", pictures, "image")) == 654
    depth = nyuv2.read(nyuv2.find(pictures)[0]).depth[0]
    assert np.isnan(depth[:10]).all() and (depth[10:] == 2.5).all()
    assert [i.name for i in items("nyuv2", pictures, "image")[-2:]] == ["nyuv2_1448", "nyuv2_1449"]
    for file in pictures.glob("test/*/*_0009.png"):
        file.unlink()
    with pytest.raises(
        InputError, match=r"lacks test/office_0005/rgb_0009\.png, test/office_0005/depth_0009\.png; where"
    ):
        items("nyuv2", pictures, "image")
    assert len(items("nyuv2", pictures, "image", clips=2)) == 2


def test_diodes_masks_unlike_focal_lengths_and_normals(tmp_path):
    root = write_diode(tmp_path / "val")
    found = items("diode", tmp_path, "image")
    assert len(found) == len({i.name for i in found}) == 771
    clip = found[0].read()
    is_the_plane(clip, region((96, 128), slice(None), np.s_[:10]), rtol=1e-6)
    faces(clip.normals[0], region((96, 128), slice(None), np.s_[:10]) | region((96, 128), np.s_[:5]))
    assert found[0].name == "diode_00021_00189_indoors_200_010", "in the order of the list"
    gone = [
        "indoors/scene_00021/scan_00189/00021_00189_indoors_240_030_depth_mask.npy",
        "outdoor/scene_00023/scan_00200/00023_00200_outdoor_040_010.png",
    ]
    for file in gone:
        (root / file).unlink()
    with pytest.raises(InputError, match=re.escape(f"lacks val/{gone[0]}, val/{gone[1]}; where")):
        items("diode", tmp_path, "image")
    assert len(items("diode", tmp_path, "image", clips=1)) == 1


@pytest.mark.parametrize("marigold", [False, True])
def test_eth3ds_depth_is_no_jpeg(tmp_path, marigold):
    root = write_eth3d(tmp_path, marigold)
    found = items("eth3d", root, "image", size=(60, 90))
    assert len(found) == len({i.name for i in found}) == 454
    clip = found[0].read()
    K = np.array([[120, 0, 89.5], [0, 120, 59.5], [0, 0, 1]])
    assert clip.K is None and clip.rgb.shape == (1, 60, 90, 3)
    assert np.isnan(clip.depth[0, :5]).all()  # infinite is what the laser did not see, not the sky
    near = 5 * plane(K, 120, 180)[1::2, 1::2]
    np.testing.assert_allclose(clip.depth[0, 5:], near[5:], rtol=1e-6)
    assert [found[0].name, found[-1].name] == ["eth3d_office_DSC_0219", "eth3d_electro_DSC_9303"]
    gone = next(root.rglob("kicker/images/dslr_images/DSC_6487.JPG"))
    gone.rename(tmp_path / "gone")
    with pytest.raises(InputError, match=rf"eth3d lacks {gone.relative_to(root)}; where"):
        items("eth3d", root, "image")
    (tmp_path / "gone").rename(gone)
    truth = next(root.rglob("ground_truth_depth/dslr_images/DSC_0219.JPG"))
    content = truth.read_bytes()
    truth.unlink()
    truth.write_bytes(content[:-4])
    with pytest.raises(InputError, match="21599 values for a picture of 180x120"):
        eth3d.read(next(s for s in eth3d.find(root) if eth3d._truth(s.path) == truth))


def test_transphy3d_as_released_and_as_rendered(tmp_path):
    pytest.importorskip("webdataset")
    from pellucid.data.tars import export_tars

    scenes = tmp_path / "scenes"
    for seed, split in ((2, "train"), (8, "train"), (700_000, "test"), (700_007, "test")):
        save_scene(scenes, seed, frames=3, split=split)
    list(export_tars(scenes, tmp_path / "tars"))
    assert [i.name for i in items("transphy3d", tmp_path / "tars", "short")] == ["s700000", "s700007"]
    ours = items("transphy3d-ours", scenes, "short", clips=2)
    assert [i.name for i in ours] == ["s700000", "s700007"] and ours[0].read().rgb.shape[0] == 3
    with pytest.raises(InputError, match=r"holds 2 clips of transphy3d-ours .* asks for 28; score fewer with --clips"):
        items("transphy3d-ours", scenes, "short")
    assert [i.name for i in items("transphy3d-mini", scenes, "short")] == ["s00008"]
    (scenes / "s00008/depth_0002.png").unlink()
    with pytest.raises(
        InputError, match=r"transphy3d-mini lacks s00008/depth_0002\.png; where to get it: pellucid render"
    ):
        items("transphy3d-mini", scenes, "short")


def test_your_own_frames(tmp_path):
    found = items("rgbd-frames", write_rgbd(tmp_path), "image")
    assert [i.name for i in found] == ["cup", "more_1"]
    is_the_plane(found[0].read(), region((48, 64), np.s_[:2]))
    other = found[1].read()
    assert other.K is None and other.rgb.shape == (1, 48, 64, 3)
    (tmp_path / "cup_rgb.png").unlink()
    with pytest.raises(InputError, match=r"rgbd-frames lacks cup_rgb\.jpg"):
        items("rgbd-frames", tmp_path, "image")


# What is missing


def test_the_lists_of_files_are_the_sets():
    sizes = {"diode": 771, "eth3d": 454, "nyuv2": 654, "scannet": 800, "kitti-eigen": 652, "kitti-val": 6852 // 2}
    for name, size in sizes.items():
        assert len(listed(name)) == len(set(listed(name))) == size, name
    assert {drive: DRIVES[drive][::66] for drive in VAL[:1]} == {"2011_09_26_drive_0002_sync": [5, 71]}
    assert len(grouped("eth3d")) == len(DRIVES) == 13 and len(grouped("diode")) == 20
    numbers = [n for _, n in listed("nyuv2")]
    assert numbers == sorted(numbers) and numbers[-1] == 1449  # as in the labelled file
    # Eigen's pictures of the validation drives have depth, so the drives must have them.
    assert all(n in DRIVES[drive] for drive, n in listed("kitti-eigen") if drive in DRIVES)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_folder_says_what_is_missing_where_it_is_and_under_which_licence(tmp_path, name):
    benchmark = BENCHMARKS[name]
    for protocol in benchmark.protocols.values():
        for root, words in ((tmp_path, f"{name} lacks "), (tmp_path / "gone", "no such folder")):
            with pytest.raises(InputError) as raised:
                benchmark.find(root, protocol)
            message = str(raised.value)
            assert words in message and benchmark.url in message and benchmark.licence in message
            assert "\n" not in message


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("set4/scene6/000001-depth_true.png", "set4/scene6/000001-depth_true.png;"),
        ("set4/scene6/000001-color.png", "set4/scene6/000001-color.png;"),
        ("set9/scene12/000000-label.png", "set9/scene12/000000-label.png;"),
        ("set5/scene6/000001-normal_true.png", "set5/scene6/000001-normal_true.png;"),
        ("set2/scene4/metadata.mat", "set2/scene4/metadata.mat;"),
        ("set8", "set8/scene1/metadata.mat, set8/scene2/metadata.mat, set8/scene3/metadata.mat and 3 more;"),
    ],
)
def test_an_incomplete_clearpose_names_its_files(clearpose_set, tmp_path, gone, named):
    link_tree(clearpose_set, tmp_path)
    shutil.rmtree(tmp_path / gone) if (tmp_path / gone).is_dir() else (tmp_path / gone).unlink()
    with pytest.raises(InputError, match=f"clearpose lacks {re.escape(named)}"):
        items("clearpose", tmp_path, "short")


def test_clearposes_metadata_tells_of_frames_of_which_nothing_is_there(clearpose_set, tmp_path):
    link_tree(clearpose_set, tmp_path)
    for file in (tmp_path / "set3/scene8").glob("000001-*"):
        file.unlink()
    with pytest.raises(InputError, match=r"clearpose lacks set3/scene8/000001-color\.png, .* and 1 more;"):
        items("clearpose", tmp_path, "short")
    (tmp_path / "set3/scene8/metadata.mat").unlink()
    (tmp_path / "set3/scene8/metadata.mat").write_bytes(b"MATLAB")
    found = items("clearpose", tmp_path, "short")  # the others can be scored
    with pytest.raises(InputError, match=r"scene8/metadata\.mat: missing or not a readable"):
        next(i for i in found if i.name == "clearpose_set3_scene8").read()


def test_incomplete_videos_name_their_files(sintel_set, tmp_path):
    root = write_scannet(tmp_path / "scannet", list(scannet.TEST), frames=4)
    (root / "scene0800_00/depth/2.png").unlink()
    with pytest.raises(InputError, match=r"scannet lacks scene0800_00/depth/2\.png;"):
        items("scannet", root, "short")
    (root / "scene0800_00/color/2.jpg").unlink()
    with pytest.raises(InputError, match=r"scannet lacks scene0800_00/color/2\.jpg, scene0800_00/depth/2\.png;"):
        items("scannet", root, "short")
    root = write_kitti(tmp_path / "kitti", DRIVES)
    assert len(items("kitti", root, "short")) == 13
    picture_, depth = (
        f"{folder}/0000000006.png"
        for folder in (f"2011_09_26/{VAL[4]}/image_02/data", f"val/{VAL[4]}/proj_depth/groundtruth/image_02")
    )
    (root / picture_).unlink()
    with pytest.raises(InputError, match=rf"kitti lacks {picture_};"):
        items("kitti", root, "short")
    (root / depth).unlink()
    last = f"val/{VAL[8]}/proj_depth/groundtruth/image_02/0000000081.png"
    (root / last).unlink()
    with pytest.raises(InputError, match=rf"kitti lacks {picture_}, {depth}, {last};"):
        items("kitti", root, "short")
    link_tree(sintel_set, tmp_path / "sintel")
    (tmp_path / "sintel/training/depth/market_6/frame_0040.dpt").unlink()
    with pytest.raises(InputError, match=r"sintel lacks training/depth/market_6/frame_0040\.dpt;"):
        items("sintel", tmp_path / "sintel", "short")
    root = write_std(tmp_path / "std", [f"test_{n}" for n in dreds.STD_KNOWN])
    (root / "test_8/0000_gt_depth.exr").unlink()
    (root / "test_9-2/0001_color.png").unlink()
    with pytest.raises(InputError, match=r"std-catknown lacks test_8/0000_gt_depth\.exr, test_9-2/0001_color\.png;"):
        items("std-catknown", root, "short")


def test_more_files_than_a_line_holds_are_listed(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    given = ["--predictions", str(tmp_path / "mine"), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert cli.main(["evaluate", "--benchmark", "clearpose", *given]) == 2
    listed = tmp_path / "out" / "missing.txt"
    assert f"set2/scene3/metadata.mat and 24 more, listed in {listed}; where to get it" in capsys.readouterr().err
    lines = listed.read_text().splitlines()
    assert len(lines) == 27 and lines[-1] == "set9/scene12/metadata.mat"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda scene: (scene / "camera.json").write_text('{"frames": 9}'), "camera.json: does not say K, camera_from"),
        (lambda scene: cv2.imwrite(str(scene / "depth_0002.png"), np.ones((48, 64), np.uint8)), "depth is one channel"),
        (lambda scene: (scene / "normal_0003.png").write_bytes(b""), "normal_0003.png: missing or not a readable"),
    ],
)
def test_a_damaged_scene_is_named(sequences, tmp_path, spoil, words):
    shutil.copytree(sequences / "s00008", tmp_path / "s00008")
    spoil(tmp_path / "s00008")
    (item,) = items("transphy3d-mini", tmp_path, "short")
    with pytest.raises(InputError, match=words):
        item.read()


@pytest.mark.parametrize(
    ("name", "protocol", "write", "clips"),
    [
        ("clearpose", "short", lambda root: clearpose_scenes(root, ("set1/scene5", "set2/scene1")), 2),
        ("std-catknown", "long", lambda root: write_std(root, ["test_0", "test_14-1"]), 2),
        ("scannet", "short", lambda root: write_scannet(root, list(scannet.TEST[:3]), frames=4), 3),
        ("bonn", "long", lambda root: write_bonn(root, list(bonn.FIVE[:2])), 2),
        ("kitti", "short", lambda root: write_kitti(root, {VAL[0]: DRIVES[VAL[0]]}), 1),
    ],
)
def test_of_a_part_of_a_set_the_first_clips_are_scored(tmp_path, name, protocol, write, clips):
    write(tmp_path)
    assert len(items(name, tmp_path, protocol, clips=clips)) == clips
    with pytest.raises(InputError, match=f"{name} lacks "):
        items(name, tmp_path, protocol, clips=clips + 1)


def clearpose_scenes(root: Path, kept: tuple[str, ...]) -> None:
    write_clearpose(root)
    for scene in root.glob("set*/scene*"):
        if scene.relative_to(root).as_posix() not in kept:
            shutil.rmtree(scene)


# Real pictures


def test_real_twins_of_cleargrasp(real):
    pytest.importorskip("OpenEXR")
    found = items("cleargrasp", real / "cleargrasp_real", "image")
    assert [i.name for i in found] == ["000000080", "000000123"]
    for item in found:
        clip = item.read()
        with np.load(real / "cleargrasp_real" / f"{item.name}-gt.npz") as truth:
            depth, known = truth["depth_gt_m"].astype(np.float32), truth["depth_gt_m"] > 0
            np.testing.assert_array_equal(np.isfinite(clip.depth[0]), known)
            np.testing.assert_allclose(clip.depth[0][known], depth[known], rtol=1e-3)
            np.testing.assert_array_equal(clip.transparent[0], truth["mask"] > 0)
            np.testing.assert_array_equal(clip.K, truth["K"])
            theirs = truth["normals_opencv"].astype(np.float32) / 127
        both = np.isfinite(clip.normals[0]).all(-1) & (np.linalg.norm(theirs, axis=-1) > 0.9)
        assert both.mean() > 0.75
        cosine = (clip.normals[0][both] * theirs[both]).sum(-1) / np.linalg.norm(theirs[both], axis=-1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 2  # 8 bits
        # Depth and normals are of one scene, in one frame: on the whole they agree.
        own = depth_to_normals(clip.depth[0, ::8, ::8], np.diag([1 / 8, 1 / 8, 1]) @ clip.K)
        angle = np.degrees(np.arccos(np.clip((own * clip.normals[0, ::8, ::8]).sum(-1), -1, 1)))
        assert np.nanmedian(angle) < 20


def test_real_frames_of_depth_cameras(real):
    found = items("rgbd-frames", real, "image")
    names = [f"6dof_graspnet_{x}" for x in ("cylinder", "mustard", "red_mug")]
    assert [i.name for i in found] == [*names, *(f"lingbot_depth_{x}" for x in (1, 2, 6))]
    for item in found:
        clip = item.read()
        assert clip.rgb.shape == (1, 480, 640, 3) and 400 < clip.K[0, 0] < 700
        assert np.isfinite(clip.depth).mean() > 0.5 and 0.3 < np.nanmin(clip.depth) < np.nanmax(clip.depth) < 3
    assert rgbd.read(rgbd.find(real / "lingbot_depth")[0]).name == "1"


# The document


def test_the_document_says_what_the_code_does():
    text = DOCUMENT.read_text()
    assert text.partition(BEGIN)[2].partition(END)[0] == table()
    for benchmark in BENCHMARKS.values():
        assert f"### {benchmark.name}\n" in text


def table() -> str:
    """The table of docs/benchmarks.md; `python tests/test_benchmarks.py` writes it there."""
    lines = ["| benchmark | protocol | clips | frames | size | scored depth (m) | masks | truth that is not scored |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    sources = ["", "| benchmark | protocol | where it comes from |", "|---|---|---|"]
    for b in BENCHMARKS.values():
        for name, p in b.protocols.items():
            frames = (
                "all"
                if p.frames is None
                else f"{p.start} to {p.start + p.frames * p.stride}"
                if p.start
                else f"{p.frames}"
            )
            frames += f", every {p.stride}rd" if p.stride > 1 else ""
            size = "as shipped" if p.size is None else "x".join(map(str, p.size))
            size = size if p.view is None else f"{p.view[0]}x{p.view[1]} at the bottom"
            size += "" if p.crop is None else f", scored {p.crop[0]}:{p.crop[1]}, {p.crop[2]}:{p.crop[3]}"
            depth = f"{p.min_depth:g} to {p.max_depth:g}" if p.max_depth < float("inf") else "all"
            clips = "all" if p.clips is None else f"{p.clips}"
            lines.append(f"| `{b.name}` | {name} | {clips} | {frames} | {size} | {depth} | {b.masks} | {p.invalid} |")
            sources.append(f"| `{b.name}` | {name} | {p.source} |")
    return "\n".join([*lines, *sources]) + "\n"


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
