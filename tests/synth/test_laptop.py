"""A laptop's base: keys, touchpad and bars lie on it, beside each other."""

from itertools import combinations

import numpy as np
import pytest

from pellucid.synth.close import sample_close
from pellucid.synth.flat import keyboard
from pellucid.synth.laptop import with_palm_rest
from pellucid.synth.shapes import build_mesh


def box(geometry, pose) -> np.ndarray:
    points = build_mesh(geometry).moved(pose.matrix).vertices
    return np.stack([points.min(0), points.max(0)])


@pytest.mark.parametrize("seed", range(12))
def test_what_lies_on_a_base_lies_on_it_and_beside_the_rest(seed):
    rng = np.random.default_rng(seed)
    board = keyboard(rng, (4, 8), (11, 17), 0.1, lettered=True)
    laptop = with_palm_rest(rng, board)
    low, high = build_mesh(laptop.block).vertices.min(0), build_mesh(laptop.block).vertices.max(0)
    boxes = {part.role: box(part.geometry, part.pose) for part in laptop.parts}
    assert len(boxes) == len(laptop.parts), "Blender takes meshes by these names"
    for a, b in boxes.values():
        assert (a[:2] > low[:2]).all() and (b[:2] < high[:2]).all()
        assert a[2] == pytest.approx(high[2], abs=1e-6)
    for (a, b), (c, d) in combinations(boxes.values(), 2):
        assert (b[:2] <= c[:2] + 1e-6).any() or (d[:2] <= a[:2] + 1e-6).any()
    keys = [b for role, b in boxes.items() if role.startswith("key")]
    assert len(keys) == len(board.parts)
    assert all(b[1][1] < min(k[0][1] for k in keys) for role, b in boxes.items() if not role.startswith("key"))


def test_from_very_near_some_keyboards_are_laptops_and_from_further_none():
    def pads(near: bool) -> int:
        scenes = (sample_close(seed, 3, (48, 80), near) for seed in range(60))
        return sum(any(part.role == "pad" for item in scene.objects for part in item.parts) for scene in scenes)

    assert 10 <= pads(near=True) <= 35
    assert pads(near=False) == 0
