"""The predict command on real files: what it writes, refuses, resumes and skips."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import torch
from safetensors import safe_open

from pellucid import cli
from pellucid.camera import intrinsics_from_fov
from pellucid.predict import batch, run
from pellucid.predict.cloud import points, relative_depth
from pellucid.store import load_prediction
from pellucid.video import VideoWriter, open_source, stream
from test_pipeline import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny("dvd").save_pretrained(root / "dvd")
    tiny("dkt").save_pretrained(root / "dkt")
    tiny("dkt", "normals").save_pretrained(root / "normals")
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """61 small frames of moving colours, at an odd size."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, 50, 70, Fraction(25)) as writer:
        for index in range(61):
            picture = cv2.resize(rng.integers(0, 255, (4, 6, 3), np.uint8), (70, 50))
            picture[10:30, index : index + 9] = (250, 220, 30)
            writer.write(picture[None])
    return path


def predict(*arguments: object) -> int:
    return cli.main(["predict", *map(str, arguments)])


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what a sidecar says of time and memory."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    for name in found:
        if name.endswith("prediction.json"):
            content = json.loads(found[name])
            assert content.pop("seconds")["total"] > 0
            assert content.pop("peak_memory_bytes")["main"] > 1e7
            found[name] = json.dumps(content).encode()
    return found


@pytest.mark.parametrize(
    ("name", "model", "shape", "fps"),
    [
        ("derived/bottle_5f.mp4", "dvd", (5, 360, 640), Fraction(30)),
        ("derived/bottle_1f.mp4", "dkt", (1, 360, 640), Fraction(30)),
        ("derived/bottle_odd_427x241.mp4", "normals", (20, 241, 427), Fraction(30)),
        ("derived/bottle_vfr.mp4", "dvd", (93, 360, 640), Fraction(5549, 240)),
        ("exif/Portrait_6.jpg", "normals", (1, 1800, 1200), Fraction(1)),
        ("irl_transparent", "dkt", (2, 480, 640), Fraction(24)),
    ],
)
def test_a_real_input_gives_its_arrays_sidecar_and_preview(real, models, tmp_path, capsys, name, model, shape, fps):
    assert predict(real / name, "--out", tmp_path, "--model", models / model) == 0
    folder = tmp_path / Path(name).stem
    out, err = capsys.readouterr()
    assert out.split() == [str(folder)]
    assert "windows: " in err
    assert sorted(p.name for p in folder.iterdir()) == ["prediction.json", "prediction.npz", "preview.mp4"]

    content = json.loads((folder / "prediction.json").read_text())
    normals = model == "normals"
    prediction = load_prediction(folder)
    assert prediction.quantity == content["quantity"] == ("normals" if normals else "disparity")
    assert prediction.invariance == content["invariance"] == ("none" if normals else "affine")
    assert prediction.values.dtype == np.float32
    assert prediction.values.shape == (*shape, 3) if normals else shape
    assert np.isfinite(prediction.values).all()
    assert (content["frame_count"], content["size"]["height"], content["size"]["width"]) == shape
    assert content["fps"] == float(fps)
    assert content["task"] == ("normal" if normals else "depth")
    assert (content["steps"], content["window"], content["overlap"]) == ((1, 9, 3) if model == "dvd" else (2, 3, 1))
    assert content["seconds"].keys() == {"encode", "network", "decode", "export", "total"}
    assert len(content["seams"]) == (content["windows"] - 1 if model == "dvd" else 0)

    source, preview = open_source(real / name), open_source(folder / "preview.mp4")
    assert (preview.num_frames, preview.width) == (shape[0], 2 * shape[2])
    np.testing.assert_allclose(preview.times, source.times - source.times[0], atol=1e-4)
    original, shown = (next(stream(s, chunk=1))[0].astype(float) for s in (source, preview))
    left = shown[: shape[1], : shape[2]]
    assert np.abs(cv2.blur(left, (9, 9)) - cv2.blur(original, (9, 9))).mean() < 4


