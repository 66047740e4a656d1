"""Scenes from seeds."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.clip import InputError
from pellucid.synth.apart import sample_apart
from pellucid.synth.assets import Assets
from pellucid.synth.families import CUTLERY, VESSELS, sample_shape
from pellucid.synth.geometry import Geometry, Lathe, StaticMesh
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import OBJECT_KINDS, sample_liquid, sample_material
from pellucid.synth.orbit import sample_orbit
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.spec import Layout, Liquid, Pose, SceneObject, SceneSpec, Split
from pellucid.synth.surroundings import sample_surroundings
from pellucid.synth.viewpoint import sample_view

# The 28 scenes of TransPhy3D-Test of ours: the first multiples of 7 from 700,000 that settle. Being 0 modulo 7, the
# readers' split keeps them from training too.
TEST_SEEDS = (
    700_000,
    700_007,
    700_014,
    700_021,
    700_028,
    700_035,
    700_042,
    700_049,
    700_056,
    700_063,
    700_077,
    700_091,
    700_105,
    700_112,
    700_119,
    700_126,
    700_133,
    700_140,
    700_147,
    700_154,
    700_161,
    700_175,
    700_182,
    700_189,
    700_203,
    700_217,
    700_224,
    700_238,
)
STATIC_SHARE = 0.4  # of the objects, where the user gives assets
UPRIGHT_SHARE = 0.6
SALT = 7919  # keeps these streams apart from others that begin at the same seed


def sample_scene(
    seed: int,
    *,
    frames: int = 120,
    resolution: tuple[int, int] = (480, 832),
    split: Split = "train",
    layout: Layout = "heap",
    assets: Assets | None = None,
    hdris: tuple[Path, ...] = (),
) -> SceneSpec:
    """The scene of this seed, as pure data, not yet settled.

    `resolution` is (height, width). `assets` comes from `find_assets`, `hdris` are the user's .exr or .hdr files.
    Raises InputError when split is "train" and the seed is held out, or the other way round, when the seed is negative
    or frames or resolution are not positive, and when things apart are asked of the test set, or of the user's files.
    """
    _check(seed, frames, resolution, split)
    if layout == "apart":
        if split == "test" or assets is not None or hdris:
            raise InputError("things apart are for the training split, without assets and HDRIs of the user")
        return sample_apart(seed, frames, resolution)
    rng = np.random.default_rng(np.random.SeedSequence([SALT, seed]))
    # Each part has its own stream: more choices in one do not change the others.
    of_surroundings, of_objects, of_light, of_camera, of_view, of_packaging = rng.spawn(6)
    name, fixed, spread = sample_surroundings(of_surroundings, split)
    count = int(of_objects.integers(4, 13))
    objects = tuple(_object(child, i + 1, split, spread, assets) for i, child in enumerate(of_objects.spawn(count)))
    objects = tuple(
        _packaged(child, split, item) for child, item in zip(of_packaging.spawn(count), objects, strict=True)
    )
    camera = sample_orbit(of_camera)
    if split == "train":  # the test set looks as the paper's: circles alone
        camera, backdrop = sample_view(of_view, camera)
        fixed += backdrop
    return SceneSpec(
        seed=seed,
        split=split,
        frames=frames,
        resolution=resolution,
        environment=name,
        objects=objects,
        fixed=fixed,
        light=sample_light(of_light, hdris),
        camera=camera,
    )


def _check(seed: int, frames: int, resolution: tuple[int, int], split: Split) -> None:
    if seed < 0:
        raise InputError(f"seed {seed}: seeds are 0 or more")
    if split == "train" and seed in TEST_SEEDS:
        raise InputError(f"seed {seed} is one of the 28 of the test set, which never train; take another")
    if split == "test" and seed not in TEST_SEEDS:
        raise InputError(f"seed {seed} is not of the test set; its 28 seeds are {TEST_SEEDS[0]} to {TEST_SEEDS[-1]}")
    if frames < 1 or min(resolution) < 1:
        raise InputError(f"{frames} frames of {resolution[0]}x{resolution[1]}: all must be at least 1")


def _object(rng: np.random.Generator, number: int, split: Split, spread: float, assets: Assets | None) -> SceneObject:
    kinds = list(OBJECT_KINDS)
    kind = kinds[rng.choice(len(kinds), p=list(OBJECT_KINDS.values()))]
    material = sample_material(rng, split, kind)
    family, geometry = _shape(rng, split, material.finish == "thin", assets)
    if family in CUTLERY and kind in ("glass", "ceramic"):
        material = sample_material(rng, split, "metal")
    upright = rng.random() < UPRIGHT_SHARE
    liquid = None
    pours = family in VESSELS and isinstance(geometry, Lathe)
    if pours and upright and kind in ("glass", "clear plastic", "ceramic") and rng.random() < 0.4:
        liquid = _filling(rng)
    yaw, turn = rng.uniform(0, 2 * np.pi), rng.normal(size=4)
    quaternion = np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]) if upright else turn / np.linalg.norm(turn)
    w, x, y, z = (float(v) for v in quaternion)
    position = (float(rng.uniform(-spread, spread)), float(rng.uniform(-spread, spread)), 0.002 if upright else 0.02)
    return SceneObject(
        id=number,
        family=family,
        geometry=geometry,
        material=material,
        pose=Pose(position=position, quaternion=(w, x, y, z)),
        liquid=liquid,
    )


def _packaged(rng: np.random.Generator, split: Split, item: SceneObject) -> SceneObject:
    """The thing with its cap and label. What is closed is full more often than what is open."""
    geometry, parts = sample_packaging(rng, split, item.family, item.geometry)
    liquid = item.liquid
    closed = any(part.role in ("cap", "stopper") for part in parts)
    upright = item.pose.quaternion[1] == item.pose.quaternion[2] == 0
    if closed and upright and item.material.transparent and liquid is None and rng.random() < 0.5:
        liquid = _filling(rng)
    return replace(item, geometry=geometry, parts=parts, liquid=liquid)


def _filling(rng: np.random.Generator) -> Liquid:
    return Liquid(level=float(rng.uniform(0.2, 0.85)), material=sample_liquid(rng))


def _shape(rng: np.random.Generator, split: Split, thin: bool, assets: Assets | None) -> tuple[str, Geometry]:
    if assets is not None and assets.usable and rng.random() < STATIC_SHARE:
        asset = assets.usable[rng.integers(len(assets.usable))]
        size = asset.size * float(rng.uniform(0.85, 1.15))
        return "static", StaticMesh(path=str(asset.path), sha256=asset.sha256, size=size)
    return sample_shape(rng, split, thin)
