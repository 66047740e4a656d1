"""Caps, stoppers and labels: closed bodies in the right place, in physics and in the truth of a real render."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from known_scene import GLASS, MATT, known_scene

from pellucid.synth import Rejected, SceneSpec, sample_scene, settle
from pellucid.synth.families import FAMILIES
from pellucid.synth.geometry import Band, Lathe
from pellucid.synth.mesh import overlap_thickness
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.sampling import TEST_SEEDS
from pellucid.synth.shapes import build_mesh, whole_mesh, whole_parts
from pellucid.synth.spec import MATERIAL_IDS, Part, Pose

R, HEIGHT, PAPER = 0.05, 0.14, 1.5e-4
CAP = Lathe(profile=((R + 0.002, 0.0), (R + 0.002, 0.03)), wall=0.0015, floor=0.0015, fillet=0.001)
PRINTED = replace(MATT, pattern="print", color=(0.6, 0.02, 0.02), color2=(0.3, 0.01, 0.01))
OVER = Pose(position=(0.0, 0.0, HEIGHT + 0.006), quaternion=(0.0, 1.0, 0.0, 0.0))


def packaged(family: str, count: int = 25):
    """Vessels of a family that got a part, the parts, and the vessels as they were."""
    for i in range(count):
        plain = FAMILIES["train"][family](np.random.default_rng([3, i]))
        vessel, parts = sample_packaging(np.random.default_rng([4, i]), "train", family, plain)
        if parts:
            yield plain, vessel, parts


@pytest.mark.parametrize("family", ["bottle", "jar", "flask", "test tube"])
def test_parts_are_closed_bodies_that_sit_on_their_vessel(family):
    found = list(packaged(family))
    assert 4 < len(found) < 25, "a share of them"
    for plain, vessel, parts in found[:5]:
        body = build_mesh(vessel)
        assert body.closed
        top = body.vertices[:, 2].max()
        for part in parts:
            mesh = build_mesh(part.geometry).moved(part.pose.matrix)
            low, high = mesh.vertices[:, 2].min(), mesh.vertices[:, 2].max()
            assert mesh.closed and mesh.volume > 0
            assert not part.material.transparent
            if part.role == "label":
                assert isinstance(part.geometry, Band)
                assert 0 < low < high < top and high - low >= 0.02
                continue
            assert low < top < high, "over the mouth, or in it"
            assert overlap_thickness(mesh, body) == 0
            if vessel.squareness > 2:
                rim = body.vertices[body.vertices[:, 2] > top - 1e-4, :2]
                assert np.ptp(np.linalg.norm(rim, axis=1)) < 1e-5, "screw caps are round, so is what they close"
                assert vessel.profile == plain.profile
            reach = np.concatenate(whole_parts(vessel, parts))
            assert reach[:, 2].max() == pytest.approx(whole_mesh(vessel, parts).vertices[:, 2].max(), abs=2e-3)
    roles = {part.role for _, _, parts in found for part in parts}
    assert roles >= ({"cap", "label"} if family in ("bottle", "jar") else {"stopper"})


def test_a_label_lies_on_the_glass_without_air_between():
    for squareness in (2.0, 6.0):
        jar = Lathe(profile=((0.03, 0), (0.03, 0.1)), wall=0.002, floor=0.004, fillet=0.002, squareness=squareness)
        for arc in (2.0, 2 * np.pi):
            sheet = build_mesh(Band(body=jar, low=0.03, high=0.07, arc=arc, thickness=PAPER))
            assert sheet.closed and sheet.volume > 0
            above = sheet.vertices[sheet.vertices[:, 2] > 0.069]
            x, y = above[:, 0], above[:, 1]
            radius = (abs(x) ** squareness + abs(y) ** squareness) ** (1 / squareness)
            assert radius.max() == pytest.approx(0.03 + PAPER, abs=5e-5)
            assert radius.min() == pytest.approx(0.03 - 1e-4, abs=5e-5)
            turns = np.arctan2(y, x)
            assert abs(turns.mean()) < 0.05
            assert np.ptp(turns) == pytest.approx(arc, abs=0.14)


def test_a_cap_takes_part_in_the_fall():
    spec = sample_scene(2, frames=2)
    bare = replace(spec, objects=tuple(replace(item, parts=()) for item in spec.objects))
    tall = max(bare.objects, key=lambda item: build_mesh(item.geometry).vertices[:, 2].max())
    knob = Lathe(profile=((0.06, 0), (0.06, 0.03)), wall=0.001, floor=0.0, solid=True)
    at = Pose(position=(0.0, 0.0, float(build_mesh(tall.geometry).vertices[:, 2].max())))
    heavy = replace(tall, parts=(Part(role="cap", geometry=knob, material=MATT, pose=at),))
    capped = replace(bare, objects=tuple(heavy if item.id == tall.id else item for item in bare.objects))
    poses = []
    for scene in (bare, capped):
        try:
            poses.append([item.pose for item in settle(scene).objects])
        except Rejected as rejection:
            poses.append(str(rejection))
    assert poses[0] != poses[1]


def test_a_scene_with_parts_is_one_of_its_seed_and_its_json_exact():
    specs = [sample_scene(seed) for seed in range(12)]
    things = [item for spec in specs for item in (*spec.objects, *spec.fixed)]
    roles = {part.role for item in things for part in item.parts}
    assert roles == {"cap", "stopper", "label"}
    assert any(item.parts for spec in specs for item in spec.fixed), "bottles in the background have them too"
    for seed, spec in enumerate(specs):
        assert sample_scene(seed) == spec == SceneSpec.from_json(spec.to_json())


def test_a_scene_that_was_written_before_there_were_parts_can_be_read():
    spec = sample_scene(TEST_SEEDS[0], split="test")

    def earlier(value):
        if isinstance(value, dict):
            return {k: earlier(v) for k, v in value.items() if k not in ("parts", "round_above")}
        return [earlier(v) for v in value] if isinstance(value, list) else value

    assert SceneSpec.from_json(json.dumps(earlier(json.loads(spec.to_json())))) == spec


def test_the_test_set_is_the_one_that_was_published():
    """Its seeds' scenes as they were when the first scores on them were given."""
    lines = []
    for seed in TEST_SEEDS:
        spec = sample_scene(seed, split="test")
        things = [("fixed", f.role, f.geometry, f.material, f.pose, f.parts) for f in spec.fixed]
        things += [("dropped", o.family, o.geometry, o.material, o.pose, o.parts) for o in spec.objects]
        for way, name, geometry, material, pose, parts in things:
            assert parts == ()
            size = np.abs(build_mesh(geometry).vertices).max(0)
            numbers = [*pose.position, *pose.quaternion, *material.color, material.roughness, material.ior, *size]
            values = " ".join(f"{value + 0.0:.4f}".replace("-0.0000", "0.0000") for value in numbers)
            lines.append(f"{seed} {spec.environment} {way} {name} {material.kind} {material.finish} {values}")
        lines.append(f"{spec.light.hdri} {len(spec.light.lamps)} {spec.camera.azimuth:.4f} {spec.camera.sweep:.4f}")
    assert len(lines) == 543
    assert zlib.crc32("\n".join(lines).encode()) == 1291878928


