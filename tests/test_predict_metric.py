"""`predict --metric`: what fixes metres, what is written, and what is refused."""

import json
import re
import shutil
from fractions import Fraction
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import OpenEXR
import pytest
import scipy.io
import torch
import trimesh
from PIL import Image

from pellucid import cli
from pellucid.align import plane_below, plane_depth
from pellucid.camera import edge_mask, intrinsics_from_fov
from pellucid.clip import Prediction
from pellucid.model import completion
from pellucid.predict import anchors, plan
from pellucid.predict.completion_error import CompletionError
from pellucid.store import load_prediction
from pellucid.video import VideoWriter, open_source
from test_pipeline import tiny

pytestmark = pytest.mark.usefixtures("one_thread")

H, W, T = 48, 64, 9
KEPT, FILLED = 0.004, 0.05  # errors that the tests' completion network expects
K = intrinsics_from_fov(60, H, W)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny("dvd").save_pretrained(root / "dvd")
    tiny("dkt", "normals").save_pretrained(root / "normals")
    shutil.copytree(root / "dvd", root / "completing")
    network = completion.make_network((8,))
    with torch.no_grad():  # it begins by changing nothing; now it also says what to expect, the same everywhere
        for output, error in ((1, FILLED), (2, KEPT)):
            network.conv_out.bias[output * completion.PACKED**2 :][: completion.PACKED**2] = np.log(error)
    network.save_pretrained(root / "completing" / completion.FOLDER)
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, H, W, Fraction(25)) as writer:
        for _ in range(T):
            writer.write(cv2.resize(rng.integers(0, 255, (4, 6, 3), np.uint8), (W, H))[None])
    return path


TABLE = plane_below(0.6, 40)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """The depth of a thing that moves over a table."""
    v, u = np.indices((H, W))
    frames = []
    for t in range(T):
        depth = plane_depth(TABLE, K, H, W)
        depth[(u - 14 - t) ** 2 + (v - 24) ** 2 < 60] *= 0.85
        frames.append(depth)
    return np.stack(frames).astype(np.float32)


@pytest.fixture
def seen(truth, monkeypatch) -> np.ndarray:
    """A network that sees that world rightly, up to scale and shift: its disparity."""
    disparity = (1 / truth - 0.3) / 1.7
    done: dict[int, int] = {}

    def push(self, rgb):
        start = done.get(id(self), 0)
        done[id(self)] = start + len(rgb)
        return disparity[start : start + len(rgb)]

    monkeypatch.setattr("pellucid.model.streams.DVDStream.push", push)
    return disparity


@pytest.fixture(scope="module")
def sensor(truth, tmp_path_factory) -> Path:
    """That depth in millimetres, with a hole and a patch that reads as something farther."""
    folder = tmp_path_factory.mktemp("sensor") / "depth"
    folder.mkdir()
    for index, depth in enumerate(truth):
        picture = np.rint(depth * 1000).astype(np.uint16)
        picture[10:18, 40:50] = 0
        picture[34:42, 44:54] = np.rint(picture[34:42, 44:54] * 1.2)
        cv2.imwrite(str(folder / f"{index + 1}.png"), picture)  # 10 comes after 9
    return folder


def predict(*arguments: object) -> int:
    return cli.main(["predict", *map(str, arguments)])


def sidecar(folder: Path) -> dict:
    return json.loads((folder / "prediction.json").read_text())


