"""Files are whole or absent, a killed recording goes on as if nothing had happened, and other programs read them."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.clip import InputError
from pellucid.store import (
    Recording,
    atomic,
    atomic_folder,
    load_prediction,
    read_json,
    save_exr_sequence,
    save_npy,
    save_npz,
    save_ply,
    save_png16_sequence,
    write_json,
)

RNG = np.random.default_rng(0)
DISPARITY = RNG.uniform(0, 1, (7, 6, 5)).astype(np.float32)
NORMALS = RNG.normal(size=(4, 6, 5, 3)).astype(np.float32)
DISPARITY.setflags(write=False)
NORMALS.setflags(write=False)


def cut(values, n=3):
    return (values[start : start + n] for start in range(0, len(values), n))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def disk_of(num_bytes):
    """No file can grow beyond this: the kernel refuses it as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WRITERS = {
    "a.npz": lambda path: save_npz(path, "disparity", cut(DISPARITY), DISPARITY.shape, K=np.eye(3)),
    "a.npy": lambda path: save_npy(path, cut(DISPARITY), DISPARITY.shape),
    "a_exr": lambda path: save_exr_sequence(path, cut(DISPARITY), "disparity"),
    "a_png": lambda path: save_png16_sequence(path, cut(DISPARITY), 0.0, 1.0),
    "a.ply": lambda path: save_ply(path, NORMALS, (NORMALS * 9).astype(np.uint8), NORMALS),
    "a.json": lambda path: write_json(path, {"стакан": list(range(50))}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_values_give_the_same_bytes_and_replace_what_was_there(tmp_path, name):
    def content():
        path = tmp_path / name
        return {f.name: f.read_bytes() for f in (path.iterdir() if path.is_dir() else [path])}

    WRITERS[name](tmp_path / name)
    first = content()
    time.sleep(0.01)
    WRITERS[name](tmp_path / name)
    assert content() == first
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path, name):
    with pytest.raises(InputError, match="cannot be written") as caught, disk_of(100):
        WRITERS[name](tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_is_no_folder_gives_one_line(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        WRITERS[name](tmp_path / "file" / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_gives_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        write_json(tmp_path / "a.json", {})


def test_a_failure_keeps_the_earlier_file_and_folder(tmp_path):
    (tmp_path / "a.txt").write_text("earlier")
    save_png16_sequence(tmp_path / "frames", cut(DISPARITY), 0.0, 1.0)
    for manager, name in ((atomic, "a.txt"), (atomic_folder, "frames")):
        with pytest.raises(RuntimeError, match="stop"), manager(tmp_path / name) as temporary:
            assert temporary.parent == tmp_path
            (temporary / "half" if temporary.is_dir() else temporary).write_text("half")
            raise RuntimeError("stop")
    assert (tmp_path / "a.txt").read_text() == "earlier"
    assert len(names(tmp_path / "frames")) == len(DISPARITY) + 1
    assert names(tmp_path) == ["a.txt", "frames"]


def test_what_a_killed_process_left_is_swept_up_and_what_a_living_one_writes_is_not(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    (tmp_path / f".a.json.{dead.stdout.strip()}.part").touch()
    (tmp_path / f".a.json.{os.getppid()}.part").touch()
    write_json(tmp_path / "a.json", [])
    assert names(tmp_path) == [f".a.json.{os.getppid()}.part", "a.json"]


def test_json_is_read_back_and_anything_else_refused(tmp_path):
    write_json(tmp_path / "a.json", {"name": "стакан", "seams": [1.5, None]})
    assert read_json(tmp_path / "a.json") == {"name": "стакан", "seams": [1.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    (tmp_path / "b.json").write_text("{")
    for name in ("b.json", "c.json"):
        with pytest.raises(InputError, match=name):
            read_json(tmp_path / name)


def test_npz_and_npy_are_numpys_own(tmp_path):
    K = np.array([[500.0, 0, 3], [0, 500, 2], [0, 0, 1]])
    save_npz(tmp_path / "a.npz", "disparity", cut(DISPARITY), DISPARITY.shape, K=K)
    save_npy(tmp_path / "a.npy", cut(NORMALS), NORMALS.shape)
    with np.load(tmp_path / "a.npz") as archive:
        assert archive.files == ["disparity", "K"]
        assert archive["disparity"].dtype == np.float32
        np.testing.assert_array_equal(archive["disparity"], DISPARITY)
        np.testing.assert_array_equal(archive["K"], K)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), NORMALS)


@pytest.mark.parametrize("shape", [(8, 6, 5), (6, 6, 5), (7, 5, 6)])
def test_chunks_that_do_not_make_up_the_shape_leave_nothing(tmp_path, shape):
    with pytest.raises(ValueError, match="for an array of"):
        save_npz(tmp_path / "a.npz", "disparity", cut(DISPARITY), shape)
    assert names(tmp_path) == []


def test_memory_is_one_chunk(tmp_path):
    chunk = np.zeros((1, 256, 256), np.float32)
    tracemalloc.start()
    save_npz(tmp_path / "a.npz", "depth", (chunk for _ in range(100)), (100, 256, 256))
    save_npy(tmp_path / "a.npy", (chunk for _ in range(100)), (100, 256, 256))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * chunk.nbytes


def test_a_prediction_comes_back_with_its_invariance(tmp_path):
    save_npz(tmp_path / "prediction.npz", "depth", cut(DISPARITY), DISPARITY.shape)
    assert load_prediction(tmp_path).invariance == "none"
    write_json(tmp_path / "prediction.json", {"invariance": "scale"})
    prediction = load_prediction(tmp_path / "prediction.npz")
    assert (prediction.quantity, prediction.invariance) == ("depth", "scale")
    np.testing.assert_array_equal(prediction.values, DISPARITY)


def test_what_is_no_prediction_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "other.npz", rgb=DISPARITY)
    np.savez(tmp_path / "flat.npz", disparity=DISPARITY[0])
    (tmp_path / "broken.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:200])
    (tmp_path / "text.npz").write_text("disparity")
    np.save(tmp_path / "array.npy", DISPARITY)
    for name in ("other.npz", "flat.npz", "broken.npz", "text.npz", "array.npy", "missing.npz"):
        with pytest.raises(InputError, match=name):
            load_prediction(tmp_path / name)


def test_exr_holds_the_values_in_its_own_channel_and_in_red(tmp_path):
    save_exr_sequence(tmp_path / "a", cut(DISPARITY), "disparity")
    assert names(tmp_path / "a") == [f"{index:06d}.exr" for index in range(7)]
    for index, expected in enumerate(DISPARITY):
        image = OpenEXR.File(str(tmp_path / "a" / f"{index:06d}.exr"), separate_channels=True)
        assert image.header()["compression"] == OpenEXR.ZIP_COMPRESSION
        assert set(image.channels()) == {"R", "disparity"}
        for channel in image.channels().values():
            np.testing.assert_array_equal(channel.pixels, expected)


def test_exr_normals_are_red_green_blue(tmp_path):
    save_exr_sequence(tmp_path / "a", cut(NORMALS), "normals")
    image = OpenEXR.File(str(tmp_path / "a/000003.exr"), separate_channels=True)
    np.testing.assert_array_equal(np.stack([image.channels()[c].pixels for c in "RGB"], axis=-1), NORMALS[3])


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-100, 99), span=st.floats(1e-3, 1000))
def test_png_and_its_sidecar_give_the_values_to_half_a_level(tmp_path_factory, low, span):
    folder, high = tmp_path_factory.mktemp("png") / "a", low + span
    values = (low + span * DISPARITY.astype(np.float64)).astype(np.float32)
    save_png16_sequence(folder, cut(values), low, high)
    scale = read_json(folder / "scale.json")
    for index, expected in enumerate(values):
        png = cv2.imread(str(folder / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert png.dtype == np.uint16
        back = scale["low"] + png / 65535 * (scale["high"] - scale["low"])
        np.testing.assert_allclose(back, expected, atol=0.51 * span / 65535 + 1e-5)


def test_png_counts_what_it_cannot_hold_and_a_metre_range_gives_millimetres(tmp_path):
    depth = np.array([[[0.5, 1.234, np.nan, np.inf, -1]]], np.float32)
    save_png16_sequence(tmp_path / "a", [depth], 0.0, 65.535)
    png = cv2.imread(str(tmp_path / "a/000000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(png, [[500, 1234, 0, 65535, 0]])
    scale = read_json(tmp_path / "a/scale.json")
    assert (scale["unknown"], scale["clipped"]) == (1, 2)
    save_png16_sequence(tmp_path / "n", cut(NORMALS), -5.0, 5.0)
    rgb = cv2.imread(str(tmp_path / "n/000000.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    np.testing.assert_allclose(rgb / 6553.5 - 5, NORMALS[0], atol=1e-3)


def test_ply_holds_the_finite_points(tmp_path):
    points = NORMALS[0].copy()
    points[0, 0] = np.nan
    colors = RNG.integers(0, 256, points.shape, np.uint8)
    save_ply(tmp_path / "a.ply", points, colors, normals=-points)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:3] == ["ply", "format binary_little_endian 1.0", "element vertex 29"]
    kinds = {"float": "<f4", "uchar": "u1"}
    layout = [(name, kinds[kind]) for _, kind, name in (line.split() for line in lines[3:])]
    vertices = np.frombuffer(body, np.dtype(layout))
    known = points.reshape(-1, 3)[1:]
    np.testing.assert_array_equal(np.stack([vertices[n] for n in ("x", "y", "z")], -1), known)
    np.testing.assert_array_equal(np.stack([vertices[n] for n in ("nx", "ny", "nz")], -1), -known)
    found = np.stack([vertices[n] for n in ("red", "green", "blue")], -1)
    np.testing.assert_array_equal(found, colors.reshape(-1, 3)[1:])


def test_a_recording_goes_on_from_its_last_checkpoint(tmp_path):
    with Recording(tmp_path, "key", (6, 5)) as recording:
        assert (recording.num_frames, recording.state, recording.meta) == (0, {}, {})
        recording.append(DISPARITY[:3])
        recording.checkpoint({"latents": NORMALS[0].T, "step": np.array(4)}, {"seams": [1.5]})
        recording.append(DISPARITY[3:5])
        np.testing.assert_array_equal(recording.read(2, 5), DISPARITY[2:5])
        assert recording.num_frames == 3
    with Recording(tmp_path, "key", (6, 5)) as recording:
        assert recording.num_frames == 3
        assert recording.meta == {"seams": [1.5]}
        np.testing.assert_array_equal(recording.state["latents"], NORMALS[0].T)
        assert recording.state["step"] == 4
        assert recording.state["step"].shape == ()
        recording.append(DISPARITY[3:])
        recording.checkpoint({}, {})
        chunks = list(recording.chunks(2))
        assert [len(chunk) for chunk in chunks] == [2, 2, 2, 1]
        np.testing.assert_array_equal(np.concatenate(chunks), DISPARITY)
        with pytest.raises(ValueError, match="frames 0 to 8"):
            recording.read(0, 8)
        with pytest.raises(ValueError, match="frames of shape"):
            recording.append(NORMALS)


@pytest.mark.parametrize(("key", "tail"), [("other", (6, 5)), ("key", (5, 6))])
def test_a_recording_of_something_else_is_wiped_and_never_vouches_for_new_frames(tmp_path, key, tail):
    with Recording(tmp_path, "key", (6, 5)) as recording:
        recording.append(DISPARITY)
        recording.checkpoint({}, {})
    with Recording(tmp_path, key, tail) as recording:
        assert recording.num_frames == 0
        recording.append(np.zeros((9, *tail), np.float32))  # then stopped before a checkpoint
    with Recording(tmp_path, "key", (6, 5)) as recording:
        assert recording.num_frames == 0


@pytest.mark.parametrize("file", ["recording.f32", "recording.state"])
def test_a_damaged_recording_starts_again(tmp_path, file):
    with Recording(tmp_path, "key", (6, 5)) as recording:
        recording.append(DISPARITY)
        recording.checkpoint({"a": NORMALS}, {})
    os.truncate(tmp_path / file, 50)
    with Recording(tmp_path, "key", (6, 5)) as recording:
        assert recording.num_frames == 0


def test_a_discarded_recording_leaves_nothing(tmp_path):
    recording = Recording(tmp_path / "a", "key", (6, 5))
    recording.append(DISPARITY)
    recording.checkpoint({}, {})
    recording.discard()
    assert names(tmp_path) == []


def test_a_full_disk_stops_a_recording_in_one_line_and_keeps_its_checkpoint(tmp_path):
    with pytest.raises(InputError, match="cannot be written"), Recording(tmp_path, "key", (6, 5)) as recording:
        recording.append(DISPARITY[:3])
        recording.checkpoint({}, {})
        with disk_of(4 * DISPARITY[0].size * 5):
            recording.append(DISPARITY[3:])
    with Recording(tmp_path, "key", (6, 5)) as recording:
        assert recording.num_frames == 3
        recording.append(DISPARITY[3:])
        np.testing.assert_array_equal(recording.read(0, 7), DISPARITY)


def test_a_second_user_of_a_folder_is_refused_and_a_dead_ones_lock_is_taken_over(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from pellucid.store import Recording\n"
        "recording = Recording(Path(sys.argv[1]), 'key', (6, 5)); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"in use by process {process.pid}"):
            Recording(tmp_path, "key", (6, 5))
        process.send_signal(signal.SIGKILL)
    with Recording(tmp_path, "key", (6, 5)), pytest.raises(InputError, match="in use"):
        Recording(tmp_path, "key", (6, 5))
    assert "recording.lock" not in names(tmp_path)


@pytest.mark.parametrize("content", ["", "garbage", f"{os.getpid()} 1.00 {os.uname().nodename}"])
def test_a_lock_without_a_living_owner_is_taken_over(tmp_path, content):
    (tmp_path / "recording.lock").write_text(content)
    os.utime(tmp_path / "recording.lock", (1, 1))
    Recording(tmp_path, "key", (6, 5)).close()
    assert "recording.lock" not in names(tmp_path)


PREDICTION = """
import sys, numpy as np
from pathlib import Path
from pellucid.store import Recording, save_npz
folder, total = Path(sys.argv[1]), 120
with Recording(folder / "work", "key", (32, 32)) as recording:
    carried = recording.state.get("carried", np.zeros((32, 32), np.float32))
    assert recording.meta.get("frames", 0) == recording.num_frames
    for index in range(recording.num_frames, total, 2):
        frames = np.random.default_rng(index).normal(size=(2, 32, 32)).astype(np.float32) + 0.5 * carried
        carried = frames[-1]
        recording.append(frames)
        recording.checkpoint({"carried": carried}, {"frames": index + 2})
        print(index + 2, flush=True)
    save_npz(folder / "prediction.npz", "disparity", recording.chunks(), (total, 32, 32))
"""


def test_a_prediction_killed_again_and_again_ends_in_the_same_bytes(tmp_path):
    def run(folder: Path, kill_after: int | None) -> int:
        """Starts or goes on; kills without warning once so many frames were reported; the last number reported."""
        process = subprocess.Popen([sys.executable, "-c", PREDICTION, folder], stdout=subprocess.PIPE, text=True)
        last = 0
        for line in process.stdout:
            last = int(line)
            if kill_after is not None and last >= kill_after:
                time.sleep(0.001 * (kill_after % 7))  # at another point of a cycle each time
                process.send_signal(signal.SIGKILL)
                kill_after = None
        process.wait()
        return last

    assert run(tmp_path / "whole", None) == 120
    progress = [run(tmp_path / "killed", frames) for frames in (8, 31, 50, 90)]
    assert progress == sorted(progress)
    assert progress[-1] < 120
    assert not (tmp_path / "killed/prediction.npz").exists()
    assert run(tmp_path / "killed", None) == 120
    whole, killed = (tmp_path / name / "prediction.npz" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()
    assert json.dumps(names(tmp_path / "killed/work")) == json.dumps(["recording.f32", "recording.state"])
