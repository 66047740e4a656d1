"""Things apart on a table top: who they are, that they stay apart, and that they never are of the test's."""

import numpy as np
import pytest

from pellucid.clip import InputError
from pellucid.synth.apart import GAP, GRASPABLE, OBJECTS
from pellucid.synth.orbit import camera_poses
from pellucid.synth.request import RenderRequest
from pellucid.synth.sampling import TEST_SEEDS, sample_scene
from pellucid.synth.settle import settle
from pellucid.synth.shapes import build_mesh


def scene(seed: int):
    return sample_scene(seed, frames=1, resolution=(48, 80), layout="apart")


def test_they_are_apart_and_of_what_trains():
    families = {family for split, family in GRASPABLE if split == "train"}
    for seed in range(40):
        spec = scene(seed)
        assert spec.to_json() == scene(seed).to_json()
        assert len(spec.objects) <= OBJECTS and {item.family for item in spec.objects} <= families
        outlines = [build_mesh(item.geometry).vertices @ item.pose.matrix[:2, :3].T for item in spec.objects]
        circles = [
            (np.array(item.pose.position[:2]), np.linalg.norm(outline, axis=1).max())
            for item, outline in zip(spec.objects, outlines, strict=True)
        ]
        for k, (centre, reach) in enumerate(circles):
            for other, other_reach in circles[:k]:
                assert np.linalg.norm(centre - other) > reach + other_reach + GAP


def test_one_settles_and_most_are_what_depth_cameras_fail_on():
    spec = settle(scene(80_000))
    assert spec.settled and spec.environment == "apart" and spec.split == "train"
    kinds = [item.material.kind for seed in range(60) for item in scene(seed).objects]
    assert 0.6 < np.isin(kinds, ["glass", "clear plastic", "metal"]).mean() < 0.95


def test_frames_look_from_evenly_all_round():
    camera = settle(sample_scene(80_000, frames=4, resolution=(48, 80), layout="apart")).camera
    poses = camera_poses(camera, 4, 80 / 48)
    to_centre = np.array(camera.centre) - poses[:, :3, 3]
    turns = np.diff(np.unwrap(np.arctan2(to_centre[:, 1], to_centre[:, 0])))
    assert turns == pytest.approx(np.pi / 2)
    distances = np.linalg.norm(to_centre, axis=1)
    assert distances == pytest.approx(distances[0])
    assert poses[:, :3, 2] == pytest.approx(to_centre / distances[:, None]), "z of OpenCV's cameras looks ahead"


def test_the_test_set_and_users_files_stay_out(tmp_path):
    with pytest.raises(InputError, match="training split"):
        sample_scene(TEST_SEEDS[0], split="test", layout="apart")
    with pytest.raises(InputError, match="--layout apart"):
        RenderRequest(out=tmp_path / "x", scenes=1, layout="apart", hdris=tmp_path)
