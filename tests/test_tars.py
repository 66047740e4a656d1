"""Tars in the layout of the released TransPhy3D: what is exported reads back as the same clips, by one reader."""

import io
import json
import subprocess
import sys
import tarfile

import cv2
import numpy as np
import pytest

from pellucid.clip import InputError
from pellucid.data import transphy3d
from pellucid.data.frames import MissingFiles
from pellucid.data.sequences import list_sequences, read_sequence
from pellucid.data.sets import find_data, read_clip
from pellucid.data.tars import export_tars
from test_rendered_scenes import save_scene


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Scenes of the seeds 2 (trains), 8 (held out) and 700000 (test), and their tars."""
    pytest.importorskip("webdataset")
    root, tars = tmp_path_factory.mktemp("scenes"), tmp_path_factory.mktemp("tars")
    for seed, split in ((2, "train"), (8, "train"), (700_000, "test")):
        save_scene(root, seed, frames=3, split=split)
    paths = list(export_tars(root, tars))
    assert [str(path.relative_to(tars)) for path in paths] == [
        "train/s00002.000000.tar", "train/s00008.000000.tar", "test/s700000.000000.tar",
    ]  # fmt: skip
    return root, tars


def test_the_clips_are_the_same(scenes):
    root, tars = scenes
    folders, archives = list_sequences(root, "all"), find_data([tars], "all")
    assert sorted(s.name for s in archives) == sorted(s.name for s in folders)
    assert {s.left_out for s in archives} == {None}, "ours are as long as they were rendered"
    by_name = {s.name: s for s in archives}
    for folder in folders:
        ours, theirs = read_sequence(folder, 1, 3), read_clip(by_name[folder.name], 1, 3)
        assert by_name[folder.name].seed == folder.seed
        assert by_name[folder.name].num_frames == folder.num_frames
        for field in ("name", "rgb", "transparent"):
            np.testing.assert_array_equal(getattr(theirs, field), getattr(ours, field))
        for field in ("K", "T_world_camera"):
            np.testing.assert_allclose(getattr(theirs, field), getattr(ours, field), atol=1e-12)
        np.testing.assert_allclose(theirs.depth, ours.depth, rtol=1e-6)  # NaN and inf where they were
        assert np.isinf(theirs.depth).any()
        assert np.isnan(theirs.depth).any()
        np.testing.assert_array_equal(np.isnan(theirs.normals), np.isnan(ours.normals))
        np.testing.assert_allclose(theirs.normals, ours.normals, atol=0.008)
        np.testing.assert_allclose(np.linalg.norm(theirs.normals[1, 10:], axis=-1), 1, atol=1e-6)


def test_splits_hold_in_tars(scenes):
    _, tars = scenes
    assert [s.name for s in find_data([tars], "train")] == ["s00002"]
    assert [s.name for s in find_data([tars], "held-out")] == ["s00008"]


def test_the_library_streams_them_and_finds_the_released_members(scenes):
    _, tars = scenes
    code = (
        "import sys, webdataset, json\n"
        "for s in webdataset.WebDataset(sys.argv[1], shardshuffle=False):\n"
        "    print(s['__key__'], *sorted(k for k in s if k[0] != '_'))"
    )
    path = tars / "train/s00002.000000.tar"
    lines = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    members = ["depth.json", "depth.png", "image.png", "label.png", "metadata.json", "normal.png"]
    assert lines.splitlines() == [" ".join([f"s00002_{t:08d}", *members]) for t in range(3)]
    with tarfile.open(path) as archive:
        meta = json.load(archive.extractfile("s00002_00000002.metadata.json"))
    matrices = meta["camera_matrices"]
    assert (meta["frame_id"], meta["sequence_id"]) == (2, "s00002")
    np.testing.assert_allclose(matrices["intrinsics"], [[60 / 64, 0, 0.5], [0, 60 / 48, 0.5], [0, 0, 1]])
    np.testing.assert_allclose(matrices["extrinsics"][0], [1, 0, 0, 0.2])


def test_exported_again_the_bytes_are_the_same_and_what_is_there_stays(scenes, tmp_path):
    root, tars = scenes
    again = list(export_tars(root, tmp_path))
    for path in again:
        assert path.read_bytes() == (tars / path.relative_to(tmp_path)).read_bytes()
    before = again[0].stat().st_mtime_ns
    assert next(iter(export_tars(root, tmp_path))).stat().st_mtime_ns == before


def test_a_damaged_scene_is_not_exported(tmp_path):
    pytest.importorskip("webdataset")
    save_scene(tmp_path / "in", 2, frames=1)
    (tmp_path / "in/s00002/rgb_0001.jpg").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"rgb_0001\.jpg: missing or damaged"):
        list(export_tars(tmp_path / "in", tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*.*"))
    with pytest.raises(InputError, match="no finished scene"):
        list(export_tars(tmp_path / "out", tmp_path / "out"))


def released(path, sequence: str, frames: range, lacking: str = "") -> None:
    """A tar as the released ones are: no labels, a small max_depth, what is farther saturated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    depth = np.full((4, 8), 65535, np.uint16)
    depth[:, :4] = 32768
    normal = np.full((4, 8, 3), 128, np.uint8)
    normal[:, :4] = (255, 128, 128)  # blue green red of (0, 0, 1) in OpenGL's frame
    meta = {
        "camera_matrices": {
            "extrinsics": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1.619], [0, 0, 0, 1]],
            "intrinsics": [[1.37374, 0, 0.5], [0, 1.37374, 0.5], [0, 0, 1]],
        }
    }
    with tarfile.open(path, "w") as archive:
        for t in frames:
            members = {
                "image.png": cv2.imencode(".png", np.full((4, 8, 3), t, np.uint8))[1].tobytes(),
                "depth.png": cv2.imencode(".png", depth)[1].tobytes(),
                "depth.json": b'{"max_depth": 2.379}',
                "normal.png": cv2.imencode(".png", normal)[1].tobytes(),
                "metadata.json": json.dumps(meta | {"frame_id": t, "sequence_id": sequence}).encode(),
            }
            for name, content in members.items():
                if name != lacking:
                    member = tarfile.TarInfo(f"{sequence}_{t:08d}.{name}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))


def test_the_released_tars_are_read(tmp_path):
    released(tmp_path / "train/000000_materials.000001.tar", "000000", range(2, 5))
    released(tmp_path / "train/000000_materials.000000.tar", "000000", range(2))
    released(tmp_path / "test/0826_many.000000.tar", "000007", range(1))
    names = {s.name: s for s in find_data([tmp_path], "all")}
    assert {name: s.num_frames for name, s in names.items()} == {"000000_materials": 5, "0826_many-000007": 1}
    assert names["000000_materials"].left_out == "its tars hold 5 frames, released sequences have 121"
    with_validation = [s.name for split in ("train", "held-out") for s in transphy3d.find(tmp_path, split)]
    assert with_validation == ["000000_materials"]
    clip = read_clip(names["000000_materials"], 1, 4)
    assert clip.rgb[:, 0, 0, 0].tolist() == [1, 2, 3]  # across two tars
    np.testing.assert_allclose(clip.depth[0, 0, :4], 32768 / 65535 * 2.379, rtol=1e-6)
    assert np.isnan(clip.depth[0, 0, 4:]).all()
    np.testing.assert_allclose(clip.normals[0, 0, 0], [0, 0, -1], atol=0.006)  # faces the camera, in OpenCV's frame
    assert np.isnan(clip.normals[0, 0, 5]).all()
    np.testing.assert_allclose(clip.K, [[1.37374 * 8, 0, 4], [0, 1.37374 * 4, 2], [0, 0, 1]])
    np.testing.assert_allclose(clip.T_world_camera[0, :3, 3], [0, 0, -1.619])
    assert clip.transparent is None


def test_a_tar_that_is_missing_between_others_is_named(tmp_path):
    for part, frames in ((0, range(2)), (2, range(4, 6))):
        released(tmp_path / f"test/0826_many.00000{part}.tar", "000007", frames)
    with pytest.raises(MissingFiles, match=r"0826_many\.\*\.tar \(frame 2 of 0826_many-000007\): missing"):
        transphy3d.find(tmp_path, "all")


def test_a_bad_tar_is_one_line(tmp_path):
    released(tmp_path / "a.000000.tar", "000000", range(2), lacking="normal.png")
    with pytest.raises(InputError, match=r"a\.000000\.tar: 000000_00000000 lacks normal\.png"):
        transphy3d.find(tmp_path, "all")
    (tmp_path / "a.000000.tar").write_bytes(b"no tar")
    with pytest.raises(InputError, match=r"a\.000000\.tar: cannot be read as a tar"):
        transphy3d.find(tmp_path, "all")
