"""Rooms: what stands in them stands apart, on something, before a wall that the camera never gets behind."""

import numpy as np
import pytest

from pellucid.clip import InputError
from pellucid.synth.families import FAMILIES
from pellucid.synth.flat import FLAT, flat_thing
from pellucid.synth.orbit import camera_poses
from pellucid.synth.request import RenderRequest
from pellucid.synth.room import SUPPORTS
from pellucid.synth.sampling import sample_scene
from pellucid.synth.scene import scene_meshes
from pellucid.synth.settle import Rejected, settle
from pellucid.synth.spec import SceneSpec


def scene(seed: int) -> SceneSpec:
    return sample_scene(seed, frames=3, resolution=(48, 80), layout="room")


def settled(first: int) -> SceneSpec:
    for seed in range(first, first + 20):
        try:
            return settle(scene(seed))
        except Rejected:
            continue
    raise AssertionError("twenty rooms in a row were rejected")


def test_a_seed_is_a_room_and_rooms_differ():
    supports, counts = set(), set()
    for seed in range(30):
        spec = scene(seed)
        assert spec == scene(seed) == SceneSpec.from_json(spec.to_json())
        ids = [item.id for item in (*spec.fixed, *spec.objects)]
        assert len(set(ids)) == len(ids) and max(ids) < 256
        assert {item.family for item in spec.objects} <= set(FAMILIES["train"])
        assert any(item.role == "wall" for item in spec.fixed)
        supports.add(spec.environment)
        counts.add(len(spec.objects))
    assert supports == {f"room, {name}" for name in SUPPORTS}
    assert len(counts) > 3


@pytest.mark.parametrize("first", [310_000, 320_000, 330_000])
def test_the_camera_and_all_things_are_before_the_walls(first):
    spec = settled(first)
    walls = [item.pose.matrix for item in spec.fixed if item.role == "wall"]
    eyes = camera_poses(spec.camera, spec.camera.total, 80 / 48)[:, :3, 3]
    things = [item.pose.position for item in spec.objects]
    for wall in walls:
        across = wall[:3, 1] * np.sign(wall[:3, 1] @ (np.array(spec.camera.centre) - wall[:3, 3]))
        assert ((np.concatenate([eyes, things]) - wall[:3, 3]) @ across > 0.05).all()


def test_keys_lie_on_their_keyboard_and_nothing_floats():
    rng = np.random.default_rng(5)
    board = flat_thing(rng, ("keyboard",))
    top = board.block.profile[-1][1]
    assert len(board.parts) > 20 and all(key.pose.position[2] == pytest.approx(top) for key in board.parts)
    half_x = max(r for r, _ in board.block.profile)
    assert all(abs(key.pose.position[0]) < half_x for key in board.parts)
    for kind in FLAT:
        assert flat_thing(rng, (kind,)).block.profile[0][1] == 0


def test_bodies_stay_in_their_room():
    spec = settled(340_000)
    names = [name for name, *_ in scene_meshes(spec)]
    assert len(set(names)) == len(names), "Blender takes meshes by these names"


def test_the_test_set_and_users_files_stay_out(tmp_path):
    with pytest.raises(InputError, match="--layout room"):
        RenderRequest(out=tmp_path / "x", scenes=1, layout="room", split="test")