@pytest.mark.usefixtures("seen")
def test_a_sensor_makes_metres_and_the_report_tells_how(models, clip, truth, sensor, tmp_path, capsys):
    assert predict(clip, "--out", tmp_path, "--model", models / "dvd", "--metric", "sensor", "--depth", sensor) == 0
    assert "metres by sensor" in capsys.readouterr().err
    found = load_prediction(tmp_path / "clip")
    assert (found.quantity, found.invariance) == ("depth", "none")
    assert found.values.dtype == np.float32
    right = np.ones((H, W), bool)
    right[8:20, 38:52] = right[32:44, 42:56] = False
    measured = np.stack([cv2.imread(str(sensor / f"{i + 1}.png"), -1) for i in range(T)]) / np.float32(1000)
    kept = found.values[:, right] == measured[:, right]
    assert kept.mean() > 0.97
    np.testing.assert_allclose(found.values, truth, rtol=5e-3)
    patch = np.s_[:, 34:42, 44:54]
    assert np.abs(found.values - truth)[patch].max() < 0.05 * np.abs(measured - truth)[patch].min()
    content = sidecar(tmp_path / "clip")
    report = content["metric"]
    assert (content["quantity"], content["invariance"]) == ("depth", "none")
    assert report["anchor"] == "sensor"
    assert report["inlier_share"] > 0.9
    assert report["residual_mm"] < 2
    assert report["drift_mm"] < 3
    assert report["known_share"] == pytest.approx(1 - 80 / (H * W), abs=1e-6)
    assert 0.9 < report["trusted_share"] < report["known_share"]
    assert report["filled_share"] == pytest.approx(1 - report["trusted_share"])
    assert len(report["lines"]) == 1
    assert not content["warnings"]


@pytest.mark.usefixtures("seen")
def test_every_format_is_in_metres(models, clip, sensor, tmp_path):
    every = "npz,npy,exr,png16,mp4,ply,pcd,graspnet,ros"
    given = ("--metric", "sensor", "--depth", sensor, "--fov", 60, "--save", every)
    assert predict(clip, "--out", tmp_path, "--model", models / "dvd", *given) == 0
    folder = tmp_path / "clip"
    depth = load_prediction(folder).values
    np.testing.assert_array_equal(np.load(folder / "prediction.npy"), depth)
    with OpenEXR.File(str(folder / "exr/000003.exr"), separate_channels=True) as file:
        np.testing.assert_array_equal(file.channels()["Z"].pixels, depth[3])
    millimetres = cv2.imread(str(folder / "png16/000003.png"), -1)
    np.testing.assert_array_equal(millimetres, np.rint(depth[3].astype(np.float64) * 1000))

    cloud = trimesh.load(folder / "cloud/000003.ply")
    steady = ~edge_mask(depth[3])
    v, u = np.nonzero(steady)
    z = depth[3][steady]
    wanted = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z], 1)
    np.testing.assert_allclose(cloud.vertices, wanted, atol=1e-5)
    assert b"comment metres" in (folder / "cloud/000003.ply").read_bytes()
    head, body = (folder / "pcd/000003.pcd").read_bytes().split(b"DATA binary\n")
    assert f"POINTS {len(z)}".encode() in head
    vertices = np.frombuffer(body, [("xyz", "<f4", 3), ("bgra", "u1", 4)])
    np.testing.assert_allclose(vertices["xyz"], wanted, atol=1e-5)
    np.testing.assert_array_equal(vertices["bgra"][:, 2::-1], cloud.colors[:, :3])

    own = folder / "graspnet/000003"
    assert sorted(p.name for p in own.iterdir()) == ["color.png", "depth.png", "meta.mat", "workspace_mask.png"]
    meta = scipy.io.loadmat(own / "meta.mat")
    np.testing.assert_allclose(meta["intrinsic_matrix"], K)
    assert meta["factor_depth"].item() == 1000
    np.testing.assert_array_equal(cv2.imread(str(own / "depth.png"), -1), millimetres)
    np.testing.assert_array_equal(cv2.imread(str(own / "workspace_mask.png"), -1) > 0, steady)
    assert cv2.imread(str(own / "color.png")).shape == (H, W, 3)

    from rosbags.highlevel import AnyReader

    with AnyReader([folder / "ros/bag"]) as bag:
        topics = {f"/camera/{camera}/{leaf}" for camera in ("color", "aligned_depth_to_color") for leaf in
                  ("image_raw", "camera_info")}  # fmt: skip
        assert set(bag.topics) == topics
        messages = {topic: [] for topic in topics}
        for line, stamp, raw in bag.messages():
            messages[line.topic].append((stamp, bag.deserialize(raw, line.msgtype)))
    assert {len(found) for found in messages.values()} == {T}
    stamp, message = messages["/camera/aligned_depth_to_color/image_raw"][3]
    assert stamp == 1_000_000_000 + 120_000_000
    assert (message.encoding, message.step) == ("32FC1", 4 * W)
    np.testing.assert_array_equal(message.data.view("<f4").reshape(H, W), depth[3])
    info = messages["/camera/color/camera_info"][0][1]
    np.testing.assert_allclose(info.k.reshape(3, 3), K)
    assert messages["/camera/color/image_raw"][0][1].encoding == "rgb8"
    assert sidecar(folder)["files"] == [
        "prediction.npz", "preview.mp4", "exr", "png16", "prediction.npy", "cloud", "pcd", "graspnet", "ros",
    ]  # fmt: skip
    assert not (folder / ".partial").exists()


