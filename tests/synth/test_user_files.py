"""A user's own models and surroundings, written by other programs, rendered for real."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import trimesh
from known_scene import known_scene

from pellucid import cli
from pellucid.camera import backproject, transform
from pellucid.clip import InputError
from pellucid.data.sequences import find_sequences
from pellucid.synth import SceneSpec, sample_scene
from pellucid.synth.assets import find_assets
from pellucid.synth.geometry import StaticMesh
from pellucid.synth.run import find_hdris
from pellucid.synth.spec import Pose

BALL, CAN, RING = 0.05, (0.03, 0.1), (0.04, 0.012)  # metres: radius; radius and height; both radii
MAKE = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_cylinder_add(radius={can[0]}, depth={can[1]}, vertices=64, location=(1, 2, 3))
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1] + "/can.blend")
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_torus_add(major_radius={ring[0]}, minor_radius={ring[1]})
bpy.ops.export_scene.gltf(filepath=sys.argv[1] + "/deeper/ring.glb", export_format="GLB")
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.object.light_add()
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1] + "/../lamp.blend")
"""


@pytest.fixture(scope="module")
def home(blender, tmp_path_factory) -> Path:
    """models/ of all three kinds, one of them with a hole; hdris/ of both kinds, green and red."""
    home = tmp_path_factory.mktemp("home")
    (home / "models/deeper").mkdir(parents=True)
    (home / "make.py").write_text(MAKE.format(can=CAN, ring=RING))
    subprocess.run([*blender, str(home / "make.py"), str(home / "models")], check=True, capture_output=True)
    ball = trimesh.creation.icosphere(subdivisions=4, radius=BALL)
    ball.export(home / "models/ball.obj")
    trimesh.Trimesh(ball.vertices * 1000, ball.faces[5:]).export(home / "models/hole.obj")
    trimesh.creation.box((1400, 700, 700)).export(home / "models/millimetres.obj")
    (home / "hdris").mkdir()
    green, red = (np.full((32, 64, 3), 0.02, np.float32) for _ in range(2))
    green[..., 1], red[..., 0] = 1.0, 1.0
    cv2.imwrite(str(home / "hdris/green.hdr"), green)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": red}) as file:
        file.write(str(home / "hdris/red.exr"))
    return home


@pytest.fixture(scope="module")
def assets(home, blender):
    return find_assets(home / "models", blender, home / "cache")


def test_each_kind_is_counted_and_what_is_wrong_is_named(home, assets, blender):
    assert assets.report == (
        f"{home / 'models'}: 1 .glb, 3 .obj, 1 .blend; 4 usable; left out, surface not closed: hole.obj; "
        "scaled to 5 to 25 cm: millimetres.obj"
    )
    again = find_assets(home / "models", blender, home / "cache")
    assert again == assets, "what was made of the .blend is not found as one more model"


@pytest.mark.parametrize(("picture", "channel"), [("green.hdr", 1), ("red.exr", 0)])
def test_models_and_surroundings_are_in_the_picture(home, assets, rendered, picture, channel):
    size = {asset.path.name.partition(".")[0]: asset for asset in assets.usable}
    spec = known_scene(home, frames=1, resolution=(60, 100))
    place = {"ball": (0.1, 0.05, 0.0), "can": (-0.1, 0.0, 0.0), "ring": (0.05, -0.12, 0.0)}
    things = tuple(
        replace(
            spec.objects[1],
            id=number,
            geometry=StaticMesh(path=str(size[name].path), sha256=size[name].sha256, size=size[name].size),
            pose=Pose(position=place[name]),
        )
        for number, name in enumerate(place, start=1)
    )
    light = replace(spec.light, hdri=str(home / "hdris" / picture), gradient=None)
    (frame,) = rendered(replace(spec, objects=things, light=light))
    assert {1, 2, 3} <= set(np.unique(frame.instance))
    others = [c for c in range(3) if c != channel]
    lit = frame.rgb.reshape(-1, 3).mean(0)
    assert lit[channel] > 1.5 * lit[others].max()
    points = transform(backproject(frame.depth.astype(np.float64), frame.K), frame.T_world_camera)
    from_centre = np.linalg.norm(points - [*place["ball"][:2], BALL], axis=-1)
    assert from_centre[frame.instance == 1] == pytest.approx(BALL, abs=1e-3), "metres are kept"
    upward = (frame.normals @ frame.T_world_camera[:3, :3].T)[..., 2] > 0.99
    top = (frame.instance == 2) & upward
    assert top.sum() > 3
    assert points[top][:, 2] == pytest.approx(CAN[1], abs=1e-3), "z is up"


