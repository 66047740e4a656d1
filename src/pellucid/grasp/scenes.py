"""Table-top scenes to grasp from: things of graspable size at rest, the same whatever they are made of.

A seed fixes shapes, poses, camera and light. The cell (of what class the objects are, of what class the table top) only
changes materials, so cells can be compared seed by seed.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from pellucid.synth.drop import Dropped
from pellucid.synth.families import FAMILIES
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import mirror_material, sample_material, sample_surface
from pellucid.synth.settle import STILL
from pellucid.synth.shapes import build_mesh
from pellucid.synth.spec import (
    CameraPath,
    FixedObject,
    Geometry,
    Material,
    Pose,
    SceneObject,
    SceneSpec,
    Split,
    Wobble,
)  # fmt: skip
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab

Kind = Literal["translucent", "reflective", "diffuse"]
KINDS: tuple[Kind, ...] = ("translucent", "reflective", "diffuse")
OBJECTS = 3
WIDEST = 0.073  # metres across the narrower way, for jaws that open to 85 mm
LONGEST, LOWEST, TALLEST = 0.11, 0.03, 0.15
SPREAD = (0.12, 0.10)  # metres from the centre, before anything rolls
GAP = 0.03  # between the circles in which two things stand: room for a finger
WORKSPACE = 0.25  # metres from the centre; what rolls out of it ends an attempt
RESOLUTION = (336, 528)  # of the depth camera, rows and columns
_ATTEMPTS, _DRAWS = 40, 20
_SALT = 104_729
_STILL = Wobble(amplitude=0.0, cycles=1.0, phase=0.0)
# Families in which graspable sizes are common. The last two never train a network.
_FAMILIES: tuple[tuple[Split, str], ...] = (
    ("train", "bottle"), ("train", "jar"), ("train", "vase"), ("train", "goblet"), ("train", "tumbler"),
    ("train", "flask"), ("train", "beaker"), ("train", "mug"), ("train", "test tube"), ("train", "box"),
    ("train", "block"), ("test", "prism"), ("test", "spool"),
)  # fmt: skip
_ROUND_FOOT = frozenset({"test tube"})  # falls over whatever one does
_TABLE_PATTERNS = ("wood", "planks", "cloth", "checker", "speckle", "concrete", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A column of the table of results: what the objects are made of, and what the table top is."""

    objects: Literal["translucent", "reflective", "diffuse", "mixed"]
    table: Kind

    @property
    def name(self) -> str:
        return f"{self.objects}-on-{self.table}"


# The first three vary the objects; the last three vary the table top, as the columns of DKT's Table VI do.
CELLS = tuple(Cell(objects=kind, table="diffuse") for kind in KINDS) + tuple(
    Cell(objects="mixed", table=kind) for kind in KINDS
)


def target_of(spec: SceneSpec) -> SceneObject:
    """The object that is to be grasped."""
    return spec.objects[spec.seed % len(spec.objects)]


def grasp_scene(seed: int, cell: Cell) -> SceneSpec:
    """The settled scene of a seed with the materials of a cell."""
    spec = _bare(seed)
    # Mixed kinds change places with the seed so that targets are of each kind equally often.
    kinds = [KINDS[(k + seed // OBJECTS) % len(KINDS)] for k in range(OBJECTS)]
    streams = np.random.SeedSequence([_SALT, seed, 1]).spawn(len(spec.objects) + 1)
    objects = tuple(
        replace(item, material=_object_material(stream, cell.objects if cell.objects != "mixed" else kind))
        for item, kind, stream in zip(spec.objects, kinds, streams, strict=False)
    )
    top = _table_material(streams[-1], cell.table)
    fixed = tuple(replace(item, material=top) if item.role == "table" else item for item in spec.fixed)
    return replace(spec, objects=objects, fixed=fixed, environment=cell.name)


@lru_cache(maxsize=64)
def _bare(seed: int) -> SceneSpec:
    """The settled scene without its materials."""
    of_layout, of_view, of_light, of_floor = (
        np.random.default_rng(child) for child in np.random.SeedSequence([_SALT, seed, 0]).spawn(4)
    )
    plain = Material(kind="diffuse", finish="plain", color=(0.5, 0.5, 0.5), color2=(0.5, 0.5, 0.5))
    floor = FixedObject(
        id=FLOOR, role="floor", geometry=slab(7.0, 7.0, 0.1), material=sample_surface(of_floor, FLOOR_PATTERNS),
        pose=Pose(position=(0.0, 0.0, -0.85)), collides=False,
    )  # fmt: skip
    table = FixedObject(
        id=TABLE, role="table", geometry=slab(0.6, 0.6, 0.012), material=plain, pose=Pose(position=(0.0, 0.0, -0.012))
    )
    spec = SceneSpec(
        seed=seed, split="test", frames=1, resolution=RESOLUTION, environment="bare", objects=(),
        fixed=(table, floor), light=sample_light(of_light), camera=_camera(of_view),
    )  # fmt: skip
    for _ in range(_ATTEMPTS):
        loose = replace(spec, objects=_layout(of_layout, plain))
        if len(loose.objects) < OBJECTS:
            continue
        world = Dropped(loose)
        poses = world.poses()
        inside = all(np.hypot(*pose.position[:2]) < WORKSPACE and pose.position[2] > -0.01 for pose in poses)
        if inside and world.movement.max() < STILL:
            objects = tuple(replace(item, pose=pose) for item, pose in zip(loose.objects, poses, strict=True))
            return replace(loose, objects=objects, settled=True)
    raise RuntimeError(f"grasp scene {seed}: nothing came to rest in {_ATTEMPTS} attempts")


def _layout(rng: np.random.Generator, material: Material) -> tuple[SceneObject, ...]:
    """Things let go just above the table, apart from each other; fewer than wanted when the first took the room."""
    items: list[SceneObject] = []
    placed: list[tuple[float, float, float]] = []
    for _ in range(_DRAWS):
        family, geometry = _shape(rng)
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


def _shape(rng: np.random.Generator) -> tuple[str, Geometry]:
    """A shape that fits between the jaws, one way round at least."""
    while True:
        split, family = _FAMILIES[rng.integers(len(_FAMILIES))]
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


def _camera(rng: np.random.Generator) -> CameraPath:
    """One view from 56 to 64 cm, as a camera on a stand beside a robot has."""
    fov, (H, W) = 46.0, RESOLUTION
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


def _object_material(stream: np.random.SeedSequence, kind: Kind) -> Material:
    """Of the hues, metals and indices that never train a network."""
    rng = np.random.default_rng(stream)
    if kind == "translucent":
        return sample_material(rng, "test", "glass" if rng.random() < 0.8 else "clear plastic")
    if kind == "reflective":
        return sample_material(rng, "test", "metal")
    return sample_material(rng, "test", "diffuse")


def _table_material(stream: np.random.SeedSequence, kind: Kind) -> Material:
    rng = np.random.default_rng(stream)
    if kind == "translucent":
        clear = (0.72, 0.93, 0.85)
        return Material(
            kind="glass", finish="clear", color=clear, color2=(1.0, 1.0, 1.0), roughness=0.0, ior=1.52,
            density=float(rng.uniform(2, 12)),
        )  # fmt: skip
    if kind == "reflective":
        return mirror_material() if rng.random() < 0.5 else sample_material(rng, "test", "metal")
    matt = sample_surface(rng, _TABLE_PATTERNS)
    return replace(matt, roughness=max(matt.roughness, 0.4))