@pytest.mark.usefixtures("seen")
def test_the_same_is_skipped_and_another_anchor_is_not(models, clip, sensor, tmp_path, capsys):
    given = (clip, "--out", tmp_path, "--model", models / "dvd", "--save", "npz", "--metric", "sensor")
    assert predict(*given, "--depth", sensor) == 0
    assert predict(*given, "--depth", sensor) == 0
    assert "skipped" in capsys.readouterr().err
    first = load_prediction(tmp_path / "clip").values
    assert predict(*given, "--depth", sensor, "--depth-unit", "0.002") == 0
    assert "skipped" not in capsys.readouterr().err
    np.testing.assert_allclose(load_prediction(tmp_path / "clip").values, 2 * first, rtol=0.02)


def test_a_fit_that_failed_does_not_cost_the_network_again(models, clip, sensor, tmp_path, capsys, monkeypatch):
    nothing = tmp_path / "nothing.npy"
    few = np.full((T, H, W), np.nan, np.float32)
    few[:, 20, 20:30] = 0.7
    np.save(nothing, few)
    given = (clip, "--out", tmp_path / "out", "--model", models / "dvd", "--save", "npz", "--metric", "sensor")
    assert predict(*given, "--depth", nothing) == 2
    assert "clip.mp4: depth is known at 90 pixels of the clip; a fit needs at least" in capsys.readouterr().err
    assert not (tmp_path / "out/clip/prediction.npz").exists()

    def refuse(*_: object) -> None:
        raise AssertionError("the network ran again")

    monkeypatch.setattr("pellucid.model.streams.DVDStream.push", refuse)
    assert predict(*given, "--depth", sensor) == 0


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("chosen", ["plane", "height", "tag", "model"])
def test_without_a_sensor_a_table_or_a_metric_model_tells(models, clip, truth, tmp_path, monkeypatch, chosen):
    asked = []
    if chosen == "model":

        def metric(rgb: np.ndarray) -> Prediction:
            asked.append(len(rgb))
            return Prediction(quantity="depth", invariance="none", values=truth[len(asked) - 1][None])

        monkeypatch.syspath_prepend(str(Path(__file__).parent / "authors"))  # a package of MoGe's name
        monkeypatch.setattr(plan, "load_estimator", lambda name, **_: metric if name == "moge" else None)
        given = ("--metric", "model")
    elif chosen == "tag":  # on this clip of colours none is found; tests/test_metric.py finds drawn and real ones
        monkeypatch.setattr(anchors, "find_tags", lambda *given: {1: corners_on_table(given[2])})
        given = ("--metric", "tag", "--tag-size", 0.1, "--fov", 60)
    elif chosen == "plane":
        given = ("--metric", "plane", "--plane", ",".join(map(str, -2 * TABLE)), "--fov", 60)
    else:
        given = ("--metric", "plane", "--camera-height", 0.6, "--camera-tilt", 40, "--fov", 60)
    assert predict(clip, "--out", tmp_path, "--model", models / "dvd", "--save", "npz", *given) == 0
    np.testing.assert_allclose(load_prediction(tmp_path / "clip").values, truth, rtol=2e-3)
    report = sidecar(tmp_path / "clip")["metric"]
    assert report["anchor"] == given[1]
    assert "filled_share" not in report
    if chosen == "model":
        assert asked == [1] * T
        assert report["metric_model"] == "moge"
    if given[1] == "plane":
        np.testing.assert_allclose(report["plane"], TABLE, atol=1e-12)


