"""Shapes, sampling and physics, without Blender."""

import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from known_scene import cube_of, known_scene

from pellucid.clip import InputError
from pellucid.synth import Frame, Rejected, RenderSettings, SceneSpec, render_scene, sample_scene, settle
from pellucid.synth.assets import find_assets, read_asset
from pellucid.synth.families import FAMILIES
from pellucid.synth.geometry import Lathe, StaticMesh, Superquadric
from pellucid.synth.lathe import liquid_mesh
from pellucid.synth.materials import OBJECT_KINDS, sample_material
from pellucid.synth.mesh import overlap_thickness, pierces, union
from pellucid.synth.orbit import camera_poses
from pellucid.synth.sampling import TEST_SEEDS
from pellucid.synth.sensor import simulate_active_stereo
from pellucid.synth.shapes import build_mesh, convex_parts
from pellucid.synth.spec import MATERIAL_IDS
from pellucid.synth.viewpoint import BACKDROP

ALL = [(split, name) for split in FAMILIES for name in FAMILIES[split]]


def draws(split, name, count=3):
    return [FAMILIES[split][name](np.random.default_rng([zlib.crc32(name.encode()), i])) for i in range(count)]


@pytest.mark.parametrize(("split", "name"), ALL, ids=[name for _, name in ALL])
def test_a_shape_is_a_closed_solid_that_its_parts_cover(split, name):
    for shape in draws(split, name):
        mesh = build_mesh(shape)
        assert mesh.closed
        assert 0.5e-6 < mesh.volume < 2e-3
        assert 0.008 < np.ptp(mesh.vertices, axis=0).max() < 0.35
        corners = np.concatenate(convex_parts(shape))
        assert np.abs(mesh.vertices.min(0) - corners.min(0)).max() < 5e-3
        assert np.abs(mesh.vertices.max(0) - corners.max(0)).max() < 5e-3
        if isinstance(shape, Lathe) and not shape.solid:
            liquid = liquid_mesh(shape, 0.5)
            assert liquid.closed and liquid.volume > 0
            assert overlap_thickness(liquid, mesh) > 0, "the liquid wets the wall"


def test_walls_are_as_thick_as_they_say():
    shape = Lathe(profile=((0.03, 0), (0.03, 0.1)), wall=0.002, floor=0.006, fillet=0.001)
    mesh = build_mesh(shape)
    middle = mesh.vertices[abs(mesh.vertices[:, 2] - 0.06) < 0.012]
    radii = np.unique(np.linalg.norm(middle[:, :2], axis=1).round(5))
    assert radii == pytest.approx([0.028])  # the outside has no ring there, the inside has several
    assert np.linalg.norm(mesh.vertices[:, :2], axis=1).max() == pytest.approx(0.03, abs=1e-5)
    assert mesh.volume == pytest.approx(np.pi * (0.03**2 * 0.1 - 0.028**2 * 0.094), rel=0.03)


def test_a_liquid_follows_the_lobes_of_a_twisted_vessel():
    vessel = Lathe(profile=((0.03, 0), (0.04, 0.12)), wall=0.002, floor=0.004, lobes=6, lobe_depth=0.08, twist=2.0)
    whole = build_mesh(replace(vessel, solid=True))
    liquid = liquid_mesh(vessel, 0.4)
    assert union([whole, liquid]).volume == pytest.approx(whole.volume, rel=1e-3), "none of it is outside"


def test_a_thin_rod_through_a_wall_is_found_and_one_that_leans_on_it_is_not():
    rod = build_mesh(Superquadric(half_axes=(0.0015, 0.0015, 0.1), exponents=(0.2, 0.2)))
    wall = build_mesh(Superquadric(half_axes=(0.05, 0.05, 0.0015), exponents=(0.2, 0.2)))
    through, leaning, beside = np.eye(4), np.eye(4), np.eye(4)
    leaning[2, 3] = 0.1 + 0.0015 - 1e-4  # its end stands a tenth of a millimetre in the wall
    beside[0, 3] = 0.2
    assert overlap_thickness(rod.moved(through), wall) < 0.0031
    assert pierces(rod.moved(through), wall) and pierces(wall, rod.moved(through))
    assert overlap_thickness(rod.moved(leaning), wall) > 0
    assert not pierces(rod.moved(leaning), wall) and not pierces(rod.moved(beside), wall)