@pytest.fixture(scope="module")
def jars(rendered, tmp_path_factory):
    """Two capped glass jars side by side: one label towards the camera, one away from it."""
    spec = known_scene(tmp_path_factory.mktemp("jars"), frames=1)
    jar = Lathe(profile=((R, 0), (R, HEIGHT)), wall=0.003, floor=0.004, fillet=0.002)
    sheet = Band(body=jar, low=0.03, high=0.09, arc=2.0, thickness=PAPER)
    parts = (
        Part(role="label", geometry=sheet, material=PRINTED),
        Part(role="cap", geometry=CAP, material=replace(MATT, kind="plastic"), pose=OVER),
    )
    towards = spec.camera.azimuth
    side = np.array([-np.sin(towards), np.cos(towards), 0]) * 0.08
    objects = tuple(
        replace(
            spec.objects[0],
            id=number,
            geometry=jar,
            material=GLASS,
            parts=parts,
            pose=Pose(
                position=tuple((sign * side).tolist()),
                quaternion=(float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))),
            ),
        )
        for number, sign, yaw in ((1, 1, towards), (2, -1, towards + np.pi))
    )
    camera = replace(spec.camera, elevation=0.25, radius=0.11)
    (frame,) = rendered(replace(spec, objects=objects, camera=camera))
    return frame, objects


def met(frame, pose: Pose, radius: float, far: bool):
    """Depth at which each pixel's ray enters (or leaves) an upright endless cylinder, and at what height."""
    K, T = frame.K, frame.T_world_camera
    v, u = np.mgrid[: frame.depth.shape[0], : frame.depth.shape[1]].astype(float)
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], -1) @ T[:3, :3].T
    o, d = (T[:3, 3] - pose.position)[:2], rays[..., :2]
    a, b, c = (d * d).sum(-1), d @ o, o @ o - radius**2
    root = np.sqrt(np.where(b * b > a * c, b * b - a * c, np.nan))
    t = (-b + (root if far else -root)) / a
    return t, T[2, 3] + t * rays[..., 2]


def test_a_label_on_glass_is_opaque_and_where_the_glass_is(jars):
    frame, (near, _) = jars
    label, cap = (frame.material == MATERIAL_IDS[kind] for kind in ("diffuse", "plastic"))
    first = frame.instance == 1
    on_label = first & label
    assert on_label.sum() > 150 and (first & cap).sum() > 50, "parts have the id of their thing"
    assert not frame.transparent[on_label].any() and not frame.transparent[cap].any()
    assert (frame.transparent == (frame.material == MATERIAL_IDS["glass"])).all()
    depth, height = met(frame, near.pose, R + PAPER, far=False)
    assert abs(frame.depth - depth)[on_label].max() < 4e-4
    assert 0.0285 < height[on_label].min() < height[on_label].max() < 0.0915
    np.testing.assert_array_equal(frame.depth_behind[label | cap], frame.depth[label | cap])


def test_the_back_of_a_label_is_what_lies_behind_the_glass(jars):
    frame, (_, away) = jars
    depth, height = met(frame, away.pose, R - 1e-4, far=True)
    through = (frame.instance == 2) & frame.transparent & (height > 0.035) & (height < 0.085)
    seen = through & (abs(frame.depth_behind - depth) < 6e-4)
    assert seen.sum() > 100, "the far wall's label, from inside"
    assert (frame.depth_behind[seen] > frame.depth[seen] + 0.02).all()
    front = (frame.instance == 1) & (frame.material == MATERIAL_IDS["diffuse"])
    red, green, blue = frame.rgb[front].mean(0)
    assert red > 2 * max(green, blue), "all of the print is red"
    red, green, blue = frame.rgb[seen].mean(0)
    assert red < 1.15 * min(green, blue), "its back is plain paper"