def corners_on_table(size: float) -> np.ndarray:
    """A square of that size on the table, right of what the camera looks at."""
    middle, along = np.array([0.1, 0, TABLE[3] / TABLE[2]]), np.array([size / 2, 0, 0])
    across = np.cross(TABLE[:3], along)
    return middle + np.stack([-along - across, along - across, along + across, across - along])


@pytest.mark.usefixtures("seen")
def test_a_known_table_overrules_a_sensor_that_sees_through_it(models, clip, truth, tmp_path, capsys):
    through = tmp_path / "through.npy"
    np.save(through, truth * 1.3)
    given = (clip, "--model", models / "dvd", "--metric", "sensor", "--depth", through, "--save", "npz", "--out")
    assert predict(*given, tmp_path / "alone") == 0
    np.testing.assert_allclose(load_prediction(tmp_path / "alone/clip").values, truth * 1.3, rtol=5e-3)
    assert predict(*given, tmp_path / "gated", "--fov", 60, "--camera-height", 0.6, "--camera-tilt", 40) == 0
    assert "the plane is believed" in capsys.readouterr().err
    np.testing.assert_allclose(load_prediction(tmp_path / "gated/clip").values, truth, rtol=2e-3)
    content = sidecar(tmp_path / "gated/clip")
    assert "the plane is believed" in content["warnings"][0]
    assert content["metric"]["trusted_share"] == 0


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("asked", [(), ("--confidence",)])
def test_a_network_that_completes_the_sensor_tells_the_error_to_expect(models, clip, sensor, tmp_path, capsys, asked):
    given = ("--metric", "sensor", "--depth", sensor, "--fov", 60, "--model", models / "completing", *asked)
    assert predict(clip, "--out", tmp_path, *given) == 0
    assert "expected relative error" in capsys.readouterr().err
    found, content = load_prediction(tmp_path / "clip"), sidecar(tmp_path / "clip")
    measured = np.stack([cv2.imread(str(sensor / f"{i + 1}.png"), -1) for i in range(T)])
    kept = measured > 0
    np.testing.assert_array_equal(found.values[kept], measured[kept] / np.float32(1000))
    np.testing.assert_allclose(found.expected_error, np.where(kept, KEPT, FILLED), rtol=1e-5)
    report = content["confidence"]
    assert "scale included" in report["meaning"] and "network that completes the sensor" in report["source"]
    assert [report[name] for name in ("mean_kept", "mean_filled")] == pytest.approx([KEPT, FILLED])
    assert report["mean"] == pytest.approx(found.expected_error.mean(), rel=1e-5)
    assert content["metric"]["completion"] == "network"
    assert open_source(tmp_path / "clip/preview.mp4").width == 3 * W
    assert not (tmp_path / "clip/.partial").exists()


