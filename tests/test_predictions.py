"""Predictions on disk as others write them: which quantity, which scale, which frame, and what is refused."""

import cv2
import numpy as np
import OpenEXR
import pytest

from pellucid import cli
from pellucid.clip import InputError, Prediction
from pellucid.evaluate.sources import Saved
from pellucid.store import (
    PredictionFormat,
    find_prediction,
    load_prediction,
    save_exr_sequence,
    save_npy,
    save_npz,
    save_png16_sequence,
    write_json,
)

RNG = np.random.default_rng(0)
VALUES = RNG.uniform(0.5, 3, (12, 6, 5)).astype(np.float32)
NORMALS = RNG.normal(size=(12, 6, 5, 3)).astype(np.float32)
NORMALS /= np.linalg.norm(NORMALS, axis=-1, keepdims=True)


def pngs(folder, levels, start=0):
    folder.mkdir(parents=True)
    for index, frame in enumerate(levels, start):
        cv2.imwrite(str(folder / f"{index}.png"), frame[..., ::-1] if frame.ndim == 3 else frame)


@pytest.mark.parametrize("kind", ["npz", "npy", "exr", "png16"])
@pytest.mark.parametrize(("quantity", "values"), [("disparity", VALUES), ("normals", NORMALS)])
def test_what_predict_writes_comes_back(tmp_path, kind, quantity, values):
    write_json(tmp_path / "prediction.json", {"quantity": quantity, "invariance": "none"})
    if kind == "npz":
        save_npz(tmp_path / "prediction.npz", quantity, [values], values.shape)
    elif kind == "npy":
        save_npy(tmp_path / "prediction.npy", [values], values.shape)
    elif kind == "exr":
        save_exr_sequence(tmp_path / "exr", [values], quantity)
    else:
        save_png16_sequence(tmp_path / "png16", [values], -1, 3)
    prediction = load_prediction(tmp_path, shape=(12, 6, 5))
    assert (prediction.quantity, prediction.invariance) == (quantity, "none")
    assert prediction.values.dtype == np.float32
    np.testing.assert_allclose(prediction.values, values, atol=4 / 65535 if kind == "png16" else 0)


def test_the_expected_error_comes_back_with_its_prediction(tmp_path):
    error = RNG.uniform(0, 0.3, VALUES.shape).astype(np.float32)
    error[0, 0, 0] = np.nan
    save_npz(tmp_path / "prediction.npz", "depth", [VALUES], VALUES.shape, np.eye(3), iter((error[:5], error[5:])))
    prediction = load_prediction(tmp_path)
    assert prediction.quantity == "depth"
    np.testing.assert_array_equal(prediction.values, VALUES)
    np.testing.assert_array_equal(prediction.expected_error, error)
    np.savez(tmp_path / "theirs.npz", predicted=VALUES, expected_error=error.astype(np.float64))
    prediction = load_prediction(tmp_path / "theirs.npz", PredictionFormat(quantity="disparity"))
    np.testing.assert_array_equal(prediction.expected_error, error)


@pytest.mark.parametrize(
    ("quantity", "values", "error"),
    [("depth", VALUES, VALUES[:5]), ("depth", VALUES, VALUES > 1), ("normals", NORMALS, VALUES)],
)
def test_an_expected_error_of_something_else_is_refused(tmp_path, quantity, values, error):
    np.savez(tmp_path / "a.npz", **{quantity: values, "expected_error": error})
    with pytest.raises(InputError, match=r"a\.npz: expected_error is"):
        load_prediction(tmp_path / "a.npz")
    if error.dtype == np.float32:
        with pytest.raises((ValueError, TypeError), match="expected_error"):  # TypeError: the tests' shape checker
            Prediction(quantity=quantity, invariance="none", values=values, expected_error=error)


