"""Grasping: scenes, sight, planning, execution and verdicts, against closed forms and by what must hold of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from pellucid.clip import InputError
from pellucid.grasp import scenes
from pellucid.grasp.arena import Arena
from pellucid.grasp.candidates import HandSearch
from pellucid.grasp.controller import execute
from pellucid.grasp.disturbance import BLOB, CURVE, Disturbance
from pellucid.grasp.external import PANDA_TIP, from_group, from_panda, load_planner
from pellucid.grasp.hand import HAND, Grasp, Hand
from pellucid.grasp.metric import table_depth
from pellucid.grasp.observe import Camera, observe, scene_camera
from pellucid.grasp.planners import GraspPlanner, View, best_on_target, between_fingers, cloud_of
from pellucid.grasp.ranking import Closings, doubt
from pellucid.grasp.scenes import CELLS, WORKSPACE, grasp_scene, target_of
from pellucid.grasp.success import mcnemar, wilson
from pellucid.synth import SceneSpec
from pellucid.synth.apart import LONGEST, OBJECTS, WIDEST
from pellucid.synth.geometry import Geometry, Lathe, Superquadric
from pellucid.synth.shapes import build_mesh
from pellucid.synth.spec import Pose, SceneObject
from pellucid.synth.surroundings import TABLE

DOWN = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # approach -z, closing y, lateral x
LYING = (float(np.sqrt(0.5)), float(np.sqrt(0.5)), 0.0, 0.0)  # a quarter turn about x: the body's z along -y
BALL, CLEAR = 0.03, next(cell for cell in CELLS if cell.name == "translucent-on-diffuse")


def cylinder(radius: float, height: float) -> Lathe:
    profile = ((radius, 0.0), (radius, height))
    return Lathe(profile=profile, wall=0.001, floor=0.0, fillet=0.001, solid=True)


def brick(x: float, y: float, z: float) -> Superquadric:
    return Superquadric(half_axes=(x / 2, y / 2, z / 2), exponents=(0.05, 0.05))


def ball(radius: float) -> Superquadric:
    return Superquadric(half_axes=(radius, radius, radius), exponents=(1.0, 1.0))


def scene(*bodies: tuple[Geometry, tuple[float, float, float]], turn: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)):
    """A scene of these bodies on the table of seed 0, all turned alike, with no material but diffuse."""
    spec = grasp_scene(0, CELLS[2])
    material = spec.objects[0].material
    objects = tuple(
        SceneObject(
            id=k + 1, family="test", geometry=geometry, material=material, pose=Pose(position=at, quaternion=turn)
        )
        for k, (geometry, at) in enumerate(bodies)
    )
    return replace(spec, objects=objects)


def view_of(spec: SceneSpec) -> tuple[View, Arena]:
    arena = Arena(spec)
    seen = observe(arena, scene_camera(spec))
    things = (seen.labels > 0) & (seen.labels < TABLE)
    view = View(camera=seen.camera, depth=seen.truth, rgb=seen.shaded, target=things, half_size=0.3)
    return view, arena


def top_down(x: float, y: float, z: float, width: float = 0.08) -> Grasp:
    return Grasp(position=np.array([x, y, z]), rotation=DOWN, width=width, score=1.0)


# Scenes


def test_a_seed_is_a_scene():
    scenes._bare.cache_clear()
    first = grasp_scene(5, CELLS[0]).to_json()
    scenes._bare.cache_clear()
    assert grasp_scene(5, CELLS[0]).to_json() == first
    assert grasp_scene(6, CELLS[0]).to_json() != first


def test_cells_differ_in_materials_alone():
    variants = [grasp_scene(7, cell) for cell in CELLS]
    bare = {
        replace(
            spec, environment="", objects=tuple(replace(o, material=spec.fixed[1].material) for o in spec.objects),
            fixed=tuple(replace(f, material=spec.fixed[1].material) for f in spec.fixed),
        ).to_json()
        for spec in variants
    }  # fmt: skip
    assert len(bare) == 1
    for spec, cell in zip(variants, CELLS, strict=True):
        kinds = {o.material.kind for o in spec.objects}
        top = next(f.material for f in spec.fixed if f.id == TABLE)
        assert top.transparent == (cell.table == "translucent")
        assert (top.kind in ("mirror", "metal")) == (cell.table == "reflective")
        if cell.objects == "mixed":
            assert {"metal", "diffuse"} <= kinds and kinds & {"glass", "clear plastic"}
        else:
            allowed = {"translucent": {"glass", "clear plastic"}, "reflective": {"metal"}, "diffuse": {"diffuse"}}
            assert kinds <= allowed[cell.objects]


def test_mixed_targets_are_of_each_kind_equally_often():
    kinds = [target_of(grasp_scene(seed, CELLS[-1])).material.kind for seed in range(9)]
    counted = [kinds.count(kind) for kind in ("metal", "diffuse")]
    assert counted == [3, 3] and len(kinds) == 9


@pytest.mark.parametrize("seed", range(4))
def test_things_are_graspable_and_at_rest(seed):
    spec = grasp_scene(seed, CELLS[0])
    assert spec.settled and len(spec.objects) == OBJECTS
    for item in spec.objects:
        x, y, _ = np.ptp(build_mesh(item.geometry).vertices, axis=0)
        assert min(x, y) <= WIDEST and max(x, y) <= LONGEST
        assert np.hypot(*item.pose.position[:2]) < WORKSPACE
    arena = Arena(spec)
    before = arena.heights()
    arena.step(0.5)
    after = arena.heights()
    assert max(abs(after[i] - before[i]) for i in before) < 0.003


# Sight


def test_truth_is_that_of_a_plane_and_a_ball():
    spec = scene((ball(BALL), (0.02, -0.03, BALL)))
    seen = observe(Arena(spec), scene_camera(spec))
    plane = table_depth(seen.camera)
    table = seen.labels == TABLE
    assert np.abs(seen.truth - plane)[table].max() < 1e-5
    rays, eye = seen.camera.rays(), seen.camera.T_world_camera[:3, 3]
    offset = eye - np.array([0.02, -0.03, BALL])
    a, b, c = (rays**2).sum(1), rays @ offset, offset @ offset - BALL**2
    root = b**2 - a * c
    exact = ((-b - np.sqrt(np.maximum(root, 0))) / a).reshape(seen.truth.shape)
    on_ball = seen.labels == 1
    assert on_ball.sum() > 1000
    inside = on_ball & (root > 0.05 * (a * BALL**2)).reshape(on_ball.shape)
    assert np.abs(seen.truth - exact)[inside].max() < 5e-4  # its mesh has 80 by 40 facets


def test_the_sensor_fails_on_glass_and_not_on_wood():
    shares = {}
    for cell in (CELLS[0], CELLS[2]):
        arena = Arena(grasp_scene(3, cell))
        seen = observe(arena, scene_camera(arena.spec))
        again = observe(arena, scene_camera(arena.spec))
        assert np.array_equal(seen.raw, again.raw, equal_nan=True)
        on_objects = np.isin(seen.labels, [1, 2, 3])
        shares[cell.objects] = float((abs(seen.raw - seen.truth)[on_objects] < 0.01).mean())
    assert shares["translucent"] < 0.4 < 0.7 < shares["diffuse"]


# Planning


def test_an_upright_cylinder_is_taken_across_its_middle():
    radius, at = 0.02, np.array([0.03, 0.02])
    view, _ = view_of(scene((cylinder(radius, 0.09), (*at, 0.0))))
    best = HandSearch()(view, HAND)[0]
    assert np.linalg.norm(best.position[:2] - at) < 0.012
    assert 2 * radius < best.width <= HAND.opening
    assert best.position[2] > 0.01


def test_a_lying_cylinder_is_taken_across_its_axis():
    radius, length = 0.015, 0.12
    view, _ = view_of(scene((cylinder(radius, length), (0.0, length / 2, radius)), turn=LYING))
    best = HandSearch()(view, HAND)[0]
    assert abs(best.rotation[1, 1]) < 0.35  # the closing is nearly square to the axis, y
    assert abs(best.position[0]) < 0.01 and abs(best.position[1]) < 0.05


def test_a_brick_is_taken_the_narrow_way():
    view, _ = view_of(scene((brick(0.04, 0.10, 0.05), (0.0, 0.0, 0.025))))
    best = HandSearch()(view, HAND)[0]
    assert abs(best.rotation[0, 1]) > 0.8
    assert np.linalg.norm(best.position[:2]) < 0.03


def test_fingers_do_not_go_where_another_thing_stands():
    gap = 0.006  # less than a finger
    pair = (
        (brick(0.04, 0.04, 0.06), (0.0, -0.02 - gap / 2, 0.03)),
        (brick(0.04, 0.04, 0.06), (0.0, 0.02 + gap / 2, 0.03)),
    )
    view, _ = view_of(scene(*pair))
    points = cloud_of(view).points
    for grasp in HandSearch()(view, HAND):
        x, y, z = ((points - grasp.position) @ grasp.rotation).T
        finger = (x < 0) & (x > -HAND.length) & (abs(z) < HAND.width / 2)
        finger &= (abs(y) > grasp.width / 2) & (abs(y) < grasp.width / 2 + HAND.thickness)
        assert finger.sum() < 12  # of thousands: a voxel of the thinned cloud
    assert HandSearch()(view, HAND), "from their outer sides they can be taken"


def test_what_is_too_wide_and_what_is_not_there_is_not_grasped():
    view, _ = view_of(scene((ball(0.06), (0.0, 0.0, 0.06))))
    assert all(grasp.width <= HAND.opening for grasp in HandSearch()(view, HAND))
    empty, _ = view_of(scene())
    assert HandSearch()(empty, HAND) == []
    assert HandSearch()(replace(empty, depth=np.full_like(empty.depth, np.nan)), HAND) == []


def test_planning_is_deterministic():
    view, _ = view_of(grasp_scene(2, CELLS[2]))
    first, second = HandSearch()(view, HAND), HandSearch()(view, HAND)
    assert len(first) == len(second) == 20
    assert [grasp.score for grasp in first] == sorted((grasp.score for grasp in first), reverse=True)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.position, b.position) and np.array_equal(a.rotation, b.rotation)
        assert np.allclose(a.rotation.T @ a.rotation, np.eye(3)) and np.linalg.det(a.rotation) > 0.99
    assert isinstance(HandSearch(), GraspPlanner)


def test_between_fingers_are_the_pixels_of_what_is_taken():
    spec = scene((brick(0.04, 0.04, 0.05), (-0.06, 0.0, 0.025)), (ball(0.025), (0.07, 0.0, 0.025)))
    view, arena = view_of(spec)
    labels = observe(arena, view.camera).labels.ravel()
    for number, x in ((1, -0.06), (2, 0.07)):
        pixels = between_fingers(cloud_of(view), top_down(x, 0.0, 0.015), HAND)
        assert len(pixels) > 50 and set(labels[pixels]) == {number}


def test_only_the_target_is_grasped():
    spec = scene((brick(0.04, 0.04, 0.05), (-0.06, 0.0, 0.025)), (ball(0.025), (0.07, 0.0, 0.025)))
    view, arena = view_of(spec)
    labels = observe(arena, view.camera).labels
    for number, x in ((1, -0.06), (2, 0.07)):
        wanted = replace(view, target=labels == number)
        best = best_on_target(HandSearch()(wanted, HAND), wanted, HAND)
        assert best is not None and abs(best.position[0] - x) < 0.02
        assert best_on_target([top_down(-x, 0.0, 0.015)], wanted, HAND) is None


def test_a_box_is_taken_by_its_faces_from_wherever_it_stands():
    for degrees in (0, 25, 45, 70):
        half = np.radians(degrees) / 2
        turn = (float(np.cos(half)), 0.0, 0.0, float(np.sin(half)))
        spec = scene((brick(0.06, 0.05, 0.06), (0.02, 0.0, 0.03)), turn=turn)
        view, arena = view_of(spec)
        best = HandSearch()(view, HAND)[0]
        face = spec.objects[0].pose.matrix[:3, :3].T @ best.rotation[:, 1]
        assert abs(face[:2]).max() > np.cos(np.radians(20)), "not across its corners"
        assert execute(arena, best, wanted=1).outcome == "success"


def test_the_palm_has_a_free_way():
    # A wall behind a low block: no hand comes through it, however near the ground its approach is.
    view, _ = view_of(scene((brick(0.05, 0.05, 0.03), (0.0, 0.0, 0.015)), (brick(0.30, 0.02, 0.14), (0.0, 0.13, 0.07))))
    points = cloud_of(view).points
    grasps = HandSearch()(view, HAND)
    assert grasps
    for grasp in grasps:
        x, y, z = ((points - grasp.position) @ grasp.rotation).T
        palm = (
            (x < -HAND.length) & (x > -HAND.length - 0.12) & (abs(y) < HAND.palm[1] / 2) & (abs(z) < HAND.palm[2] / 2)
        )
        assert palm.sum() < 12


def test_what_is_unsure_is_left_for_what_is_sure():
    sure, unsure = (brick(0.066, 0.066, 0.02), (-0.08, 0.0, 0.01)), (brick(0.03, 0.08, 0.06), (0.08, 0.0, 0.03))
    view, arena = view_of(scene(sure, unsure))
    on_unsure = observe(arena, view.camera).labels == 2
    wrong = replace(view, depth=np.where(on_unsure, view.depth + np.float32(0.025), view.depth))
    blind = HandSearch()(wrong, HAND)[0]
    assert blind.position[0] > 0 and execute(arena, blind, wanted=2).outcome != "success"
    told = replace(wrong, expected_error=np.where(on_unsure, 0.05, 0.002).astype(np.float32))
    seeing = HandSearch()(told, HAND)[0]
    assert seeing.position[0] < 0 and execute(arena, seeing, wanted=1).outcome == "success"
    unknown = HandSearch()(replace(wrong, expected_error=np.full_like(wrong.depth, np.nan)), HAND)[0]
    assert np.array_equal(unknown.position, blind.position) and unknown.score == blind.score


def test_doubt_is_the_chance_that_an_error_is_larger_than_the_hand_forgives():
    camera = Camera(K=np.eye(3), T_world_camera=np.eye(4), resolution=(1, 1))
    zeros = np.zeros((1, 1), np.float32)
    view = View(camera=camera, depth=zeros, rgb=np.zeros((1, 1, 3), np.uint8), target=zeros > 1, half_size=0.3)
    closings = Closings(
        tips=np.array([[0.5, 0.0, 0.0]] * 2), rotations=np.stack([np.eye(3), np.eye(3)[[1, 0, 2]]]),
        sizes=np.full(2, 0.04), widths=np.full(2, 0.06), filled=np.full(2, 0.02), hand=np.array([0, 0, 0, 1, 1]),
        offset=np.zeros(5), along=np.zeros(5), normals=np.zeros((5, 3)),
        errors=np.array([0.02, 0.06, np.nan, 0.04, np.nan]),
    )  # fmt: skip
    # 4 % of half a metre is 20 mm. The first hand approaches along the ray, with 20 mm to spare; the second closes
    # along it, with 10 mm. Of a normal error the mean size is sqrt(2 / pi) of its standard deviation.
    deviation = 0.02 / np.sqrt(2 / np.pi)
    assert doubt(closings, view, HAND) == pytest.approx(2 * norm.sf([0.02, 0.01], scale=deviation))
    assert not doubt(replace(closings, errors=None), view, HAND).any()


# Execution


def test_a_brick_is_held_and_a_run_repeats_bit_by_bit():
    arena = Arena(scene((brick(0.04, 0.04, 0.05), (0.0, 0.0, 0.025))))
    verdict = execute(arena, top_down(0.0, 0.0, 0.012), wanted=1)
    assert verdict.outcome == "success" and verdict.held == (1,)
    state = arena.state()
    execute(arena, top_down(0.05, 0.0, 0.012), wanted=1)  # something else in between
    assert arena.state() != state
    execute(arena, top_down(0.0, 0.0, 0.012), wanted=1)
    assert arena.state() == state


def test_the_wrong_object_is_no_success():
    arena = Arena(scene((brick(0.04, 0.04, 0.05), (0.0, 0.0, 0.025)), (ball(0.02), (0.15, 0.0, 0.02))))
    assert execute(arena, top_down(0.0, 0.0, 0.012), wanted=2).outcome == "wrong object"
    assert execute(arena, top_down(0.0, 0.0, 0.012), wanted=0).outcome == "wrong object"


def test_closing_on_air_misses_and_running_into_things_collides():
    arena = Arena(scene((brick(0.04, 0.04, 0.08), (0.0, 0.0, 0.04))))
    assert execute(arena, top_down(0.2, 0.0, 0.05), wanted=1).outcome == "missed"
    assert execute(arena, top_down(0.0, 0.02, 0.012), wanted=1).outcome == "collision"  # a finger on its top
    assert execute(arena, top_down(0.2, 0.0, -0.02), wanted=1).outcome == "collision"  # into the table


def test_a_weak_hand_lets_slip():
    spec = scene((cylinder(0.025, 0.06), (0.0, 0.0, 0.0)))
    strong = execute(Arena(spec), top_down(0.0, 0.0, 0.025, 0.06), wanted=1)
    weak = execute(Arena(spec, Hand(force=0.5)), top_down(0.0, 0.0, 0.025, 0.06), wanted=1)
    assert strong.outcome == "success" and weak.outcome == "slipped"


# Errors of depth, other planners, statistics


def test_disturbances_are_what_they_say():
    truth = np.full((320, 512), 0.6, np.float32)
    assert np.allclose(Disturbance(kind="bias", amount=-5).of(truth, 1), 0.595)
    few, many = (Disturbance(kind="noise", amount=a).of(truth, 1) - truth for a in (2, 8))
    assert few.std() == pytest.approx(2e-3, rel=1e-3) and np.allclose(4 * few, many, atol=1e-6)
    assert np.abs(np.diff(many, axis=1)).max() < 8e-3 * 8 / BLOB, "smooth over so many pixels"
    step = truth.copy()
    step[:, 256:] = 0.5
    blurred = Disturbance(kind="blur", amount=4).of(step, 1)
    assert np.allclose(blurred[:, :230], 0.6) and blurred[100, 255:257].mean() == pytest.approx(0.55, abs=1e-3)
    assert len({disturbance.name for disturbance in CURVE}) == len(CURVE)


def test_grasps_of_other_planners_come_out_in_the_world():
    turned = np.array([[0.0, -1, 0, 0.1], [1, 0, 0, 0.2], [0, 0, 1, 0.3], [0, 0, 0, 1]])
    row = np.concatenate([[0.7, 0.2, 0.02, 0.04], np.eye(3).ravel(), [0.5, 0.6, 0.7], [-1]])
    (grasp,) = from_group(row[None], turned, HAND)
    # Approach x in the camera frame; tips 4 cm beyond the centre.
    assert np.allclose(grasp.position, turned[:3, :3] @ [0.54, 0.6, 0.7] + turned[:3, 3])
    assert np.allclose(grasp.rotation, turned[:3, :3]) and grasp.width == HAND.opening and grasp.score == 0.7
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, :3, 3] = 1, 2, 3
    best, _ = from_panda(poses, np.array([0.1, 0.9]), np.array([0.03, 0.05]), np.eye(4), HAND)
    assert np.allclose(best.position, [1, 2, 3 + PANDA_TIP]) and best.width == 0.05
    assert np.allclose(best.rotation[:, 0], [0, 0, 1]) and np.allclose(best.rotation[:, 1], [1, 0, 0])
    assert np.linalg.det(best.rotation) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "needed"),
    [("anygrasp", "anygrasp_sdk"), ("graspnet", "graspnetAPI"), ("contact-graspnet", "contact_graspnet_pytorch")],
)
def test_a_planner_that_is_not_installed_says_what_it_needs(name, needed):
    with pytest.raises(InputError, match=needed) as raised:
        load_planner(name)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match="available: geometry"):
        load_planner("luck")


def test_intervals_and_tests_agree_with_scipy():
    for successes, trials in ((0, 10), (3, 10), (47, 50), (50, 50)):
        exact = binomtest(successes, trials).proportion_ci(method="wilson")
        assert wilson(successes, trials) == pytest.approx((exact.low, exact.high), abs=1e-6)
    for gained, lost in ((0, 0), (1, 0), (9, 2), (5, 5), (20, 1)):
        exact = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
        assert mcnemar(gained, lost) == pytest.approx(exact)
    with pytest.raises(ValueError):
        wilson(0, 0)


def test_the_horizon_has_no_table():
    level = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0.5], [0, 0, 0, 1]])  # looks along world y
    K = np.array([[50.0, 0, 2], [0, 50.0, 2], [0, 0, 1]])
    depth = table_depth(Camera(K=K, T_world_camera=level, resolution=(5, 5)))
    assert np.isnan(depth[:3]).all() and depth[4, 2] == pytest.approx(0.5 * 50 / 2)
