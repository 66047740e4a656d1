"""Things held from beside: in the picture, in a hand, before a wall; as narrow in portrait as landscape cut to it."""

import numpy as np
import pytest

from pellucid.synth.held import LONG_SIDE, sample_held
from pellucid.synth.orbit import camera_poses, intrinsics
from pellucid.synth.settle import Rejected, settle
from pellucid.synth.shapes import whole_mesh
from pellucid.synth.spec import FixedObject, SceneSpec

LANDSCAPE, PORTRAIT = (48, 80), (80, 48)


def held(spec: SceneSpec) -> FixedObject | None:
    """What the hand holds; None where it stood in the camera's way."""
    figure = next(k for k, item in enumerate(spec.fixed) if item.role == "person")
    return next((item for item in spec.fixed[figure + 1 :] if item.role == "prop"), None)


def test_a_seed_is_a_scene_with_one_person_a_wall_and_a_thing_in_the_air():
    kettles, things = 0, []
    for seed in range(30):
        spec = sample_held(seed, 3, LANDSCAPE)
        assert spec == sample_held(seed, 3, LANDSCAPE) == SceneSpec.from_json(spec.to_json())
        assert sum(item.role == "person" for item in spec.fixed) == 1
        assert any(item.role == "wall" for item in spec.fixed)
        ids = [item.id for item in (*spec.fixed, *spec.objects)]
        assert len(set(ids)) == len(ids) and max(ids) < 256
        thing = held(spec)
        assert thing is not None
        kettles += any(part.role == "handle" for part in thing.parts)
        things += spec.objects
    assert 8 < kettles < 28
    assert 0.4 < np.mean([item.material.transparent for item in things]) < 0.9, "rows of clear things are among them"


@pytest.mark.parametrize("resolution", [LANDSCAPE, PORTRAIT])
def test_the_longer_side_sees_the_same_angle_in_portrait_and_landscape(resolution):
    for seed in range(8):
        K = intrinsics(sample_held(seed, 3, resolution).camera, resolution)
        degrees = 2 * np.degrees(np.arctan(max(resolution) / 2 / K[0, 0]))
        assert LONG_SIDE[0] - 1e-6 < degrees < LONG_SIDE[1] + 1e-6


@pytest.mark.parametrize("resolution", [LANDSCAPE, PORTRAIT])
def test_what_is_held_is_in_most_pictures(resolution):
    H, W = resolution
    shown = total = 0
    for seed in range(790_000, 790_020):
        try:
            spec = settle(sample_held(seed, 3, resolution))
        except Rejected:
            continue
        total += 1
        if (thing := held(spec)) is None:
            continue
        points = whole_mesh(thing.geometry, thing.parts).moved(thing.pose.matrix).vertices
        pose = camera_poses(spec.camera, 3, W / H)[1]
        seen = (points - pose[:3, 3]) @ pose[:3, :3] @ intrinsics(spec.camera, resolution).T
        u, v = (seen[:, :2] / seen[:, 2:]).T
        shown += bool(((seen[:, 2] > 0) & (u > 0) & (u < W) & (v > 0) & (v < H)).mean() > 0.3)
    assert total > 6 and shown > total / 2