@pytest.mark.parametrize(
    ("name", "quantity", "invariance"),
    [("disp", "disparity", "affine"), ("depths", "depth", "none"), ("Depth", "depth", "none")],
)
def test_an_array_says_what_it_is(tmp_path, name, quantity, invariance):
    np.savez(tmp_path / "a.npz", **{name: VALUES.astype(np.float64), "K": np.eye(3)})
    prediction = load_prediction(tmp_path / "a.npz")
    assert (prediction.quantity, prediction.invariance) == (quantity, invariance)
    np.testing.assert_array_equal(prediction.values, VALUES)


def test_the_user_knows_better_than_an_arrays_name(tmp_path):
    """Video Depth Anything and DepthCrafter save their disparity as depth."""
    np.savez(tmp_path / "a.npz", depths=VALUES)
    prediction = load_prediction(tmp_path / "a.npz", PredictionFormat(quantity="disparity"))
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    prediction = load_prediction(tmp_path / "a.npz", PredictionFormat(invariance="scale"))
    assert (prediction.quantity, prediction.invariance) == ("depth", "scale")


@pytest.mark.parametrize("name", ["clip_depth.npy", "depth/clip.npy", "depth_maps/clip/0001.npy"])
def test_a_path_says_what_it_is(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, VALUES)
    assert load_prediction(path).quantity == "depth"


def test_of_two_arrays_the_one_asked_for(tmp_path):
    np.savez(tmp_path / "a.npz", depth=VALUES, normal=NORMALS)
    with pytest.raises(InputError, match="a prediction holds one of"):
        load_prediction(tmp_path / "a.npz")
    assert load_prediction(tmp_path / "a.npz", PredictionFormat(quantity="normals")).values.shape == NORMALS.shape


def test_millimetres_and_holes(tmp_path):
    levels = np.rint(VALUES * 1000).astype(np.uint16)
    levels[:, 0, 0] = 0
    pngs(tmp_path / "clip/depth", levels)
    prediction = load_prediction(tmp_path / "clip", PredictionFormat(metres_per_level=0.001))
    assert (prediction.quantity, prediction.invariance) == ("depth", "none")
    assert np.isnan(prediction.values[:, 0, 0]).all()
    np.testing.assert_allclose(prediction.values[:, 1:], VALUES[:, 1:], atol=6e-4)  # and frame 2 is before frame 10
    with pytest.raises(InputError, match=r"0\.001 for millimetres"):
        load_prediction(tmp_path / "clip")
    relative = load_prediction(tmp_path / "clip", PredictionFormat(invariance="affine"))
    np.testing.assert_allclose(relative.values[:, 1:], levels[:, 1:] / 65535, rtol=1e-6)


def test_png_disparity_needs_no_scale_and_its_zero_is_a_value(tmp_path):
    levels = RNG.integers(0, 65536, VALUES.shape, dtype=np.uint16)
    levels[0, 0, 0] = 0
    pngs(tmp_path / "disparity", levels)
    prediction = load_prediction(tmp_path / "disparity")
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    np.testing.assert_allclose(prediction.values, levels / 65535, rtol=1e-6)


@pytest.mark.parametrize(("frame", "signs"), [("opencv", (1, 1, 1)), ("opengl", (1, -1, -1)), ("dsine", (-1, -1, -1))])
def test_normals_come_from_the_frame_given(tmp_path, frame, signs):
    theirs = NORMALS * np.array(signs, np.float32)
    pngs(tmp_path / "normals", np.rint((theirs + 1) / 2 * 65535).astype(np.uint16))
    prediction = load_prediction(tmp_path / "normals", PredictionFormat(normal_frame=frame))
    assert (prediction.quantity, prediction.invariance) == ("normals", "none")
    np.testing.assert_allclose(prediction.values, NORMALS, atol=2e-5)


