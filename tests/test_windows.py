import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from pellucid.clip import InputError
from pellucid.model.windows import LatentBlender, Stitcher, plan_frames, plan_latent, ramp

SEEDS = st.integers(0, 2**32 - 1)
PLANS = st.tuples(st.integers(1, 60), st.integers(2, 21), st.integers(1, 20)).filter(lambda plan: plan[2] < plan[1])


def pairs(windows):
    return [[w.start, w.stop] for w in windows]


@given(st.integers(1, 700), st.integers(1, 90), st.integers(0, 89), st.sampled_from(["latent", "even", "reference"]))
def test_plans_cover_the_video_and_overlap(num_frames, window, overlap, kind):
    assume(overlap < window)
    if kind == "latent":
        windows = plan_latent(num_frames, window, overlap)
    else:
        windows = plan_frames(num_frames, window, overlap, reference=kind == "reference")
    assert windows[0].start == 0
    assert windows[-1].stop == num_frames
    assert all(0 < w.stop - w.start <= window for w in windows)
    for a, b in itertools.pairwise(windows):
        assert a.start < b.start
        assert a.stop < b.stop
        assert a.stop - b.start >= overlap


@given(st.integers(1, 700), st.integers(1, 90), st.integers(0, 89))
def test_even_plan_is_never_dearer_than_the_reference(num_frames, window, overlap):
    assume(overlap < window)
    ours = plan_frames(num_frames, window, overlap)
    reference = plan_frames(num_frames, window, overlap, reference=True)
    assert len(ours) == len(reference)
    assert ours[0].stop <= reference[0].stop
    assert len({w.stop - w.start for w in ours}) == 1
    if len(ours) > 1 and window % 4 == 1:
        assert ours[0].stop % 4 == 1


def test_one_frame_more_than_a_window_is_not_a_second_full_window():
    assert pairs(plan_frames(82, 81, 21)) == [[0, 53], [29, 82]]


@pytest.mark.parametrize(("window", "overlap"), [(4, 4), (4, -1), (0, 0)])
def test_plans_refuse_impossible_overlaps(window, overlap):
    for plan in (plan_latent, plan_frames):
        with pytest.raises(InputError, match="0 <= overlap < window"):
            plan(10, window, overlap)
        with pytest.raises(InputError, match="at least one frame"):
            plan(0, 4, 1)


def test_golden_window_lists(golden):
    case = json.loads((golden / "dvd_stitching.json").read_text())
    for entry in case["window_lists"] + case["cases"]:
        windows = plan_frames(entry["T"], entry["window"], entry["overlap"], reference=True)
        assert pairs(windows) == entry["windows"]


def test_golden_latent_windows(golden):
    tensors = load_file(golden / "dkt_temporal_tiler.safetensors")
    for number, entry in enumerate(json.loads((golden / "dkt_temporal_tiler.json").read_text())["cases"]):
        overlap = entry["window"] - entry["stride"]
        windows = plan_latent(entry["T"], entry["window"], overlap)
        assert pairs(windows) == entry["windows"]
        latents, control = tensors[f"latents_{number}"], tensors[f"y_{number}"][:, :2]
        blender = LatentBlender(windows, overlap)
        blended = []
        for i, w in enumerate(windows):
            mask = ramp(w.stop - w.start, overlap, i == 0, i == len(windows) - 1)
            assert mask.tolist() == entry["masks"][i]
            frame = torch.arange(w.stop - w.start).view(1, 1, -1, 1, 1)
            blended.append(blender.push(latents[:, :, w] * (1 + 0.1 * i) + 0.01 * frame + 0.5 * control[:, :, w]))
        torch.testing.assert_close(torch.cat(blended, dim=2), tensors[f"out_{number}"], atol=1e-6, rtol=0)