def test_every_format_holds_the_same_numbers(models, clip, tmp_path, capsys):
    every = "npz,mp4,exr,png16,npy,ply"
    given = (clip, "--out", tmp_path, "--model", models / "dvd", "--save", every, "--fov", 60)
    assert predict(*given) == 0
    assert "relative: scale and shift unknown" in capsys.readouterr().err
    folder = tmp_path / "clip"
    with np.load(folder / "prediction.npz") as archive:
        disparity, K = archive["disparity"], archive["K"]
    np.testing.assert_array_equal(np.load(folder / "prediction.npy"), disparity)
    np.testing.assert_allclose(K, intrinsics_from_fov(60, 50, 70))
    with OpenEXR.File(str(folder / "exr/000007.exr"), separate_channels=True) as file:
        np.testing.assert_array_equal(file.channels()["disparity"].pixels, disparity[7])
    scale = json.loads((folder / "png16/scale.json").read_text())
    levels = cv2.imread(str(folder / "png16/000060.png"), -1).astype(float)
    assert scale["clipped"] == scale["unknown"] == 0
    step = (scale["high"] - scale["low"]) / 65535
    np.testing.assert_allclose(scale["low"] + levels * step, disparity[60], atol=step)

    content = json.loads((folder / "prediction.json").read_text())
    assert "relative: scale and shift unknown" in content["meaning"]
    assert "relative: scale and shift unknown" in content["cloud"]["units"]
    low, high = content["range"]["colours"]
    rgb = next(stream(open_source(clip), chunk=4))[3]
    where, colors = points(relative_depth(disparity[3], low, high), rgb, K)
    head, body = (folder / "cloud/000003.ply").read_bytes().split(b"end_header\n")
    assert b"comment relative: scale and shift unknown" in head
    vertices = np.frombuffer(body, [("xyz", "<f4", 3), ("rgb", "u1", 3)])
    np.testing.assert_array_equal(vertices["xyz"], where)
    np.testing.assert_array_equal(vertices["rgb"], colors)
    assert len(list((folder / "cloud").iterdir())) == 61

    # A camera of another size does not pass, and the files stay as they are.
    before = files(folder)
    np.savetxt(tmp_path / "K.txt", intrinsics_from_fov(60, 1080, 1920))
    wrong = [*given[:-2], "--intrinsics", tmp_path / "K.txt"]
    assert predict(*wrong) == 2
    assert "outside the 70x50 pixels" in capsys.readouterr().err
    assert files(folder) == before


def test_a_cloud_keeps_surfaces_and_drops_the_edges_between_them():
    disparity = np.full((20, 30), 0.2, np.float32)
    disparity[:, 15:] = 0.9
    where, _ = points(
        relative_depth(disparity, 0.2, 0.9), np.zeros((20, 30, 3), np.uint8), intrinsics_from_fov(60, 20, 30)
    )
    assert np.unique(where[:, 2].round(5)).tolist() == [1, 5]
    assert len(where) == 20 * 28
    depth = relative_depth(np.array([[-1.0, 0.2, 0.55, 0.9]], np.float32), 0.2, 0.9)
    np.testing.assert_allclose(depth, [[5, 5, 1 / 0.6, 1]], rtol=1e-5)


READABLE = {"gray8.png", "rgb16.png", "rgba.png", "стакан ガラス é 杯.mp4"}
BROKEN = {
    "audio_only.mp4", "dir_named.mp4", "jpeg_renamed.mp4", "seq_mixed_sizes", "text_renamed.mp4",
    "truncated_no_moov.mp4", "truncated_with_moov.mp4", "zero_byte.mp4",
}  # fmt: skip


def test_every_malformed_file_is_in_one_of_the_lists(real):
    assert {p.name for p in (real / "malformed").iterdir()} == READABLE | BROKEN


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_one_line_and_status_2_before_weights_load(real, models, tmp_path, capsys, monkeypatch, name):
    def refuse(*_: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(batch, "load", refuse)
    assert predict(real / "malformed" / name, "--out", tmp_path, "--model", models / "dvd") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(lines(err)) == 1
    assert name in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(READABLE))
def test_an_odd_file_is_read_rightly(real, models, tmp_path, name):
    assert predict(real / "malformed" / name, "--out", tmp_path, "--model", models / "dvd", "--save", "npz") == 0
    source = open_source(real / "malformed" / name)
    values = load_prediction(tmp_path / source.stem).values
    assert values.shape == (source.num_frames, source.height, source.width)


