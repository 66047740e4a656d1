"""People, robots and planes: hands are where their things are, arms have bones, what fills the picture lies flat."""

from functools import partial

import numpy as np
import pytest

from pellucid.clip import InputError
from pellucid.synth.close import KINDS, NEAR_KINDS, sample_close
from pellucid.synth.held import sample_held
from pellucid.synth.limbs import Grip
from pellucid.synth.orbit import camera_poses, intrinsics
from pellucid.synth.people import POUR, STREET, WIDE, sample_people
from pellucid.synth.person import UPPER_ARM, person
from pellucid.synth.request import RenderRequest
from pellucid.synth.robot_arm import robot
from pellucid.synth.scene import scene_meshes
from pellucid.synth.settle import Rejected, settle
from pellucid.synth.shapes import build_mesh, whole_mesh
from pellucid.synth.spec import FixedObject, SceneSpec

near = partial(sample_close, near=True)
wide = partial(sample_people, setting=WIDE)
street = partial(sample_people, setting=STREET)
pour = partial(sample_people, setting=POUR)


def people(seed: int) -> SceneSpec:
    return sample_people(seed, 3, (48, 80))


def settled(sample, first: int) -> SceneSpec:
    for seed in range(first, first + 20):
        try:
            return settle(sample(seed, 3, (48, 80)))
        except Rejected:
            continue
    raise AssertionError("twenty scenes in a row were rejected")


def in_picture(spec: SceneSpec, item: FixedObject) -> tuple[np.ndarray, np.ndarray]:
    """Which points of it lie in the second of three views of 48x80, and all points' rows there."""
    pose, K = camera_poses(spec.camera, 3, 80 / 48)[1], intrinsics(spec.camera, (48, 80))
    points = whole_mesh(item.geometry, item.parts).moved(item.pose.matrix).vertices
    seen = (points - pose[:3, 3]) @ pose[:3, :3] @ K.T
    u, v = (seen[:, :2] / seen[:, 2:]).T
    return (seen[:, 2] > 0) & (u > 0) & (u < 80) & (v > 0) & (v < 48), v


@pytest.mark.parametrize(
    ("sample", "seeds", "expected"),
    [
        (sample_people, 15, {"people, outdoors", "people, room"}),
        (wide, 15, {"wide, outdoors", "wide, room"}),
        (street, 15, {"street, outdoors", "street, room"}),
        (pour, 30, {"pour, outdoors", "pour, room"}),
        (sample_held, 15, {"held"}),
        (sample_close, 40, {f"close, {kind}" for kind in KINDS}),
        (near, 100, {f"near, {kind}" for kind in NEAR_KINDS}),
    ],
)
def test_a_seed_is_a_scene_and_its_text_is_too(sample, seeds, expected):
    environments = set()
    for seed in range(seeds):
        spec = sample(seed, 3, (48, 80))
        assert spec == sample(seed, 3, (48, 80)) == SceneSpec.from_json(spec.to_json())
        ids = [item.id for item in (*spec.fixed, *spec.objects)]
        assert len(set(ids)) == len(ids) and max(ids) < 256
        environments.add(spec.environment)
    assert environments == expected


@pytest.mark.parametrize("sample", [sample_people, wide, street, pour, sample_held, sample_close, near])
def test_bodies_have_names_of_their_own_and_closed_surfaces(sample):
    names = []
    for name, _, _, mesh, _ in scene_meshes(settled(sample, 340_000)):
        names.append(name)
        assert np.isfinite(mesh.vertices).all() and mesh.volume > 0
    assert len(set(names)) == len(names), "Blender takes meshes by these names"


def test_a_hand_closes_round_what_it_holds_without_going_through_it():
    rng = np.random.default_rng(3)
    radius = 0.035
    for tilt in (0.0, 0.9):
        axis = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
        figure = person(rng, np.array([0.1, 0.45, -0.8]), 0.1, (Grip(np.array([0.2, 0.1, 0.2]), axis, radius),))
        grip = figure.grips[0]
        np.testing.assert_allclose(grip.middle, [0.2, 0.1, 0.2], atol=1e-9)  # near enough for the arm
        hands = next(part for part in figure.parts if part.role == "hands")
        points = build_mesh(hands.geometry).vertices - grip.middle
        along = points @ axis
        away = np.linalg.norm(points - along[:, None] * axis, axis=1)
        beside = abs(along) < 0.05
        assert 0.98 * radius < away[beside].min() < radius + 0.003
        around = points[beside & (away < radius + 0.02)]
        u, v = np.cross(axis, [0, 1, 0]), np.array([0.0, 1.0, 0.0])
        turns = np.sort(np.arctan2(around @ v, around @ u))
        assert np.diff(np.append(turns, turns[0] + 2 * np.pi)).max() < np.pi, "a thing that is held cannot fall out"