@given(PLANS, SEEDS)
@settings(deadline=None)
def test_blender_is_the_weighted_mean_of_the_whole_video_bit_for_bit(plan, seed):
    windows, overlap = plan_latent(*plan), plan[2]
    generator = torch.Generator().manual_seed(seed)
    total, weight = torch.zeros(1, 2, plan[0], 2, 2), torch.zeros(1, 1, plan[0], 1, 1)
    blender, finished = LatentBlender(windows, overlap), []
    for i, w in enumerate(windows):
        values = torch.randn(1, 2, w.stop - w.start, 2, 2, generator=generator)
        mask = ramp(w.stop - w.start, overlap, i == 0, i == len(windows) - 1).view(1, 1, -1, 1, 1)
        total[:, :, w] += mask * values
        weight[:, :, w] += mask
        if i == len(windows) // 2:  # resumed by another process
            state, blender = blender.state(), LatentBlender(windows, overlap)
            blender.load_state(state)
        finished.append(blender.push(values))
        assert blender.state()["total"].shape[2] <= plan[1] - 1
    torch.testing.assert_close(torch.cat(finished, dim=2), total / weight, rtol=0, atol=0)
    with pytest.raises(InputError, match="were given already"):
        blender.push(values)


def test_blender_refuses_a_window_of_the_wrong_length():
    with pytest.raises(InputError, match="must have 4 frames"):
        LatentBlender(plan_latent(10, 4, 1), 1).push(torch.zeros(1, 1, 3, 1, 1))


def stitch(stitcher, parts):
    return np.concatenate([stitcher.push(p, w.start) for p, w in zip(parts, stitcher.windows, strict=True)])


@given(PLANS, SEEDS)
@settings(deadline=None, max_examples=60)
def test_stitching_undoes_any_affine_drift(plan, seed):
    rng = np.random.default_rng(seed)
    video = rng.random((plan[0], 6, 7), np.float32)
    windows = plan_frames(*plan)
    scales, shifts = rng.uniform(0.5, 1.4, len(windows)), rng.uniform(-0.4, 0.4, len(windows))
    scales[0], shifts[0] = 1, 0
    parts = [(video[w] * a + b).astype(np.float32) for w, a, b in zip(windows, scales, shifts, strict=True)]
    stitcher = Stitcher(windows)
    np.testing.assert_allclose(stitch(stitcher, parts), video, atol=3e-5)
    for seam, w, a, b in zip(stitcher.seams, windows[1:], scales[1:], shifts[1:], strict=True):
        assert seam.start == w.start
        np.testing.assert_allclose((seam.scale, seam.shift), (1 / a, -b / a), atol=1e-4)
        assert not seam.large


def test_robust_mode_survives_wrong_pixels_and_reference_does_not():
    rng = np.random.default_rng(3)
    video = rng.random((40, 24, 24), np.float32)
    windows = plan_frames(40, 17, 5)
    parts = [video[w] * (0.8 + 0.1 * i) + 0.1 * i for i, w in enumerate(windows)]
    parts[0] = video[windows[0]].copy()
    for part in parts[1:]:
        wrong = rng.random(part.shape) < 0.3
        part[wrong] = rng.random(wrong.sum(), np.float32) + 0.3
    errors = {}
    for mode in ("robust", "reference"):
        stitcher = Stitcher(windows, mode)
        errors[mode] = np.median(np.abs(stitch(stitcher, parts)[20:] - video[20:]))
    assert errors["robust"] < 1e-3 < 0.01 < errors["reference"]


def test_a_seam_that_does_not_fit_is_flagged():
    rng = np.random.default_rng(0)
    noise = Stitcher(plan_frames(20, 13, 6))
    stitch(noise, [rng.random((13, 9, 9), np.float32) for _ in noise.windows])
    assert all(seam.large for seam in noise.seams)


def test_bounded_slope_refits_the_shift():
    ramp_frame = np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 6, 8)
    before, after = np.repeat(ramp_frame, 5, axis=0), np.repeat(ramp_frame * 0.05 + 3.0, 5, axis=0)
    stitcher = Stitcher(plan_frames(8, 5, 2))
    stitcher.push(before, 0)
    stitcher.push(after, 3)
    (seam,) = stitcher.seams
    assert seam.scale == 2.5
    np.testing.assert_allclose(seam.scale * after.mean() + seam.shift, before.mean(), atol=1e-3)
    assert seam.large