def test_a_bad_input_does_not_stop_the_others(real, models, clip, tmp_path, capsys):
    inputs = (real / "malformed/zero_byte.mp4", clip, tmp_path / "missing.mp4", real / "malformed/gray8.png")
    assert predict(*inputs, "--out", tmp_path / "out", "--model", models / "dvd", "--save", "npz") == 2
    out, err = capsys.readouterr()
    assert [Path(line).name for line in out.split()] == ["clip", "gray8"]
    assert sum("error" in line for line in lines(err)) == 2
    assert lines(err)[-1] == "pellucid: 2 of 4 inputs failed"


def test_a_folder_of_videos_is_predicted_one_by_one(clip, models, tmp_path, capsys):
    assert predict(clip.parent, "--out", tmp_path, "--model", models / "dvd", "--save", "npy") == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "clip")]


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("dvd", ["--task", "normal"], "predicts disparity; use --task depth"),
        ("normals", ["--task", "depth"], "predicts normals; use --task normal"),
        ("normals", ["--save", "ply", "--fov", "60"], "a point cloud needs depth"),
        ("dvd", ["--window", "3", "--overlap", "3"], "less than the window"),
        ("dvd", ["--device", "cuda:9"], "this machine offers"),
        ("dvd", ["--offload", "model", "--device", "cpu"], "nothing to move"),
        ("dvd", ["--dtype", "float16", "--device", "cpu"], "not for processors"),
        ("dvd", ["--intrinsics", "nowhere.txt"], "nowhere.txt: cannot be read"),
        ("nowhere", [], "no model is called"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line(models, clip, tmp_path, capsys, model, arguments, words):
    assert predict(clip, "--out", tmp_path, "--model", models / model, *arguments) == 2
    err = capsys.readouterr().err
    assert len(lines(err)) == 1
    assert words in err


def test_a_named_model_is_checked_against_the_task_before_it_is_fetched(clip, tmp_path, capsys):
    assert predict(clip, "--out", tmp_path, "--model", "dvd-1.1", "--task", "normal") == 2
    assert "dvd-1.1 predicts disparity" in capsys.readouterr().err


def test_normals_without_a_named_model_are_nanos(clip, tmp_path):
    assert predict(clip, "--out", tmp_path, "--task", "normal", "--save", "npz") == 0
    sidecar = json.loads(next(tmp_path.rglob("prediction.json")).read_text())
    assert (sidecar["model"], sidecar["quantity"], sidecar["invariance"]) == ("nano-normal", "normals", "none")


def test_results_never_mix_with_the_input(real, models, tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "0.png").write_bytes((real / "malformed/gray8.png").read_bytes())
    assert predict(pictures, "--out", tmp_path, "--model", models / "dvd") == 2
    assert "is the input itself" in capsys.readouterr().err
    assert [p.name for p in pictures.iterdir()] == ["0.png"]


def test_a_damaged_model_is_one_line(models, clip, tmp_path, capsys):
    broken = tmp_path / "model"
    (broken / "vae").mkdir(parents=True)
    (broken / "model_index.json").write_bytes((models / "dvd/model_index.json").read_bytes())
    assert predict(clip, "--out", tmp_path / "out", "--model", broken) == 2
    assert "cannot be loaded" in lines(capsys.readouterr().err)[-1]


def test_a_full_disk_is_one_line(models, clip, tmp_path, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        status = predict(clip, "--out", tmp_path, "--model", models / "dvd")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 2
    assert sum("cannot be written" in line for line in lines(capsys.readouterr().err)) == 1
    assert not (tmp_path / "clip").exists()


def test_exhausted_gpu_memory_is_one_line_that_says_what_helps(models, clip, tmp_path, capsys, monkeypatch):
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmany\nlines")

    monkeypatch.setattr("pellucid.model.streams.DVDStream.push", exhausted)
    assert predict(clip, "--out", tmp_path, "--model", models / "dvd") == 2
    assert "--offload model" in lines(capsys.readouterr().err)[-1]


def test_done_work_is_skipped_and_only_the_same_work(models, clip, tmp_path, capsys):
    given = (clip, "--out", tmp_path, "--model", models / "dkt", "--save")
    assert predict(*given, "npz") == 0
    first = files(tmp_path)
    capsys.readouterr()
    stamp = (tmp_path / "clip/prediction.npz").stat().st_mtime_ns
    assert predict(*given, "npz") == 0
    assert "skipped" in capsys.readouterr().err
    assert (tmp_path / "clip/prediction.npz").stat().st_mtime_ns == stamp

    assert predict(*given, "npy") == 0  # more formats of the same numbers join those that are there
    assert json.loads((tmp_path / "clip/prediction.json").read_text())["files"] == ["prediction.npz", "prediction.npy"]
    assert files(tmp_path)["clip/prediction.npz"] == first["clip/prediction.npz"]

    capsys.readouterr()
    assert predict(*given, "npz", "--seed", 2) == 0  # other numbers: what would contradict them goes
    assert "removes" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "clip").iterdir()) == ["prediction.json", "prediction.npz"]
    assert files(tmp_path)["clip/prediction.npz"] != first["clip/prediction.npz"]