def test_arms_keep_their_length_and_come_as_far_as_they_can():
    far = np.array([0.0, -3.0, 0.5])
    foot = np.array([0.0, 0.5, -0.8])
    figure = person(np.random.default_rng(1), foot, 0.0, (Grip(far, np.array([0.0, 0.0, 1.0]), 0.03),))
    reached = np.linalg.norm(figure.grips[0].middle - foot)
    assert reached < np.linalg.norm(far - foot) / 2
    shirt = next(strand for strand in figure.geometry.strands if len(strand.path) == 2)
    upper = np.linalg.norm(np.subtract(*shirt.path))
    assert 1.5 * UPPER_ARM - 1e-6 <= upper <= 1.9 * UPPER_ARM + 1e-6


def test_a_robots_fingers_stand_on_either_side_of_what_it_takes():
    target = np.array([0.1, 0.2, 0.1])
    base = np.array([-0.2, 0.1, 0.0])
    figure = robot(np.random.default_rng(2), base, Grip(target, np.array([0.0, 0.0, 1.0]), 0.03))
    np.testing.assert_allclose(figure.grips[0].middle, target, atol=1e-9)
    tool = next(part for part in figure.parts if part.role == "tool")
    points = build_mesh(tool.geometry).vertices
    low = points[abs(points[:, 2] - target[2]) < 0.01]
    away = np.linalg.norm((low - target)[:, :2], axis=1)
    assert len(low) and away.min() > 0.03 - 0.003
    assert np.ptp(low[:, :2], axis=0).max() > 0.06, "one finger alone takes nothing"


def test_lifted_things_are_off_the_table():
    lifted = 0
    for seed in range(20):
        for item in people(seed).fixed:
            if item.role == "prop" and not item.collides:
                body = item.pose.matrix[:3, :3] @ build_mesh(item.geometry).vertices.T + item.pose.matrix[:3, 3:]
                assert body[2].min() > -0.12  # arms that are too short hold it lower, before the table
                lifted += body[2].min() > 0.02
    assert lifted > 5


def test_what_fills_the_picture_lies_flat():
    spec = settled(sample_close, 350_000)
    lying = next(item for item in spec.objects if item.id == 1)
    assert lying.pose.matrix[2, 2] > 0.999
    assert any(item.role == "table" for item in spec.fixed)


def test_from_very_near_few_keys_fill_the_picture():
    spec = settled(near, 360_001)
    lying = next(item for item in spec.objects if item.id == 1)
    assert lying.family == "keyboard"
    eye = camera_poses(spec.camera, 1, 80 / 48)[0, :3, 3]
    pitch = np.diff(sorted({part.pose.position[1] for part in lying.parts})).min()
    across = 2 * np.linalg.norm(eye - spec.camera.centre) * np.tan(np.radians(spec.camera.fov_x_degrees) / 2)
    assert across < 14 * pitch


def test_from_further_off_a_figure_is_seen_whole():
    whole = 0
    for seed in range(370_000, 370_006):
        try:
            spec = settle(wide(seed, 3, (48, 80)))
        except Rejected:
            continue
        for item in spec.fixed:
            if item.role in ("person", "robot"):
                whole += bool(in_picture(spec, item)[0].all())
    assert whole


def test_a_street_is_seen_over_a_table_that_the_picture_cuts():
    cut = total = 0
    for seed in range(380_000, 380_012):
        try:
            spec = settle(street(seed, 3, (48, 80)))
        except Rejected:
            continue
        table = next(item for item in spec.fixed if item.role == "table")
        inside, v = in_picture(spec, table)
        total, cut = total + 1, cut + bool((~inside).any() and v[inside].min(initial=48) > 8)
    assert total and cut > total / 2


@pytest.mark.parametrize("layout", ["people", "close", "near", "wide", "street", "row", "pour", "held"])
def test_the_test_set_stays_out(tmp_path, layout):
    with pytest.raises(InputError, match=f"--layout {layout}"):
        RenderRequest(out=tmp_path / "x", scenes=1, layout=layout, split="test")
