"""Rendered scenes on disk: what is read is what was written, whole or absent, from any number of processes."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from pellucid.clip import InputError
from pellucid.data.behind import read_behind
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.store import (
    CHECKSUMS,
    SceneFrame,
    damaged_files,
    is_whole,
    load_scene_frame,
    publish,
    save_scene_frame,
    sweep,
)
from test_store import disk_of, names


def scene_frame(shift: int = 0, height: int = 48, width: int = 64) -> SceneFrame:
    """A glass ball (2) and a clear plastic one (8) before a tilted wall under the sky."""
    rows, columns = np.indices((height, width)).astype(np.float32)
    wall_depth = np.where(rows < 6, np.inf, 1.6 - rows / 60).astype(np.float32)
    wall_normal = np.where(rows[..., None] < 6, np.nan, np.array([0, -0.6, -0.8])).astype(np.float32)
    depth, normals = wall_depth.copy(), wall_normal.copy()
    instance = np.where(rows < 6, 0, 201).astype(np.uint8)
    material = np.where(rows < 6, 0, 6).astype(np.uint8)
    for number, (kind, x0) in enumerate(((1, 20 + shift), (8, 46 + shift)), start=1):
        x, y = (columns - x0) / 10, (rows - 24) / 10
        bulge = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
        inside = x**2 + y**2 < 1
        depth[inside] = (0.8 - 0.1 * bulge)[inside]
        normals[inside] = np.stack([x, y, -bulge], -1)[inside]
        instance[inside], material[inside] = number, kind
    depth[-1, 0] = np.nan
    rgb = np.stack([columns * 3, rows * 5, 200 - columns], -1).clip(0, 255).astype(np.uint8)
    return SceneFrame(
        rgb=rgb, depth=depth, normals=normals, instance=instance, material=material,
        transparent=(material == 1) | (material == 8), depth_behind=wall_depth, normals_behind=wall_normal,
    )  # fmt: skip


def save_scene(folder, seed: int, frames: int = 5, **more) -> None:
    """A published scene of that seed."""
    with publish(folder / f"s{seed:05d}") as part:
        for t in range(frames):
            save_scene_frame(part, t, scene_frame(t))
        camera = {
            "frames": frames,
            "seed": seed,
            "K": [[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]],
            "camera_from_world": [
                [[1, 0, 0, t / 10], [0, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]] for t in range(frames)
            ],
        }
        (part / "camera.json").write_text(json.dumps(camera | more))


def test_a_frame_comes_back(tmp_path):
    frame = scene_frame()
    save_scene_frame(tmp_path, 0, frame)
    back = load_scene_frame(tmp_path, 0)
    assert np.abs(back.rgb.astype(int) - frame.rgb).mean() < 3
    for name in ("depth", "depth_behind"):
        truth, found = getattr(frame, name), getattr(back, name)
        np.testing.assert_array_equal(np.isinf(found), np.isinf(truth))
        finite = np.isfinite(truth)
        np.testing.assert_allclose(found[finite], truth[finite], atol=1.01e-4)
    assert np.isnan(back.depth[-1, 0])
    for name in ("normals", "normals_behind"):
        truth, found = getattr(frame, name), getattr(back, name)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(truth))
        np.testing.assert_allclose(found, truth, atol=0.008)
    for name in ("instance", "material", "transparent"):
        np.testing.assert_array_equal(getattr(back, name), getattr(frame, name))


def test_the_reader_of_training_reads_it_and_what_lies_behind(tmp_path):
    save_scene(tmp_path, 12)
    (sequence,) = find_sequences([tmp_path], "train")
    clip = read_sequence(sequence, 1, 4)
    frames = [scene_frame(t) for t in range(1, 4)]
    np.testing.assert_array_equal(clip.transparent, [f.transparent for f in frames])  # both glass and clear plastic
    np.testing.assert_allclose(clip.depth[:, 6:-1], [f.depth[6:-1] for f in frames], atol=1.01e-4)
    depth, normals = read_behind(sequence, 1, 4)
    np.testing.assert_allclose(depth[:, 6:-1], [f.depth_behind[6:-1] for f in frames], atol=1.01e-4)
    np.testing.assert_allclose(normals[:, 6:], [f.normals_behind[6:] for f in frames], atol=0.008)
    np.testing.assert_allclose(clip.T_world_camera[0, :3, 3], [-0.1, 0, -0.5])


def test_what_lies_behind_is_not_there_in_older_scenes(sequences):
    with pytest.raises(InputError, match="depth_behind_0001"):
        read_behind(find_sequences([sequences])[0], 0, 1)


def test_test_scenes_are_of_no_training_split(tmp_path):
    save_scene(tmp_path, 12, frames=1, split="test")
    assert len(find_sequences([tmp_path], "all")) == 1
    for split in ("train", "held-out"):
        with pytest.raises(InputError, match=f"no {split} sequences"):
            find_sequences([tmp_path], split)


def test_a_published_folder_vouches_for_its_files(tmp_path):
    save_scene(tmp_path, 3)
    folder = tmp_path / "s00003"
    assert names(tmp_path) == ["s00003"]
    assert is_whole(folder)
    assert damaged_files(folder) == []
    picture = folder / "rgb_0002.jpg"
    content = bytearray(picture.read_bytes())
    content[len(content) // 2] ^= 1
    picture.write_bytes(content)
    assert is_whole(folder)
    assert damaged_files(folder) == ["rgb_0002.jpg"]
    (folder / "depth_0001.png").unlink()
    assert not is_whole(folder)
    assert damaged_files(folder) == ["depth_0001.png", "rgb_0002.jpg"]


def test_the_first_to_publish_wins_and_a_damaged_folder_is_replaced(tmp_path):
    with publish(tmp_path / "a") as slow:
        (slow / "who").write_text("slow")
        with publish(tmp_path / "a") as quick:
            (quick / "who").write_text("quick")
    assert (tmp_path / "a/who").read_text() == "quick"
    (tmp_path / "a/who").write_text("longer than it was")
    with publish(tmp_path / "a") as again:
        (again / "who").write_text("again")
    assert (tmp_path / "a/who").read_text() == "again"
    assert names(tmp_path) == ["a"]


def test_a_failure_and_a_full_disk_leave_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), publish(tmp_path / "a") as part:
        save_scene_frame(part, 0, scene_frame())
        raise RuntimeError("stop")
    with pytest.raises(InputError, match="cannot be written"), publish(tmp_path / "a") as part, disk_of(100):
        save_scene_frame(part, 0, scene_frame())
    assert names(tmp_path) == []


WRITER = """
import sys, time
from pathlib import Path
from pellucid.store import publish
with publish(Path(sys.argv[1]) / "a") as part:
    (part / "half").write_text("x")
    print("half", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_stays(tmp_path):
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        assert sweep(tmp_path) == 0
        process.kill()
    assert not (tmp_path / "a").exists()
    assert len(names(tmp_path)) == 1
    assert sweep(tmp_path) == 1
    assert names(tmp_path) == []


def test_another_machines_folder_is_given_up_after_an_hour_or_when_nobody_works(tmp_path):
    fresh, old = tmp_path / ".a.elsewhere.1.0000aaaa.part", tmp_path / ".b.elsewhere.1.0000bbbb.part"
    for folder in (fresh, old):
        folder.mkdir()
    os.utime(old, (time.time() - 4000,) * 2)
    assert sweep(tmp_path) == 1
    assert names(tmp_path) == [fresh.name]
    assert sweep(tmp_path, all_machines=True) == 1


def test_checksums_are_of_every_file(tmp_path):
    save_scene(tmp_path, 3, frames=2)
    sums = json.loads((tmp_path / "s00003" / CHECKSUMS).read_text())
    assert set(sums) == set(names(tmp_path / "s00003")) - {CHECKSUMS}
    assert len(sums) == 2 * 6 + 1