@pytest.mark.parametrize("model", ["dvd", "dkt", "normals"])
def test_interrupted_anywhere_the_result_is_that_of_one_run(models, clip, tmp_path, capsys, monkeypatch, model):
    given = (clip, "--model", models / model, "--save", "npz,mp4,npy", "--out")
    assert predict(*given, tmp_path / "whole") == 0
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    class_ = "DVDStream" if model == "dvd" else "DKTStream"
    from pellucid.model import streams

    honest, pushes = getattr(streams, class_).push, []

    def interrupted(self, rgb):
        pushes.append(len(rgb))
        if len(pushes) % 2 == 0:
            raise KeyboardInterrupt
        return honest(self, rgb)

    monkeypatch.setattr(f"pellucid.model.streams.{class_}.push", interrupted)
    statuses = [predict(*given, tmp_path / "parts")]
    while statuses[-1] == 130:
        assert not (tmp_path / "parts/clip/prediction.json").exists()
        statuses.append(predict(*given, tmp_path / "parts"))
    assert statuses == [130, 130, 130, 0]  # four chunks of 61 frames, one a run
    assert "goes on after 48 of 61 frames" in capsys.readouterr().err
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_killed_between_files_the_network_does_not_run_again(models, clip, tmp_path, monkeypatch):
    given = (clip, "--model", models / "dvd", "--out")
    assert predict(*given, tmp_path / "whole") == 0

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pellucid.predict.exports.colorize_disparity", interrupted)
        assert predict(*given, tmp_path / "parts") == 130
    monkeypatch.setattr("pellucid.model.streams.DVDStream.push", interrupted)
    assert predict(*given, tmp_path / "parts") == 0
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_killed_with_sigkill_and_run_again_gives_the_same_files(models, clip, tmp_path):
    given = [str(a) for a in ("predict", clip, "--model", models / "dvd", "--save", "npz,mp4,exr", "--out")]
    code = (
        "import sys, time, torch; torch.set_num_threads(1)\n"
        "from pellucid import cli; from pellucid.predict import run\n"
        "run.CHECKPOINT_SECONDS, run.CHUNK = 0.0, 3\n"
        "honest = run.checkpoint\n"
        "run.checkpoint = lambda *a: (honest(*a), time.sleep(0.2))\n"  # so that the killer finds the middle
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, *given, str(tmp_path / "parts")], stderr=subprocess.DEVNULL)
    state = tmp_path / "parts/clip/.partial/recording.state"
    try:
        deadline = time.monotonic() + 120
        while frames_in(state) < 10:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert 10 <= frames_in(state) < 61
    assert not (tmp_path / "parts/clip/prediction.json").exists()
    assert cli.main([*given, str(tmp_path / "parts")]) == 0
    assert cli.main([*given, str(tmp_path / "whole")]) == 0
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def frames_in(state: Path) -> int:
    if not state.exists():
        return 0
    with safe_open(state, framework="np") as file:
        return int(file.metadata()["num_frames"])
