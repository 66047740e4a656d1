"""One clip through every alignment and metric: oracles score perfectly, and what cannot be scored says why."""

from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid.align import align_disparity
from pellucid.camera import backproject, depth_to_normals
from pellucid.clip import Clip, InputError, Prediction
from pellucid.evaluate import metrics
from pellucid.evaluate.alignment import align
from pellucid.evaluate.protocol import Protocol
from pellucid.evaluate.scoring import plain, score

K = np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])
PERFECT = {"depth_pro_boundary_f1", "depth_pro_boundary_recall", "points_delta"}


def protocol(alignment="disparity", **fields):
    return Protocol(alignment=alignment, source="this test", **fields)


@pytest.fixture
def unchecked(monkeypatch):
    """Without the shape checker, as users run it: it would speak before our own messages do."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def a_clip(frames=3, seed=0):
    """A glass box before a wall; the camera moves sideways, by whole pixels of both."""
    rng = np.random.default_rng(seed)
    depth = np.full((frames, 48, 64), 2.0, np.float32)
    transparent = np.zeros(depth.shape, bool)
    texture = rng.integers(0, 256, (48, 64 + 2 * frames, 3), np.uint8)
    rgb = np.stack([texture[:, 2 * t : 2 * t + 64] for t in range(frames)])
    for t in range(frames):
        left = 30 - 4 * t  # a box at half the depth moves twice as fast
        depth[t, 16:32, left : left + 16], transparent[t, 16:32, left : left + 16] = 1.0, True
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, 0, 3] = np.arange(frames) * 2 * 2.0 / K[0, 0]
    normals = np.stack([depth_to_normals(frame, K) for frame in depth])
    return Clip(name="box", rgb=rgb, K=K, T_world_camera=poses, depth=depth, normals=normals, transparent=transparent)


def disparity(values):
    return Prediction(quantity="disparity", invariance="affine", values=values.astype(np.float32))


def depth(values, invariance="none"):
    return Prediction(quantity="depth", invariance=invariance, values=values.astype(np.float32))


def assert_perfect(scores):
    assert scores.floor["depth_pro_boundary_f1"] == 1, "every direction has edges here"
    for region, values in scores.regions.items():
        for name, value in values.items():
            if name.startswith("dvd_boundary"):  # of pictures, not of the truth
                continue
            if name in ("tae", "opw"):  # know no truth
                if region == "all":
                    assert value == pytest.approx(scores.floor[name], abs=1e-5), name
                continue
            best = 1 if name.startswith("delta") or name in PERFECT else 0
            assert value == pytest.approx(best, abs=3e-3 if name == "silog" else 1e-5), (region, name)


@given(st.floats(0.05, 20), st.floats(-0.2, 3))
@settings(max_examples=3, deadline=None)
def test_an_oracle_up_to_scale_and_shift_of_disparity_is_perfect(scale, shift):
    clip = a_clip()
    for alignment in ("disparity", "disparity-robust", "disparity-per-frame"):
        scores = score(disparity(scale * (1 / clip.depth + shift)), clip, protocol(alignment))
        assert_perfect(scores)
        assert scores.regions.keys() == {"all", "glass", "background"}
        assert scores.aligned.space == "disparity"
        np.testing.assert_allclose(scores.aligned.scale, 1 / scale, rtol=1e-3)


@pytest.mark.parametrize(
    ("prediction", "alignment"),
    [
        (lambda g: depth(g), "none"),
        (lambda g: depth(g), "disparity"),
        (lambda g: depth(3 * g, "scale"), "scale"),
        (lambda g: depth(3 * g, "scale"), "disparity"),
        (lambda g: depth(3 * g + 1, "affine"), "depth"),
        (lambda g: depth(3 * g + 1, "affine"), "disparity"),  # is fitted in depth, for it has no other inverse
        (lambda g: Prediction(quantity="disparity", invariance="scale", values=5 / g), "scale"),
        (lambda g: Prediction(quantity="disparity", invariance="none", values=1 / g), "none"),
    ],
)
def test_oracles_of_every_kind_are_perfect(prediction, alignment):
    clip = a_clip()
    scores = score(prediction(clip.depth), clip, protocol(alignment))
    assert_perfect(scores)
    affine_depth = prediction(clip.depth).invariance == "affine"
    assert scores.aligned.space == ("disparity" if alignment == "disparity" and not affine_depth else "depth")


def test_alignment_of_the_papers_is_align_disparity():
    clip, rng = a_clip(), np.random.default_rng(1)
    values = rng.random(clip.depth.shape).astype(np.float32) - 0.05
    truth = np.where(rng.random(values.shape) < 0.1, np.nan, clip.depth).astype(np.float32)
    ours = align(disparity(values), truth, protocol(min_depth=0.5, max_depth=1.8)).depth
    theirs = align_disparity(values, truth, min_depth=0.5, max_depth=1.8)
    np.testing.assert_array_equal(ours, theirs)


def test_alignment_gives_the_golden_numbers(golden):
    case = load_file(golden / "eval_dvd.safetensors")
    truth = np.where(case["mask"], case["gt"], np.nan).astype(np.float32)
    ours = align(disparity(case["pred_disparity"]), truth, protocol())
    np.testing.assert_allclose(ours.depth, case["depth_from_aligned"], rtol=1e-5)
    np.testing.assert_allclose((ours.scale[0], ours.shift[0]), (case["scale"][0], case["shift"][0]), rtol=1e-5)
    case = load_file(golden / "eval_dkt.safetensors")
    truth = np.where(case["mask"], case["gt_depth"], np.nan)[None]
    ours = align(disparity(case["pred_disparity"][None]), truth, protocol())
    np.testing.assert_allclose(ours.depth[0], case["metric_depth"], rtol=1e-6)
    np.testing.assert_allclose((ours.scale[0], ours.shift[0]), (case["md_scale"][0], case["md_shift"][0]), rtol=1e-6)


def test_a_scale_that_drifts_costs_one_line_for_the_clip_and_not_one_for_each_frame():
    clip = a_clip()
    drifting = disparity(np.array([1, 1.2, 1.4]).reshape(-1, 1, 1) / clip.depth)
    whole, each = (score(drifting, clip, protocol(a)) for a in ("disparity", "disparity-per-frame"))
    assert whole.regions["all"]["abs_rel"] > 0.05
    assert whole.regions["all"]["tae"] > 0.05
    assert_perfect(each)
    np.testing.assert_allclose(each.aligned.scale, 1 / np.array([1, 1.2, 1.4]), rtol=1e-5)


def test_an_error_on_glass_is_one_of_its_region():
    clip = a_clip()
    seen_through = np.where(clip.transparent, 2.0, clip.depth)
    scores = score(depth(seen_through), clip, protocol("none"))
    assert scores.regions["glass"]["abs_rel"] == pytest.approx(1)
    assert scores.regions["background"]["abs_rel"] == 0
    share = clip.transparent.mean()
    assert scores.regions["all"]["abs_rel"] == pytest.approx(share)
    assert scores.pixels == {"all": 3 * 48 * 64, "glass": 3 * 256, "background": 3 * (48 * 64 - 256)}
    assert scores.regions["all"]["depth_pro_boundary_recall"] == 0
    expected = metrics.depth_metrics(seen_through.astype(np.float32), clip.depth, mask=clip.transparent)
    assert {name: scores.regions["glass"][name] for name in expected} == expected


def test_metrics_by_frames_are_those_of_the_whole_clip():
    clip, rng = a_clip(), np.random.default_rng(2)
    values = (clip.depth * rng.uniform(0.8, 1.2, clip.depth.shape)).astype(np.float32)
    found = score(depth(values), clip, protocol("none")).regions["glass"]
    flows = [metrics.optical_flow(clip.rgb[t], clip.rgb[t + 1]) for t in range(2)]
    assert found["opw"] == pytest.approx(metrics.flow_warping_error(values, flows, mask=clip.transparent))
    p, q = (np.stack([backproject(frame, K) for frame in x]) for x in (values, clip.depth))
    points = metrics.point_metrics(p, q, mask=clip.transparent)
    assert found["points_rel"] == pytest.approx(
        points["points_rel"], rel=1e-3
    )  # both fits stop a little before the best


def test_what_cannot_be_measured_says_why():
    clip = a_clip()
    bare = replace(clip, K=None, T_world_camera=None, transparent=None)
    scores = score(depth(clip.depth), bare, protocol("none"))
    assert scores.regions.keys() == {"all"}
    assert {"tae", "points_rel", "depth_pro_boundary_recall"}.isdisjoint(scores.regions["all"])
    assert "marks nothing transparent" in scores.left_out["glass"]
    assert "no poses" in scores.left_out["tae"]
    assert "no intrinsics" in scores.left_out["points"]
    first = {name: getattr(clip, name)[:1] for name in ("rgb", "depth", "normals")}
    still = replace(clip, **first, T_world_camera=None, transparent=np.zeros((1, 48, 64), bool))
    scores = score(depth(clip.depth[:1]), still, protocol("none"))
    assert "one frame" in scores.left_out["opw"]
    assert "0 pixels" in scores.left_out["glass"]
    flat = replace(clip, depth=np.full_like(clip.depth, 3))
    assert "no edge to find" in score(depth(flat.depth), flat, protocol("none")).left_out["depth_pro_boundary_f1"]
    assert plain(scores)["fit"] == {"space": "depth", "scale": [1.0], "shift": [0.0]}


def test_normals_of_an_oracle_are_perfect_and_tilted_ones_off_by_their_angle():
    clip = a_clip()
    known = np.isfinite(clip.normals).all(axis=-1)
    off = np.radians(10)
    turn = np.array([[np.cos(off), 0, np.sin(off)], [0, 1, 0], [-np.sin(off), 0, np.cos(off)]])
    filled = np.where(known[..., None], clip.normals, (0, 0, -1)).astype(np.float32)
    normals = Prediction(quantity="normals", invariance="none", values=filled)
    scores = score(normals, clip, protocol())
    assert scores.regions["glass"]["mean"] == pytest.approx(0, abs=1e-3)
    assert scores.regions["all"]["normal_temporal_diff"] == pytest.approx(0, abs=1e-3)
    tilted = score(replace(normals, values=(filled @ turn.T).astype(np.float32)), clip, protocol()).regions["all"]
    assert tilted["median"] == pytest.approx(10, abs=0.01)
    assert tilted["under_11.25"] == 1


@pytest.mark.usefixtures("unchecked")
def test_a_clip_that_cannot_be_scored_says_why():
    clip = a_clip()
    with pytest.raises(InputError, match=r"\(2, 48, 64\) but the clip \(3, 48, 64\)"):
        score(depth(clip.depth[:2]), clip, protocol("none"))
    broken = clip.depth.copy()
    broken[0, 0, :7] = np.nan
    with pytest.raises(InputError, match="NaN or infinite at 7 of 9216 pixels"):
        score(depth(broken), clip, protocol("none"))
    with pytest.raises(InputError, match="truth is unknown everywhere"):
        score(depth(clip.depth), replace(clip, depth=np.nan * clip.depth), protocol("none"))
    with pytest.raises(InputError, match="no true depth"):
        score(depth(clip.depth), replace(clip, depth=None), protocol())
    with pytest.raises(InputError, match="0 or less wherever"):
        score(disparity(-clip.depth), clip, protocol())
    for alignment in ("none", "scale"):
        with pytest.raises(InputError, match="more of it must be fitted"):
            score(disparity(1 / clip.depth), clip, protocol(alignment))
    normals = Prediction(quantity="normals", invariance="none", values=clip.normals)
    with pytest.raises(InputError, match="no true normals"):
        score(normals, replace(clip, normals=None), protocol())
    with pytest.raises(InputError, match="but the clip"):
        score(replace(normals, values=clip.normals[:, 1:]), clip, protocol())
