"""Sequences, augmentation and the mixture: truth stays truth, held-out stays out, order is a function of the step."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.clip import Clip, InputError
from pellucid.data.augment import GAMMA, NONE, Augmentation, augment, defocus, expose, shade
from pellucid.data.decals import with_decals
from pellucid.data.mixture import Mixture
from pellucid.data.sequences import find_sequences, read_sequence, split_of


def mixture(root, **changes) -> Mixture:
    return replace(
        Mixture(
            sequences=tuple(find_sequences([root], "train")), sizes=((32, 48), (48, 32)), frames=(1, 5),
            frame_weights=(1, 1), batch_frames=4, variants=2, seed=0,
        ),
        **changes,
    )  # fmt: skip


def test_reading_gives_metres_unit_normals_and_glass(sequences):
    clip = read_sequence(find_sequences([sequences])[0], 2, 5)
    assert clip.rgb.shape == (3, 48, 64, 3)
    assert 0.5 < np.nanmin(clip.depth) < np.nanmax(clip.depth) < 2
    np.testing.assert_allclose(np.linalg.norm(clip.normals, axis=-1), 1, atol=0.01)
    assert (clip.normals[..., 2] <= 0.01).all()
    assert clip.depth[clip.transparent].max() < clip.depth[~clip.transparent].max()


def test_held_out_scenes_are_never_trained_on(sequences):
    assert [s.seed for s in find_sequences([sequences], "held-out")] == [8]
    assert {s.seed for s in find_sequences([sequences], "train")} == {2, 3, 4}
    assert [split_of(seed) for seed in (7, 15, 16)] == ["acceptance", "held-out", "train"]
    assert [split_of(seed, "train") for seed in (7, 15, 16)] == ["train", "held-out", "train"]
    assert [split_of(seed, "test") for seed in (7, 15, 16)] == ["test"] * 3


def test_no_data_says_where_it_looked(tmp_path):
    with pytest.raises(InputError, match="no train sequences"):
        find_sequences([tmp_path], "train")
    with pytest.raises(InputError, match="no such folder"):
        find_sequences([tmp_path / "missing"], "train")


def test_the_real_renders_are_split_as_their_readme_says(transphy3d_mini):
    assert len(find_sequences([transphy3d_mini], "train")) == 90
    assert len(find_sequences([transphy3d_mini], "held-out")) == 18


@pytest.mark.parametrize("quarters", [0.0, 1.0])
def test_a_flip_and_a_roll_turn_normals_with_the_picture(sequences, quarters):
    """The sphere stays a sphere: after any warp its normals still point away from its centre in the picture."""
    clip = read_sequence(find_sequences([sequences])[0], 0, 1)
    strong = replace(Augmentation(), zoom=1.0, stretch=0.0, roll=40.0, quarters=quarters)
    for seed in range(6):
        warped = augment(clip, (48, 64), strong, np.random.default_rng(seed))
        inside = warped.transparent[0]
        rows, columns = np.nonzero(inside)
        offset = np.stack([columns - columns.mean(), rows - rows.mean()], -1)
        pointing = warped.normals[0][inside][:, :2]
        rim = np.linalg.norm(offset, axis=-1) > 5
        cosine = (
            (offset * pointing)[rim].sum(-1)
            / np.linalg.norm(offset[rim], axis=-1)
            / np.linalg.norm(pointing[rim], axis=-1)
        )
        assert np.median(cosine) > 0.9


def test_a_quarter_of_a_turn_fits_the_picture_and_leaves_depth_as_it_is(sequences):
    clip = read_sequence(find_sequences([sequences])[0], 0, 1)
    turned = augment(clip, (64, 48), replace(NONE, quarters=1.0), np.random.default_rng(4))
    ways = [np.rot90(clip.depth[0], k) for k in (1, 3)]
    assert any(np.array_equal(turned.depth[0], way) for way in ways), "a quarter, not a half, at this seed"


def test_what_is_out_of_focus_is_blurred_and_sharp_edges_keep_their_colour():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 120, (1, 40, 60, 3), dtype=np.uint8)
    rgb[:, :, :30, 0] = 255  # a red thing before a colourful ground without red
    rgb[:, :, 30:, 0] = 0
    depth = np.full((1, 40, 60), 5.0, np.float32)
    depth[:, :, :30] = 0.5
    kinds = set()
    for seed in range(12):
        seen = defocus(rgb, depth, 6.0, np.random.default_rng(seed))
        near, far = ((seen[0, :, part] == rgb[0, :, part]).all() for part in (slice(0, 30), slice(45, 60)))
        kinds.add((near, far))
        if near:
            assert not far and seen[0, :, 30:, 0].max() == 0, "nothing of what is sharp in front gets into the blur"
            assert seen[0, :, 30:, 1].std() < 0.3 * rgb[0, :, 30:, 1].std()
        if far:  # from the edge on outwards it lies over what is sharp
            assert not near and seen[0, :, 30, 0].min() > 50
    assert kinds == {(True, False), (False, True)}
    np.testing.assert_array_equal(defocus(rgb, 0 * depth, 6.0, rng), rgb)


def test_light_that_falls_unevenly_changes_what_is_seen_smoothly_and_nothing_else(sequences):
    rgb = np.full((2, 40, 60, 3), 100, np.uint8)
    for seed in range(8):
        seen = shade(rgb, 1.5, np.random.default_rng(seed)).astype(float)
        np.testing.assert_array_equal(seen[0], seen[1])
        stops = GAMMA * np.log2(seen / 100)
        assert np.abs(stops).max() == pytest.approx(1.5, abs=0.05)
        assert stops.min() < -0.3 and stops.max() > 0.3, "somewhere darker, somewhere brighter"
        assert np.abs(np.diff(seen, axis=1)).max() < 12 and np.abs(np.diff(seen, axis=2)).max() < 12
    clip = read_sequence(find_sequences([sequences])[0], 0, 2)
    even = augment(clip, (48, 64), NONE, np.random.default_rng(0))
    changes = []
    for seed in range(12):
        uneven = augment(clip, (48, 64), replace(NONE, shading=2.0), np.random.default_rng(seed))
        np.testing.assert_array_equal(even.depth, uneven.depth)
        changes.append(np.abs(even.rgb.astype(int) - uneven.rgb).mean())
    assert 2 <= sum(change == 0 for change in changes) <= 8 and max(changes) > 5


def test_exposure_lifts_what_is_dark_keeps_black_and_white_and_can_be_undone(sequences):
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    brighter = expose(ramp, 2.0)
    assert (np.diff(brighter[..., 0].ravel().astype(int)) >= 0).all()
    assert (brighter[0, 0, 0] == 0).all() and (brighter[0, -1, -1] == 255).all()
    dark = ramp[0, 0, 8, 0] / 255, brighter[0, 0, 8, 0] / 255
    assert GAMMA * np.log2(dark[1] / dark[0]) == pytest.approx(2, abs=0.1)
    assert np.abs(expose(brighter, -2.0).astype(int) - ramp)[:, :12].max() <= 2
    clip = read_sequence(find_sequences([sequences])[0], 0, 2)
    even = augment(clip, (48, 64), NONE, np.random.default_rng(0))
    means = []
    for seed in range(32):
        seen = augment(clip, (48, 64), replace(NONE, tone=3.0), np.random.default_rng(seed))
        np.testing.assert_array_equal(even.depth, seen.depth)
        means.append(seen.rgb.mean() - even.rgb.mean())
    assert 8 <= means.count(0) <= 24 and min(means) < -5 and max(means) > 20


def floor_and_box() -> tuple[Clip, np.ndarray]:
    """Two views, the second from farther right, of a grey floor 1 m below the camera and of a grey box; where it is."""
    K = np.array([[60.0, 0, 31.5], [0, 60, 3.5], [0, 0, 1]])
    v, u = np.indices((48, 64))
    floor = np.where(v > 3.5, 60 / np.maximum(v - 3.5, 1e-3), np.inf)
    box = (v >= 18) & (v < 30) & (u >= 26) & (u < 38)
    depth = np.stack([np.where(box, 2.0, floor)] * 2).astype(np.float32)
    poses = np.stack([np.eye(4)] * 2)
    poses[1, 0, 3] = 0.3
    rgb = np.full((2, 48, 64, 3), 128, np.uint8)
    return Clip(name="floor", rgb=rgb, K=K, T_world_camera=poses, depth=depth), box


def printed(clip: Clip, seed: int) -> np.ndarray:
    """The pixels that decals change [T,H,W]."""
    seen = with_decals(clip, np.random.default_rng(seed))
    assert seen.depth is clip.depth
    return (seen.rgb != clip.rgb).any(-1)


def test_decals_lie_on_planes_and_stay_where_they_are_in_the_world():
    clip, box = floor_and_box()
    shares = []
    for seed in range(20):
        first, second = printed(clip, seed)
        shares.append(first.mean())
        assert not first[:4].any() and not second[:4].any(), "nothing is printed on the sky"
        v, u = np.nonzero(~box & (np.indices(box.shape)[0] > 6))
        moved = np.rint(u - 0.3 * 60 / clip.depth[0, v, u]).astype(int)  # where the second view sees the same point
        both = (moved >= 0) & (moved < 64)
        both[both] &= ~box[v[both], moved[both]]
        same = first[v[both], u[both]] == second[v[both], moved[both]]
        assert same.mean() > 0.9, f"seed {seed}: all but edges, which are rounded"
    assert 0.02 < np.mean(shares) < 0.5


def test_decals_are_hidden_by_what_stands_before_them_and_seen_through_glass():
    clip, box = floor_and_box()
    behind_it = 0
    for seed in range(40):
        opaque = printed(clip, seed)[0]
        clear = printed(replace(clip, transparent=np.stack([box] * 2)), seed)[0]
        assert (clear & ~box).any() or not clear.any(), "glass itself is never printed"
        behind_it += (clear & box).any() and (opaque & ~box).any() and not (opaque & box).any()
    assert behind_it > 3


def test_decals_keep_shadows_and_leave_clips_without_planes_alone():
    clip, _ = floor_and_box()
    shadow = clip.rgb.copy()
    shadow[:, :, :32] = 40
    lit = with_decals(clip, np.random.default_rng(2)).rgb.astype(float).mean(-1)
    dark = with_decals(replace(clip, rgb=shadow), np.random.default_rng(2)).rgb.astype(float).mean(-1)
    assert (dark[:, :, :32] <= lit[:, :, :32] + 1).all()
    rough = clip.depth * np.random.default_rng(0).uniform(0.8, 1.2, clip.depth.shape).astype(np.float32)
    for untouched in (replace(clip, depth=rough), replace(clip, depth=None), replace(clip, K=None)):
        assert with_decals(untouched, np.random.default_rng(0)).rgb is clip.rgb
    assert with_decals(replace(clip, T_world_camera=None), np.random.default_rng(0)).rgb is clip.rgb


def test_without_augmentation_only_the_size_changes(sequences):
    clip = read_sequence(find_sequences([sequences])[0], 0, 2)
    same = augment(clip, (48, 64), NONE, np.random.default_rng(0))
    np.testing.assert_array_equal(same.rgb, clip.rgb)
    np.testing.assert_array_equal(same.depth, clip.depth)


def test_batches_are_a_function_of_seed_and_step(sequences):
    first, again, other = mixture(sequences), mixture(sequences), mixture(sequences, seed=1)
    names = [[s.name for s in m.batch(7)] for m in (first, again, other)]
    assert names[0] == names[1] != names[2]
    np.testing.assert_array_equal(first.load(first.batch(7)[0]).rgb, again.load(again.batch(7)[0]).rgb)


def test_one_length_and_one_size_a_step_and_long_clips_in_smaller_batches(sequences):
    m = mixture(sequences)
    seen = set()
    for step in range(20):
        batch = m.batch(step)
        lengths, sizes = {s.num_frames for s in batch}, {s.variant % 2 for s in batch}
        assert len(lengths) == len(sizes) == 1
        assert len(batch) == (4 if lengths == {1} else 2)
        seen |= lengths
    assert seen == {1, 5}


def test_clips_longer_than_every_sequence_are_an_error_before_anything_is_written(sequences):
    short = mixture(sequences, frames=(1, 13), frame_weights=(1, 1))
    with pytest.raises(InputError, match=r"no sequence has 13 frames.*--frame-weights"):
        short.feasible()
    assert replace(short, frame_weights=(1, 0)).feasible().batch(0)[0].num_frames == 1