@pytest.mark.usefixtures("seen")
def test_killed_between_the_error_and_the_depth_the_result_is_that_of_one_run(
    models, clip, sensor, tmp_path, monkeypatch
):
    given = (clip, "--metric", "sensor", "--depth", sensor, "--fov", 60, "--model", models / "completing")
    given = (*given, "--save", "npz", "--out")
    assert predict(*given, tmp_path / "whole") == 0
    with monkeypatch.context() as patch:
        finish = CompletionError.finish

        def killed(self):
            finish(self)
            raise KeyboardInterrupt

        patch.setattr(CompletionError, "finish", killed)
        assert predict(*given, tmp_path / "parts") == 130
    assert predict(*given, tmp_path / "parts") == 0
    whole, parts = (tmp_path / name / "clip/prediction.npz" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.usefixtures("seen")
def test_a_network_that_completes_needs_the_camera_and_rules_do_not(models, clip, sensor, tmp_path, capsys):
    given = (clip, "--metric", "sensor", "--depth", sensor, "--model", models / "completing", "--save", "npz", "--out")
    assert predict(*given, tmp_path / "out") == 2
    assert re.search("completion by a network needs the camera.*--fov.*--completion rules\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
    assert predict(*given, tmp_path / "out", "--completion", "rules") == 0
    assert predict(*given, tmp_path / "cloud", "--save", "ply") == 2  # which rules would not spare it
    assert "--completion rules" not in capsys.readouterr().err


@pytest.mark.usefixtures("seen")
def test_a_known_table_overrules_the_network_too(models, clip, truth, tmp_path, capsys):
    through = tmp_path / "through.npy"
    np.save(through, truth * 1.3)
    given = ("--metric", "sensor", "--depth", through, "--fov", 60, "--camera-height", 0.6, "--camera-tilt", 40)
    assert predict(clip, "--out", tmp_path / "out", "--model", models / "completing", *given) == 0
    assert "rules complete the sensor, which tell no expected error" in capsys.readouterr().err
    found, content = load_prediction(tmp_path / "out/clip"), sidecar(tmp_path / "out/clip")
    np.testing.assert_allclose(found.values, truth, rtol=2e-3)
    assert found.expected_error is None and "confidence" not in content
    assert content["metric"]["completion"] == "rules"


def test_several_inputs_take_the_depth_of_their_names(models, clip, sensor, tmp_path, capsys):
    other = clip.with_name("other.mp4")
    other.write_bytes(clip.read_bytes())
    depths = tmp_path / "depths"
    depths.mkdir()
    (depths / "clip").symlink_to(sensor)
    given = (clip, other, "--out", tmp_path / "out", "--model", models / "dvd", "--save", "npz")
    assert predict(*given, "--metric", "sensor", "--depth", depths) == 2
    assert "holds nothing named other" in capsys.readouterr().err
    assert (tmp_path / "out/clip/prediction.npz").exists()
    other.unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metric", "sensor"], "needs --depth"),
        (["--depth", "x"], "add --metric sensor"),
        (["--tag-size", "0.1"], "add --metric tag"),
        (["--metric", "plane"], "--camera-height and --camera-tilt"),
        (["--metric", "plane", "--camera-height", "1", "--fov", "60"], "a height alone"),
        (["--metric", "plane", "--plane", "0,0,1", "--fov", "60"], "four numbers"),
        (["--metric", "plane", "--plane", "0,0,0,1", "--fov", "60"], "no plane"),
        (["--metric", "plane", "--plane", "0,0,1,1"], "needs the camera"),
        (["--metric", "tag", "--tag-size", "0.08"], "needs the camera"),
        (["--metric", "tag", "--tag-size", "0", "--fov", "60"], "must be positive"),
        (["--metric", "tag", "--tag-size", "0.08", "--fov", "60", "--farther", "0.1"], "does not use --farther"),
        (["--metric", "sensor", "--depth", "nowhere"], "does not exist"),
        (["--metric", "sensor", "--depth", "few", "--completion", "rules", "--confidence"], "do not tell the error"),
        (["--metric", "sensor", "--depth", "few", "--confidence"], "do not tell the error"),
        (["--metric", "sensor", "--depth", "few"], "holds 3 frames of depth for a video of 9"),
        (["--metric", "sensor", "--depth", "square.npy"], "must be aligned"),
        (["--metric", "sensor", "--depth", "eight.png"], "16 bit"),
        (["--metric", "sensor", "--depth", "empty"], "without depth"),
        (["--metric", "sensor", "--depth", "text.npy"], "is no array"),
        (["--save", "graspnet", "--fov", "60"], "needs metres"),
        (["--save", "pcd"], "needs the camera"),
        (["--metric", "tag", "--tag-size", "0.08", "--fov", "60"], "no AprilTag of the family 36h11 is seen"),
        (["--metric", "tag", "--tag-size", "inf", "--fov", "60"], "--tag-size inf: must be positive and finite"),
        (["--metric", "sensor", "--depth", "few", "--tolerance", "inf"], "--tolerance inf: must be positive"),
        (["--metric", "sensor", "--depth", "few", "--depth-unit", "inf"], "--depth-unit inf: must be positive"),
        (["--metric", "sensor", "--depth", "few", "--completion", "rules", "--nearer", "inf"], "--nearer inf: must be"),
        (["--metric", "sensor", "--depth", "few", "--completion", "what"], "no model is called 'what'"),
        (["--metric", "plane", "--plane", "0,0,1,1e9", "--fov", "60"], "behind the camera, or infinitely far"),
        (["--metric", "plane", "--plane", "0,0,1,1e-9", "--fov", "60"], "the plane given is 1e-09 m away"),
        (["--metric", "plane", "--camera-height", "1", "--camera-tilt", "-80", "--fov", "60"], "behind the camera"),
        (["--metric", "plane", "--camera-height", "inf", "--camera-tilt", "9", "--fov", "60"], "positive and finite"),
        (["--metric", "plane", "--camera-height", "1", "--camera-tilt", "9", "--camera-roll", "nan"], "-180 and 180"),
        (["--metric", "model", "--metric-model", "nano"], "nano: is no model of depth in metres; moge"),
        (["--metric", "model", "--metric-model", "moge"], "moge runs through the package moge"),
        (["--metric", "sensor", "--depth", "holes.npy"], "holds no depth: every pixel is 0"),
        (["--metric", "sensor", "--depth", "millimetres.npy"], "median depth is 500 m, .* give --depth-unit 0.001"),
        (["--metric", "sensor", "--depth", "metres.npy"], "median depth is 0.002 m, .* give --depth-unit 1"),
        (
            ["--metric", "sensor", "--depth", "metres.npy", "--depth-unit", "99"],
            "median depth is 198 m, by --depth-unit",
        ),
        (["--metric", "sensor", "--depth", "cut.npy"], "is no array"),
        (["--metric", "sensor", "--depth", "cut.exr"], "cut off or damaged"),
        (["--metric", "sensor", "--depth", "cut"], "cut off or damaged"),
    ],
)
def test_what_cannot_work_is_one_line(models, clip, tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "moge" else find_spec(name))
    (tmp_path / "empty").mkdir()
    (tmp_path / "few").mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"few/{index}.png"), np.full((H, W), 500, np.uint16))
    np.save(tmp_path / "square.npy", np.ones((T, H, H)))
    (tmp_path / "text.npy").write_text("no")
    np.save(tmp_path / "holes.npy", np.full((T, H, W), -np.inf, np.float32))
    np.save(tmp_path / "millimetres.npy", np.full((T, H, W), 500, np.float32))
    np.save(tmp_path / "metres.npy", np.full((T, H, W), 2, np.uint16))
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": np.ones((H, W), np.float32)}) as file:
        file.write(str(tmp_path / "whole.exr"))
    (tmp_path / "cut").mkdir()
    for index in range(T):
        shutil.copy(tmp_path / "few/0.png", tmp_path / f"cut/{index}.png")
    for whole, cut in (("millimetres.npy", "cut.npy"), ("whole.exr", "cut.exr"), ("few/1.png", "cut/5.png")):
        content = (tmp_path / whole).read_bytes()
        (tmp_path / cut).write_bytes(content[: len(content) // 2])
    cv2.imwrite(str(tmp_path / "eight.png"), np.full((H, W), 50, np.uint8))
    given = [tmp_path / word if before == "--depth" else word for before, word in pairwise(["", *arguments])]
    out = tmp_path / "out"
    assert predict(clip, "--out", out, "--model", models / "dvd", *given) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(told) == 1
    assert re.search(words, told[0])
    # What the network said stays for another try where only the colours could tell that there is no tag.
    assert not out.exists() or ({p.name for p in (out / "clip").iterdir()} == {".partial"} and "AprilTag" in words)


@pytest.mark.usefixtures("seen")
def test_one_bad_input_does_not_stop_the_others(models, clip, sensor, tmp_path, capsys):
    depths = tmp_path / "depths"
    depths.mkdir()
    clips = [shutil.copy(clip, tmp_path / f"{name}.mp4") for name in ("cut", "short", "good")]
    np.save(depths / "cut.npy", np.ones((T, H, W), np.float32))
    (depths / "cut.npy").write_bytes((depths / "cut.npy").read_bytes()[:2000])
    np.save(depths / "short.npy", np.ones((T - 1, H, W), np.float32))
    (depths / "good").symlink_to(sensor)
    out = tmp_path / "out"
    given = ("--metric", "sensor", "--depth", depths, "--model", models / "dvd", "--save", "npz", "--out", out)
    assert predict(*clips, *given) == 2
    told = capsys.readouterr().err.splitlines()
    assert [Path(line.split("error: ")[1].split(":")[0]).name for line in told if "error:" in line] == [
        "cut.npy", "short.npy",
    ]  # fmt: skip
    assert told[-1] == "pellucid: 2 of 3 inputs failed"
    assert [path.name for path in out.iterdir()] == ["good"] and (out / "good/prediction.npz").exists()


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("kind", ["picture", "video"])
def test_the_camera_of_the_file_is_used_where_it_is_needed_and_told(models, clip, tmp_path, capsys, kind):
    path = tmp_path / ("taken.jpg" if kind == "picture" else "taken.mov")
    if kind == "picture":
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0xA405] = 26
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(path, exif=exif)
    else:
        name = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
        with av.open(str(clip)) as source, av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target:
            target.metadata[name] = "26"
            line = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = line
                    target.mux(packet)
    given = (path, "--out", tmp_path / "out", "--model", models / "dvd", "--save")
    assert predict(*given, "ply") == 0
    assert "26 mm on 35 mm film" in capsys.readouterr().err
    focal = 26 * np.hypot(H, W) / np.hypot(36, 24)
    wanted = [[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]]
    np.testing.assert_allclose(sidecar(tmp_path / "out/taken")["intrinsics"], wanted, rtol=1e-4)
    assert predict(*given, "npz") == 0  # where it is not needed nothing is taken for granted
    assert sidecar(tmp_path / "out/taken")["intrinsics"] is None


def test_normals_have_no_metres(models, clip, sensor, tmp_path, capsys):
    given = ("--out", tmp_path, "--model", models / "normals", "--metric", "sensor", "--depth", sensor)
    assert predict(clip, *given) == 2
    assert "needs depth, not normals" in capsys.readouterr().err


def test_a_real_frame_keeps_its_sensor_and_gains_the_rest(real, tmp_path):
    rgbd = real / "lingbot_depth"
    given = ("--metric", "sensor", "--depth", rgbd / "2_raw_depth.png", "--intrinsics", rgbd / "2_intrinsics.txt")
    assert predict(rgbd / "2_rgb.png", "--out", tmp_path, "--model", "nano", "--save", "npz", *given) == 0
    depth = load_prediction(tmp_path / "2_rgb").values[0]
    raw = cv2.imread(str(rgbd / "2_raw_depth.png"), -1) / np.float32(1000)
    report = sidecar(tmp_path / "2_rgb")["metric"]
    assert np.isfinite(depth).all() and depth.min() > 0.3
    assert (depth == raw).mean() == pytest.approx(report["trusted_share"], abs=1e-6)
    assert report["trusted_share"] > 0.5
    assert report["known_share"] == pytest.approx((raw > 0).mean())


def test_a_table_by_a_real_tag(real, tmp_path):
    """KeyPose's mat with AprilTags of 8 cm; the sidecar tells what was used."""
    picture = real / "keypose/000001_L.png"
    given = ("--metric", "tag", "--tag-size", 0.08, "--intrinsics", real / "keypose/data_params.pbtxt")
    assert predict(picture, "--out", tmp_path, "--model", "nano", "--save", "npz", *given) == 0
    report = sidecar(tmp_path / "000001_L")["metric"]
    assert (report["tag_size"], report["tag_family"]) == (0.08, "36h11")
    depth = load_prediction(tmp_path / "000001_L").values[0]
    assert abs(depth[480, 417] - 0.785) < 0.12  # the bottle's base; nano is no more exact than that
