"""Rows: mostly clear, often alike, side by side on a table, and still there once physics has had its say."""

import numpy as np

from pellucid.synth.families import FAMILIES
from pellucid.synth.orbit import camera_poses
from pellucid.synth.sampling import sample_scene
from pellucid.synth.scene import scene_meshes
from pellucid.synth.settle import Rejected, settle
from pellucid.synth.spec import SceneSpec


def scene(seed: int) -> SceneSpec:
    return sample_scene(seed, frames=3, resolution=(48, 80), layout="row")


def test_a_seed_is_a_row_and_rows_are_mostly_clear_and_often_alike():
    rows = [scene(seed) for seed in range(40)]
    for seed, spec in enumerate(rows):
        assert spec == scene(seed) == SceneSpec.from_json(spec.to_json())
        assert [item.id for item in spec.objects] == list(range(1, len(spec.objects) + 1))
        assert {item.family for item in spec.objects} <= set(FAMILIES["train"])
        assert all(item.material.transparent for item in spec.objects if item.liquid is not None)
    things = [item for spec in rows for item in spec.objects]
    assert sum(item.material.transparent for item in things) > 0.75 * len(things)
    assert {item.liquid is None for item in things if item.material.transparent} == {True, False}
    alike = sum(len({str(item.geometry) for item in spec.objects}) == 1 for spec in rows if len(spec.objects) > 1)
    assert 0.3 < alike / len(rows) < 0.9
    assert len({len(spec.objects) for spec in rows}) > 3


def test_things_stand_apart_and_upright_before_the_wall_and_the_camera():
    settled = 0
    for seed in range(790_000, 790_012):
        try:
            spec = settle(scene(seed))
        except Rejected:
            continue
        settled += 1
        bodies = {
            number: mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
            for name, number, _, mesh, pose in scene_meshes(spec)
            if name in {f"thing {item.id}" for item in spec.objects}
        }
        eyes = camera_poses(spec.camera, spec.camera.total, 80 / 48)[:, :3, 3]
        for wall in (item.pose.matrix for item in spec.fixed if item.role == "wall"):
            across = wall[:3, 1] * np.sign(wall[:3, 1] @ (np.array(spec.camera.centre) - wall[:3, 3]))
            assert ((np.concatenate([eyes, *bodies.values()]) - wall[:3, 3]) @ across > 0.049).all()
        upright = [item.pose.matrix[2, 2] > 0.99 for item in spec.objects]
        standing = [body for body, stands in zip(bodies.values(), upright, strict=True) if stands]
        circles = [(b[:, :2].mean(0), np.linalg.norm(b[:, :2] - b[:, :2].mean(0), axis=1).max()) for b in standing]
        for k, (middle, reach) in enumerate(circles):
            assert all(np.linalg.norm(middle - m) > reach + r - 2e-3 for m, r in circles[k + 1 :])
        assert sum(upright) >= len(upright) - 1, "one may have been tipped over by its neighbour"
    assert settled > 3
