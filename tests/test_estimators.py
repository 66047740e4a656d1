"""Estimators by name: our models and rivals, with what their receipts say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny_rivals
from pellucid import GeometryPipeline
from pellucid.clip import Estimator, InputError
from pellucid.predict.estimators import load_estimator
from test_pipeline import tiny, video

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny("dvd").save_pretrained(root / "dvd")
    tiny("dkt", "normals").save_pretrained(root / "normals")
    return root


def test_nano_gives_what_the_pipeline_gives(transphy3d_mini):
    folder = sorted(transphy3d_mini.glob("s*"))[0]
    rgb = np.stack([cv2.imread(str(folder / f"rgb_{n:04d}.jpg"))[..., ::-1] for n in (1, 2)])
    estimator = load_estimator("nano", device="cpu", local_files_only=True)
    assert isinstance(estimator, Estimator)
    prediction = estimator(rgb)
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    assert np.array_equal(prediction.values, GeometryPipeline.from_pretrained("nano")(rgb).disparity)


def test_settings_reach_a_model_and_its_receipt(models):
    rgb = video(23, 40, 56)
    settings = {"window": 9, "overlap": 2, "resolution": (48, 64), "stitching": "reference"}
    estimator = load_estimator(str(models / "dvd"), device="cpu", **settings)
    pipe = GeometryPipeline.from_pretrained(models / "dvd")
    out = pipe(rgb, window=9, overlap=2, processing_resolution=(48, 64), stitching="reference")
    assert np.array_equal(estimator(rgb).values, out.disparity)
    receipt = json.loads(json.dumps(estimator.receipt()))
    assert receipt["settings"]["window"] == 9 and receipt["settings"]["processing_resolution"] == [48, 64]
    assert receipt["seconds"].keys() == {"encode", "network", "decode", "total"}
    assert [seam["start"] for seam in receipt["seams"]] == [seam.start for seam in out.seams] != []
    assert len(receipt["weights_sha256"]) == 64 and receipt["versions"]["torch"]
    estimator(rgb[:9])
    assert estimator.receipt()["seams"] == [], "of the latest clip"


def test_normals_of_a_model(models):
    rgb = video(5, 40, 56)
    prediction = load_estimator(str(models / "normals"), device="cpu", steps=1, seed=3)(rgb)
    assert (prediction.quantity, prediction.invariance) == ("normals", "none")
    other = GeometryPipeline.from_pretrained(models / "normals")(rgb, num_inference_steps=1, seed=3).normals
    assert np.array_equal(prediction.values, other)


def test_a_rival_by_name_with_weights_of_ones_own(tmp_path):
    folder = tiny_rivals.save_depth_anything(tmp_path / "m", tiny_rivals.depth_anything("relative"))
    estimator = load_estimator(f"dav2:{folder}", device="cpu")
    assert isinstance(estimator, Estimator)
    rgb = video(2, 40, 56)
    assert estimator(rgb).values.shape == (2, 40, 56)
    mirrored = np.ascontiguousarray(rgb[:, :, ::-1])
    assert np.array_equal(estimator(rgb[:, :, ::-1]).values, estimator(mirrored).values), "views will do"
    assert estimator.receipt()["estimator"] == "dav2"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("nanoo", {}, "Did you mean nano"),
        ("depth-prp", {}, "Did you mean depth-pro"),
        ("dav2:nowhere/at/all", {}, "no such file or folder"),
        ("dav2", {"steps": 3, "window": 8}, "dav2: takes no settings; leave out steps, window"),
        ("marigold-depth", {"offload": "model", "device": "cpu"}, "--offload model"),
        ("marigold-depth", {"stitching": "reference"}, "takes steps, seed; leave out stitching"),
        ("nano", {"window": 1, "overlap": 1}, "overlap 1 with window 1"),
        ("nano", {"device": "cuda:99"}, "--device cuda:99"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, message):
    with pytest.raises(InputError, match=message) as error:
        load_estimator(name, **settings)
    assert "\n" not in str(error.value)