def test_same_seed_same_spec_and_json_is_exact():
    for seed in (0, 1, 5, 123456):
        spec = sample_scene(seed, frames=7, resolution=(60, 80))
        assert spec == sample_scene(seed, frames=7, resolution=(60, 80))
        assert SceneSpec.from_json(spec.to_json()) == spec
        assert spec.objects != sample_scene(seed + 2).objects
    with pytest.raises(InputError, match="not a scene spec"):
        SceneSpec.from_json("{}")


def test_some_scenes_are_seen_from_the_side_before_a_wall_that_the_camera_never_passes():
    scenes = [sample_scene(seed) for seed in range(60)]
    sides = [s for s in scenes if any(f.id == BACKDROP for f in s.fixed)]
    assert 9 < len(sides) < 30
    for scene in sides:
        wall = next(f for f in scene.fixed if f.id == BACKDROP).pose.matrix
        eyes = camera_poses(replace(scene.camera, centre=(0.0, 0.0, 0.05), radius=0.2), 120, 16 / 9)[:, :3, 3]
        away = (eyes - wall[:3, 3]) @ wall[:3, 1]  # the slab is thin along its y axis
        assert (np.sign(away) == np.sign(-wall[:3, 3] @ wall[:3, 1])).all(), "on the scene's own side of the wall"
        assert scene.camera.elevation < 0.31
    assert not any(f.id == BACKDROP for seed in TEST_SEEDS for f in sample_scene(seed, split="test").fixed)


def test_the_number_of_frames_does_not_change_the_scene():
    few, many = sample_scene(8, frames=3), sample_scene(8, frames=120)
    assert replace(few, frames=120) == many


def test_the_test_set_is_28_seeds_that_training_refuses():
    assert len(set(TEST_SEEDS)) == 28
    assert all(seed % 7 == 0 for seed in TEST_SEEDS), "the readers' split keeps them from training too"
    with pytest.raises(InputError, match="never train"):
        sample_scene(TEST_SEEDS[3])
    with pytest.raises(InputError, match="not of the test set"):
        sample_scene(1, split="test")


def test_test_scenes_share_no_family_and_no_material_with_training():
    assert not set(FAMILIES["train"]) & set(FAMILIES["test"])
    families = {item.family for seed in TEST_SEEDS for item in sample_scene(seed, split="test").objects}
    assert families <= set(FAMILIES["test"])
    rng = np.random.default_rng(0)
    for kind in OBJECT_KINDS:
        seen = {s: [sample_material(rng, s, kind) for _ in range(200)] for s in ("train", "test")}
        if kind == "glass":
            assert max(m.ior for m in seen["train"]) < min(m.ior for m in seen["test"])
        if kind in ("metal", "ceramic", "diffuse"):
            named = {s: {(m.finish.split()[-1] if kind == "metal" else m.pattern) for m in seen[s]} for s in seen}
            assert not named["train"] & named["test"]


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"seed": 1, "frames": 0}, {"seed": 1, "resolution": (0, 5)}], ids=["seed", "frames", "size"]
)
def test_bad_requests_are_one_line(wrong):
    seed = wrong.pop("seed")
    with pytest.raises(InputError, match=r"at least 1|or more"):
        sample_scene(seed, **wrong)


def test_settled_objects_rest_on_what_is_below_bit_for_bit():
    spec = sample_scene(2, frames=2)
    settled = settle(spec)
    assert settled == settle(spec)
    assert settled.settled and 2 <= len(settled.objects) <= len(spec.objects)
    for item in settled.objects:
        lowest = build_mesh(item.geometry).moved(item.pose.matrix).vertices[:, 2].min()
        assert -4e-3 < lowest < 0.3


@pytest.mark.slow
def test_all_scenes_of_the_test_set_settle():
    for seed in TEST_SEEDS:
        assert settle(sample_scene(seed, split="test")).settled


def test_named_checks_reject_what_is_no_scene():
    spec = settle(sample_scene(2, frames=2))
    one = replace(spec, objects=spec.objects[:1])
    with pytest.raises(Rejected) as lonely:
        settle(one)
    assert lonely.value.check == "too few left"
    away = replace(
        spec.camera, fov_x_degrees=2.0, target_wobbles=(replace(spec.camera.radius_wobble, amplitude=3.0),) * 3
    )
    with pytest.raises(Rejected) as unseen:
        settle(replace(spec, camera=away))
    assert unseen.value.check == "not seen"
    with pytest.raises(ValueError, match="settle"):
        next(render_scene(sample_scene(2), RenderSettings(), ["python"]))


