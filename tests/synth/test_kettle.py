"""Kettles: closed bodies that hang from their handles, over the table, tilted towards their spouts."""

import numpy as np
import pytest

from pellucid.synth.kettle import sample_kettle
from pellucid.synth.lifted import lift_kettle
from pellucid.synth.people import POUR, sample_people
from pellucid.synth.shapes import build_mesh, whole_mesh
from pellucid.synth.spec import FixedObject


@pytest.mark.parametrize("side", [-1, 1])
def test_the_handle_is_on_one_side_and_the_spout_on_the_other(side):
    spouts = 0
    for seed in range(20):
        kettle = sample_kettle(np.random.default_rng(seed), side)
        radius = max(r for r, _ in kettle.body.profile)
        for strand in kettle.body.handles:
            assert side * strand.path[-1][0] < -radius
            spouts += 1
        assert bool(kettle.body.handles) == (not kettle.material.transparent)
        handle = build_mesh(next(part for part in kettle.parts if part.role == "handle").geometry).vertices
        x, z = kettle.hold
        assert side * x > 0
        level = handle[(abs(handle[:, 2] - z) < 0.006) & (side * handle[:, 0] > side * x - 0.02)]
        assert len(level) and np.hypot(level[:, 0] - x, level[:, 1]).max() < 1.3 * kettle.radius + 0.004
        assert whole_mesh(kettle.body, kettle.parts).volume > 0
    assert spouts > 10


def test_a_kettle_that_is_lifted_hangs_from_the_grip_above_the_table():
    leaning = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        grip, lifted = lift_kettle(rng, (0.2 if seed % 2 else -0.2, 0.1), (0.01, 0.1))
        pose = lifted.pose(grip).matrix
        np.testing.assert_allclose(pose[:3, 2], grip.axis, atol=1e-9)
        held = pose @ np.array([lifted.hold[0], 0.0, lifted.hold[1], 1.0])
        np.testing.assert_allclose(held[:3], grip.middle, atol=1e-9)
        body = whole_mesh(lifted.geometry, lifted.parts).moved(pose).vertices
        assert 0.0 < body[:, 2].min() < 0.5
        outward = np.sign(grip.middle[0])
        leaning += bool(outward * grip.axis[0] < -0.1)
    assert leaning > 20, "most pour: their tops lean inwards, away from the handle"


def test_who_pours_often_lifts_a_kettle_and_tables_are_round_or_not():
    kettles, tables = 0, set()
    for seed in range(30):
        spec = sample_people(seed, 3, (48, 80), POUR)
        held = [item for item in spec.fixed if item.role == "prop" and not item.collides]
        kettles += sum(map(_is_kettle, held))
        tables |= {item.geometry.squareness for item in spec.fixed if item.role == "table"}
    assert 10 < kettles < 60
    assert tables == {2.0, 40.0}


def _is_kettle(item: FixedObject) -> bool:
    return any(part.role == "handle" for part in item.parts)