@pytest.mark.slow
def test_a_scene_of_the_users_models_under_the_users_sky(home, blender, tmp_path, capsys):
    assets = find_assets(home / "models", blender, home / "cache")
    hdris = find_hdris(home / "hdris")
    seed = next(
        s
        for s in range(2, 99)
        if sample_scene(s, hdris=hdris).light.hdri in map(str, hdris)
        and sum(o.family == "static" for o in sample_scene(s, assets=assets).objects) > 2
    )
    arguments = ["render", "--out", str(tmp_path / "a"), "--scenes", "1", "--seed", str(seed), "--frames", "1"]
    arguments += ["--resolution", "32x48", "--samples", "1", "--threads", "1", "--device", "cpu"]
    arguments += ["--assets", str(home / "models"), "--hdris", str(home / "hdris"), "--blender", blender[-1]]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().err
    assert "1 .glb, 3 .obj, 1 .blend; 4 usable" in told and "beside 20 procedural families" in told
    assert "1 .exr, 1 .hdr, beside 8 of Blender's" in told
    (sequence,) = find_sequences([tmp_path / "a"])
    things = json.loads((sequence.path / "camera.json").read_text())["objects"]
    spec = SceneSpec.from_json((sequence.path / "spec.json").read_text())
    assert any(thing["shape"] == "static" for thing in things)
    assert spec.settled
    assert cli.main(arguments) == 0, "the same models, so the same job"
    assert "0 to render" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("models/garbage.blend", b"BLENDER and then nothing", "garbage.blend: Blender cannot read it"),
        ("models/garbage.obj", b"\x00\x01\x02 nothing", "garbage.obj: holds no surface"),
        (
            "models/open.obj",
            b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
            "0 usable; left out, surface not closed: open.obj",
        ),
        ("hdris/garbage.hdr", b"no picture", "garbage.hdr: not a .hdr picture"),
        ("hdris/garbage.exr", b"", "garbage.exr: not a .exr picture"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_nothing_is_made(tmp_path, blender, capsys, name, content, words):
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(content)
    option = "--assets" if name.startswith("models") else "--hdris"
    arguments = ["--out", str(tmp_path / "a"), "--scenes", "1", option, str(path.parent), "--blender", blender[-1]]
    assert cli.main(["render", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("pellucid: error: ") and words in lines[-1]
    assert len(lines) == 1
    assert not (tmp_path / "a").exists()


def test_a_blend_without_a_surface_is_one_line(home, blender, tmp_path):
    (home / "lamp.blend").rename(tmp_path / "lamp.blend")
    with pytest.raises(InputError, match=r"lamp\.blend: holds no surface") as caught:
        find_assets(tmp_path, blender, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_picture_that_ends_in_the_middle_is_one_line(home, tmp_path, rendered):
    broken = tmp_path / "cut.hdr"
    broken.write_bytes((home / "hdris/green.hdr").read_bytes()[:30])
    spec = known_scene(tmp_path, frames=1, resolution=(32, 48))
    spec = replace(spec, light=replace(spec.light, hdri=str(broken), gradient=None))
    with pytest.raises(InputError, match=r"cut\.hdr: cannot be read as a picture of surroundings"):
        rendered(spec)