def test_user_models_are_checked_and_counted(tmp_path):
    cube = cube_of(tmp_path)
    assert read_asset(cube).closed
    assert build_mesh(cube).volume == pytest.approx(0.12**3)
    assert len(convex_parts(cube)) == 1
    open_one = (tmp_path / "cube.obj").read_text().rpartition("f ")[0]
    (tmp_path / "open.obj").write_text(open_one)
    assets = find_assets(tmp_path)
    assert "2 .obj; 1 usable; left out, surface not closed: open.obj" in assets.report
    spec = sample_scene(5, assets=assets)
    static = [item.geometry for item in spec.objects if isinstance(item.geometry, StaticMesh)]
    assert static and SceneSpec.from_json(spec.to_json()) == spec
    (tmp_path / "cube.obj").write_text(open_one + "f 1 2 3\n")
    read_asset.cache_clear()
    with pytest.raises(InputError, match="not the file"):
        read_asset(cube)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("a.glb", "not a model", "cannot be read"), ("a.blend", "x", "need Blender"), ("a.txt", "x", "holds no model")],
)
def test_unusable_assets_are_one_line(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        find_assets(tmp_path)
    assert "\n" not in str(caught.value)


def test_blend_files_are_read_through_blender(tmp_path, blender):
    make = "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True)\n"
    make += "bpy.ops.mesh.primitive_cylinder_add(radius=0.03, depth=0.2)\n"
    make += f"bpy.ops.wm.save_as_mainfile(filepath={str(tmp_path / 'can.blend')!r})"
    (tmp_path / "make.py").write_text(make)
    subprocess.run([*blender, str(tmp_path / "make.py")], check=True, capture_output=True)
    assets = find_assets(tmp_path, blender, tmp_path / "cache")
    assert assets.report.endswith("1 .blend; 1 usable")
    (can,) = assets.usable
    mesh = read_asset(StaticMesh(path=str(can.path), sha256=can.sha256, size=can.size))
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([0.06, 0.06, 0.2], abs=1e-3), "z is up, metres are kept"


def test_a_process_that_is_no_blender_is_one_line(tmp_path):
    spec = known_scene(tmp_path)
    with pytest.raises(InputError, match="cannot be started"):
        next(render_scene(spec, RenderSettings(), [str(tmp_path / "nothing")]))


def test_simulated_stereo_fails_on_glass_and_metal_and_nowhere_else():
    H, W = 60, 80
    instance = np.full((H, W), 200, np.uint8)
    material = np.full((H, W), MATERIAL_IDS["surface"], np.uint8)
    instance[10:50, 5:35], material[10:50, 5:35] = 1, MATERIAL_IDS["glass"]
    instance[10:50, 45:75], material[10:50, 45:75] = 2, MATERIAL_IDS["metal"]
    depth = np.where(instance == 200, 0.8, 0.78).astype(np.float32)
    normals = np.broadcast_to(np.float32([0, 0, -1]), (H, W, 3)).copy()
    frame = Frame(
        index=0,
        rgb=np.zeros((H, W, 3), np.uint8),
        depth=depth,
        normals=normals,
        instance=instance,
        material=material,
        transparent=material == MATERIAL_IDS["glass"],
        depth_behind=np.full((H, W), 0.9, np.float32),
        normals_behind=normals,
        K=np.array([[600.0, 0, 40], [0, 600, 30], [0, 0, 1]]),
        T_world_camera=np.eye(4),
    )
    seen = simulate_active_stereo(frame, frame.K, np.random.default_rng(1))
    again = simulate_active_stereo(frame, frame.K, np.random.default_rng(1))
    assert np.array_equal(seen, again, equal_nan=True)
    table, glass, metal = instance == 200, instance == 1, instance == 2
    assert np.isfinite(seen[table]).mean() > 0.9, "but for shadows"
    assert np.nanmedian(abs(seen - depth)[table]) < 0.005
    assert 0.35 < np.isnan(seen[glass]).mean() < 0.6
    assert (abs(seen - 0.9)[glass] < 0.03).mean() > 0.25, "what lies behind"
    assert (seen[metal] > 0.8).mean() > 0.15, "mirrored, farther"