@pytest.mark.parametrize(
    ("channels", "quantity"),
    [("Z", "depth"), ("depth", "depth"), ("disparity R", "disparity"), ("Y", None), ("R G B", None)],
)
def test_exr_of_other_programs(tmp_path, channels, quantity):
    for index, frame in enumerate(VALUES):
        OpenEXR.File({}, {name: frame.copy() for name in channels.split()}).write(str(tmp_path / f"{index:04d}.exr"))
    if quantity is None:
        with pytest.raises(InputError, match="disparity or depth or normals; say which"):
            load_prediction(tmp_path)
    prediction = load_prediction(tmp_path, PredictionFormat(quantity=quantity or "depth"))
    assert prediction.quantity == (quantity or "depth")
    np.testing.assert_array_equal(prediction.values, VALUES)


def test_a_prediction_is_found_by_the_clips_name(tmp_path):
    np.savez(tmp_path / "a.npz", depth=VALUES)
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b/anything.npz", depth=VALUES)
    assert find_prediction(tmp_path, "a") == tmp_path / "a.npz"
    assert find_prediction(tmp_path, "b") == tmp_path / "b/anything.npz"
    assert load_prediction(find_prediction(tmp_path, "b")).quantity == "depth"
    with pytest.raises(InputError, match=r"no prediction of c; expected c, c\.npz or c\.npy"):
        find_prediction(tmp_path, "c")


def test_another_size_or_length_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", depth=VALUES)
    for shape in ((12, 6, 7), (11, 6, 5)):
        wanted = f"{shape[0]} frames of {shape[2]}x{shape[1]}"
        with pytest.raises(InputError, match=f"12 frames of 5x6, but the clip is {wanted}"):
            load_prediction(tmp_path / "a.npz", shape=shape)


def test_what_is_no_prediction_is_refused_by_name(tmp_path):
    pngs(tmp_path / "eight_depth", (VALUES * 50).astype(np.uint8))
    pngs(tmp_path / "both/depth", np.rint(VALUES * 1000).astype(np.uint16))
    pngs(tmp_path / "both/disparity", np.rint(VALUES * 1000).astype(np.uint16))
    pngs(tmp_path / "sizes_depth", np.rint(VALUES * 1000).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "sizes_depth/12.png"), np.ones((3, 3), np.uint16))
    (tmp_path / "empty").mkdir()
    (tmp_path / "depth.npy").write_bytes(b"\x93NUMPY")
    for name, message in (
        ("eight_depth", "8 bit"), ("both", "has depth, disparity"), ("sizes_depth", "shapes"), ("empty", "has none"),
        ("depth.npy", "damaged"), ("missing.npz", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message) as error:
            load_prediction(tmp_path / name, PredictionFormat(metres_per_level=0.001))
        assert name in str(error.value) and "\n" not in str(error.value)


def test_a_level_is_worth_something():
    with pytest.raises(InputError, match=r"above 0 \(0\.001 for millimetres\)"):
        PredictionFormat(metres_per_level=0.0)


def test_evaluate_scores_what_others_wrote(tmp_path):
    pngs(tmp_path / "clip/depth", np.rint(VALUES * 1000).astype(np.uint16))
    source = Saved("theirs", tmp_path, PredictionFormat(metres_per_level=0.001))
    rgb = np.zeros((12, 6, 5, 3), np.uint8)
    prediction, measured = source.predict("clip", rgb)
    np.testing.assert_allclose(prediction.values, VALUES, atol=6e-4)
    receipt = source.receipt("clip")
    assert receipt["read_as"]["metres_per_level"] == 0.001 and not measured
    cv2.imwrite(str(tmp_path / "clip/depth/3.png"), np.ones((6, 5), np.uint16))
    assert source.receipt("clip")["prediction_sha256"] != receipt["prediction_sha256"]
    with pytest.raises(InputError, match="12 frames of 5x6, but the clip is 11 frames"):
        source.predict("clip", rgb[:11])


def test_options_of_files_need_files(capsys):
    options = ["evaluate", "--out", "x", "--model", "nano", "--benchmark", "transphy3d-mini", "--data", "y"]
    assert cli.main([*options, "--quantity", "depth", "--metres-per-level", "0.001"]) == 2
    assert "--quantity, --metres-per-level: speaks of the files of --predictions" in capsys.readouterr().err
