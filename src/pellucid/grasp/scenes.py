"""Table-top scenes to grasp from: things of graspable size at rest, the same whatever they are made of.

A seed fixes shapes, poses, camera and light. The cell (of what class the objects are, of what class the table top) only
changes materials, so cells can be compared seed by seed.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from pellucid.synth.apart import GRASPABLE, OBJECTS, place_apart, view_from_stand
from pellucid.synth.drop import Dropped
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import mirror_material, sample_material, sample_surface
from pellucid.synth.settle import STILL
from pellucid.synth.spec import FixedObject, Material, Pose, SceneObject, SceneSpec
from pellucid.synth.surroundings import FLOOR, FLOOR_PATTERNS, TABLE, slab

Kind = Literal["translucent", "reflective", "diffuse"]
KINDS: tuple[Kind, ...] = ("translucent", "reflective", "diffuse")
WORKSPACE = 0.25  # metres from the centre; what rolls out of it ends an attempt
RESOLUTION = (336, 528)  # of the depth camera, rows and columns
_ATTEMPTS = 40
_SALT = 104_729
# Beside those that train, two that never train a network.
_FAMILIES = (*GRASPABLE, ("test", "prism"), ("test", "spool"))
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
        fixed=(table, floor), light=sample_light(of_light), camera=view_from_stand(of_view, RESOLUTION),
    )  # fmt: skip
    for _ in range(_ATTEMPTS):
        loose = replace(spec, objects=place_apart(of_layout, plain, _FAMILIES))
        if len(loose.objects) < OBJECTS:
            continue
        world = Dropped(loose)
        poses = world.poses()
        inside = all(np.hypot(*pose.position[:2]) < WORKSPACE and pose.position[2] > -0.01 for pose in poses)
        if inside and world.movement.max() < STILL:
            objects = tuple(replace(item, pose=pose) for item, pose in zip(loose.objects, poses, strict=True))
            return replace(loose, objects=objects, settled=True)
    raise RuntimeError(f"grasp scene {seed}: nothing came to rest in {_ATTEMPTS} attempts")


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
