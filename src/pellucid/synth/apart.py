"""A few things apart from each other on a bare table top, upright or lying, as a camera on a stand beside a robot
sees them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pellucid.synth.families import FAMILIES
from pellucid.synth.geometry import Geometry
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import mirror_material, sample_material, sample_surface
from pellucid.synth.shapes import build_mesh
from pellucid.synth.spec import CameraPath, FixedObject, Material, Pose, SceneObject, SceneSpec, Split, Wobble
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab

OBJECTS = 3
WIDEST = 0.073  # metres across the narrower way, for jaws that open to 85 mm
LONGEST, LOWEST, TALLEST = 0.11, 0.03, 0.15
SPREAD = (0.12, 0.10)  # metres from the centre, before anything rolls
GAP = 0.03  # between the circles in which two things stand: room for a finger
# Families in which graspable sizes are common.
GRASPABLE: tuple[tuple[Split, str], ...] = (
    ("train", "bottle"), ("train", "jar"), ("train", "vase"), ("train", "goblet"), ("train", "tumbler"),
    ("train", "flask"), ("train", "beaker"), ("train", "mug"), ("train", "test tube"), ("train", "box"),
    ("train", "block"),
)  # fmt: skip
_DRAWS = 20
_SALT = 15_485_867
_STILL = Wobble(amplitude=0.0, cycles=1.0, phase=0.0)
_ROUND_FOOT = frozenset({"test tube"})  # falls over whatever one does
# What things and table tops are made of: mostly what depth cameras fail on, and what they do not, to tell it from.
_KINDS = {"glass": 0.36, "clear plastic": 0.09, "metal": 0.33, "diffuse": 0.14, "ceramic": 0.04, "plastic": 0.04}
_TABLE_PATTERNS = ("wood", "planks", "cloth", "checker", "speckle", "concrete", "plain", "tiles")
_GLASS_TOP, _MIRROR_TOP, _METAL_TOP = 0.1, 0.07, 0.08


def sample_apart(seed: int, frames: int, resolution: tuple[int, int]) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames look from evenly all round.
    """
    streams = np.random.SeedSequence([_SALT, seed]).spawn(5)
    of_layout, of_view, of_light, of_surroundings, of_materials = (np.random.default_rng(s) for s in streams)
    plain = Material(kind="diffuse", finish="plain", color=(0.5, 0.5, 0.5), color2=(0.5, 0.5, 0.5))
    floor = FixedObject(
        id=FLOOR, role="floor", geometry=slab(7.0, 7.0, 0.1), material=sample_surface(of_surroundings, FLOOR_PATTERNS),
        pose=Pose(position=(0.0, 0.0, -0.85)), collides=False,
    )  # fmt: skip
    table = FixedObject(
        id=TABLE, role="table", geometry=slab(0.6, 0.6, 0.012), material=_table_top(of_surroundings),
        pose=Pose(position=(0.0, 0.0, -0.012)),
    )  # fmt: skip
    objects = tuple(
        replace(item, material=sample_material(of_materials, "train", str(kind)))
        for item, kind in (
            (item, of_materials.choice(list(_KINDS), p=list(_KINDS.values())))
            for item in place_apart(of_layout, plain, GRASPABLE)
        )
    )
    camera = replace(view_from_stand(of_view, resolution), fill=float(of_view.uniform(1.1, 2.0)))
    # Another view of a settled scene costs far less than another scene.
    camera = replace(camera, sweep=2 * np.pi * (frames - 1) / frames, total=frames)
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution, environment="apart", objects=objects,
        fixed=(table, floor), light=sample_light(of_light), camera=camera,
    )  # fmt: skip


def _table_top(rng: np.random.Generator) -> Material:
    draw = rng.random()
    if draw < _GLASS_TOP:
        return Material(
            kind="glass", finish="clear", color=(0.72, 0.93, 0.85), color2=(1.0, 1.0, 1.0), roughness=0.0, ior=1.52,
            density=float(rng.uniform(2, 12)),
        )  # fmt: skip
    if draw < _GLASS_TOP + _MIRROR_TOP:
        return mirror_material()
    if draw < _GLASS_TOP + _MIRROR_TOP + _METAL_TOP:
        return sample_material(rng, "train", "metal")
    return sample_surface(rng, _TABLE_PATTERNS)


def place_apart(
    rng: np.random.Generator, material: Material, families: Sequence[tuple[Split, str]]
) -> tuple[SceneObject, ...]:
    """Things let go just above the table, apart from each other; fewer than wanted when the first took the room."""
    items: list[SceneObject] = []
    placed: list[tuple[float, float, float]] = []
    for _ in range(_DRAWS):
        family, geometry = _shape(rng, families)
        pose, reach = _stance(rng, family, geometry)
        for _ in range(50):
            x, y = (float(rng.uniform(-s, s)) for s in SPREAD)
            if all(np.hypot(x - a, y - b) > reach + r + GAP for a, b, r in placed):
                placed.append((x, y, reach))
                pose = replace(pose, position=(x, y, 0.001))
                items.append(
                    SceneObject(id=len(items) + 1, family=family, geometry=geometry, material=material, pose=pose)
                )
                break
        if len(items) == OBJECTS:
            break
    return tuple(items)


def _shape(rng: np.random.Generator, families: Sequence[tuple[Split, str]]) -> tuple[str, Geometry]:
    """A shape that fits between the jaws, one way round at least."""
    while True:
        split, family = families[int(rng.integers(len(families)))]
        geometry = FAMILIES[split][family](rng)
        x, y, height = np.ptp(build_mesh(geometry).vertices, axis=0)
        if min(x, y) <= WIDEST and max(x, y) <= LONGEST and LOWEST <= height <= TALLEST:
            return family, geometry


def _stance(rng: np.random.Generator, family: str, geometry: Geometry) -> tuple[Pose, float]:
    """Upright or lying, turned about the vertical; and the radius of the circle that it takes."""
    yaw, lying = rng.uniform(0, 2 * np.pi), rng.random() < 0.3 or family in _ROUND_FOOT
    half = np.sqrt(0.5)
    about_z = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
    # Of a quarter turn about x, then the turn about z.
    turn = half * np.array([about_z[0], about_z[0], about_z[3], about_z[3]]) if lying else about_z
    w, x, y, z = (float(v) for v in turn)
    pose = Pose(position=(0.0, 0.0, 0.001), quaternion=(w, x, y, z))
    corners = build_mesh(geometry).vertices @ pose.matrix[:3, :3].T
    return pose, float(np.linalg.norm(corners[:, :2], axis=1).max())


def view_from_stand(rng: np.random.Generator, resolution: tuple[int, int]) -> CameraPath:
    """One view from 56 to 64 cm, as a camera on a stand beside a robot has."""
    fov, (H, W) = 46.0, resolution
    narrower = np.arctan(np.tan(np.radians(fov) / 2) * min(H / W, 1.0))
    return CameraPath(
        fov_x_degrees=fov,
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        sweep=0.0,
        elevation=float(np.radians(rng.uniform(38, 52))),
        fill=1.0,
        elevation_wobble=_STILL,
        radius_wobble=_STILL,
        target_wobbles=(_STILL, _STILL, _STILL),
        centre=(0.0, 0.0, 0.03),
        radius=float(rng.uniform(0.56, 0.64) * np.sin(narrower)),
    )