@given(PLANS, SEEDS, st.sampled_from(["robust", "reference", "unit"]))
@settings(deadline=None, max_examples=60)
def test_resuming_gives_the_same_bytes_and_keeps_only_the_overlap(plan, seed, mode):
    rng = np.random.default_rng(seed)
    windows = plan_frames(*plan, reference=bool(seed % 2))
    parts = [rng.standard_normal((w.stop - w.start, 4, 5, 3), np.float32) for w in windows]
    parts = [p / np.linalg.norm(p, axis=-1, keepdims=True) for p in parts]
    given_parts = [p.copy() for p in parts]
    straight = Stitcher(windows, mode)
    expected = stitch(straight, parts)
    assert len(expected) == plan[0]
    resumed, pieces = Stitcher(windows, mode), []
    for i, (part, w) in enumerate(zip(parts, windows, strict=True)):
        if i == len(windows) // 2:
            state, resumed = resumed.state(), Stitcher(windows, mode)
            resumed.load_state(state)
        pieces.append(resumed.push(part, w.start))
        following = windows[i + 1].start if i + 1 < len(windows) else w.stop
        assert len(resumed.state().get("tail", ())) == w.stop - following
    assert np.concatenate(pieces).tobytes() == expected.tobytes()
    assert resumed.seams == straight.seams
    assert all(np.array_equal(a, b) for a, b in zip(parts, given_parts, strict=True))
    if mode == "unit":
        np.testing.assert_allclose(np.linalg.norm(expected, axis=-1), 1, atol=1e-5)


def test_unit_mode_leaves_agreeing_normals_and_survives_opposite_ones():
    up = np.zeros((5, 2, 2, 3), np.float32)
    up[..., 2] = -1
    stitcher = Stitcher(plan_frames(7, 5, 3), "unit")
    np.testing.assert_array_equal(stitch(stitcher, [up, up]), np.concatenate([up, up[:2]]))
    stitcher = Stitcher(plan_frames(7, 5, 3), "unit")
    joined = stitch(stitcher, [up, -up])
    np.testing.assert_array_equal(np.linalg.norm(joined, axis=-1), 1)
    assert stitcher.seams[0].residual == pytest.approx(np.pi)


def test_flush_gives_what_is_held_when_a_plan_is_cut_short():
    video = np.random.default_rng(0).random((30, 3, 4), np.float32)
    stitcher = Stitcher(plan_frames(30, 13, 4))
    first = stitcher.push(video[:13], 0)
    np.testing.assert_array_equal(np.concatenate([first, stitcher.flush()]), video[:13])
    assert len(stitcher.flush()) == 0
    with pytest.raises(InputError, match="no window"):
        Stitcher([slice(0, 3)]).flush()


def test_stitcher_says_what_is_wrong():
    frames = np.zeros((9, 2, 2), np.float32)
    stitcher = Stitcher(plan_frames(15, 9, 3))
    with pytest.raises(InputError, match=r"must cover frames \[0, 9\), got \[2, 11\)"):
        stitcher.push(frames, 2)
    with pytest.raises(InputError, match="NaN"):
        stitcher.push(np.nan * frames, 0)
    with pytest.raises(InputError, match="scale_only"):
        Stitcher([slice(0, 9)], scale_only=True)


@pytest.mark.parametrize("scale_only", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_golden_stitching(golden, number, scale_only):
    tensors = load_file(golden / "dvd_stitching.safetensors")
    entry = json.loads((golden / "dvd_stitching.json").read_text())["cases"][number]
    windows = plan_frames(entry["T"], entry["window"], entry["overlap"], reference=True)
    parts = [tensors[f"case{number}_window{i}"][0].numpy() for i in range(len(windows))]
    stitcher = Stitcher(windows, "reference", scale_only=scale_only)
    expected = tensors[f"case{number}_stitched{'_scale_only' if scale_only else ''}"][0].numpy()
    np.testing.assert_allclose(stitch(stitcher, parts), expected, atol=2e-5)
    if stitcher.seams and not scale_only:
        scale, shift = entry["first_pair_scale_shift"]
        assert stitcher.seams[0].scale == pytest.approx(np.clip(scale, 0.7, 1.5), abs=1e-5)
        assert stitcher.seams[0].shift == pytest.approx(shift, abs=1e-5)


def test_golden_pipeline_windows(golden):
    tensors = load_file(golden / "dvd_pipeline_windows.safetensors")
    windows = plan_frames(20, 9, 3, reference=True)
    parts = [tensors[f"window_{i}"][0].numpy() for i in range(3)]
    stitched = stitch(Stitcher(windows, "reference"), parts)
    np.testing.assert_allclose(stitched, tensors["stitched"][0].numpy(), atol=2e-5)
