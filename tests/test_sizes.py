import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from pellucid.clip import InputError
from pellucid.model.sizes import dkt_resize, dvd_resize, dvd_size, fit_size, padded_length

SIDES = st.integers(1, 4000)


@given(SIDES, SIDES, st.integers(16, 1000), st.integers(16, 1000))
def test_fitted_size_keeps_aspect_and_area(height, width, target_h, target_w):
    size = fit_size(height, width, target_h, target_w)
    ratio = (target_h * target_w / (height * width)) ** 0.5
    assert abs(size.height - height * ratio) <= 1
    assert abs(size.width - width * ratio) <= 1
    for side, padded in ((size.height, size.padded_height), (size.width, size.padded_width)):
        assert padded % 16 == 0
        assert side <= padded < side + 16


def test_a_fitting_input_is_left_alone():
    size = fit_size(480, 832, 480, 832)
    assert (size.height, size.width, size.padded_height, size.padded_width) == (480, 832, 480, 832)
    with pytest.raises(InputError, match="positive"):
        fit_size(0, 832, 480, 832)


@given(st.integers(1, 1000))
def test_padded_length_is_the_next_4k_plus_1(num_frames):
    padded = padded_length(num_frames)
    assert padded % 4 == 1
    assert num_frames <= padded < num_frames + 4


def test_no_frames_have_no_length():
    with pytest.raises(InputError, match="at least one frame"):
        padded_length(0)


def test_golden_sizes(golden):
    case = json.loads((golden / "dvd_stitching.json").read_text())
    for entry in case["resize_sizes"]:
        size = dvd_size(entry["H"], entry["W"], entry["target_h"], entry["target_w"])
        assert size == (entry["new_h"], entry["new_w"])
    for entry in case["pad_lengths"]:
        assert padded_length(entry["T"]) == entry["padded"]


@pytest.mark.parametrize("size", [(32, 48), (64, 96), (45, 67)])
def test_golden_dkt_resize(golden, size):
    case = load_file(golden / "resize.safetensors")
    ours = dkt_resize(case["frame"][None], *size)[0].int()
    difference = (ours - case[f"resized_{size[0]}x{size[1]}"].int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.002


def test_golden_dvd_resize(golden):
    case = load_file(golden / "resize.safetensors")
    resized = dvd_resize(case["dvd_video"][0], 64, 64)
    torch.testing.assert_close(resized[None], case["dvd_resized"], atol=1e-6, rtol=0)
    back = dvd_resize(resized, 40, 50).permute(0, 2, 3, 1)
    torch.testing.assert_close(back, case["dvd_back"], atol=1e-6, rtol=0)
    assert dvd_resize(resized, 64, 64) is resized


def test_golden_pipeline_resize(golden):
    case = load_file(golden / "dvd_pipeline_windows.safetensors")
    frames = case["frames"].permute(0, 3, 1, 2).float() / 255
    height, width = dvd_size(46, 60, 48, 64)
    torch.testing.assert_close(dvd_resize(frames, height, width)[None], case["resized"], atol=1e-6, rtol=0)
    back = dvd_resize(case["stitched"][0].permute(0, 3, 1, 2), 46, 60).permute(0, 2, 3, 1)
    np.testing.assert_allclose(back.numpy(), case["resized_back"].numpy(), atol=6e-4)
