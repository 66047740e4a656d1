"""One thing from a stream of random numbers: its shape, what it is made of, how it stands, what it holds and wears."""

from dataclasses import replace

import numpy as np

from pellucid.synth.assets import Assets
from pellucid.synth.families import CUTLERY, VESSELS, sample_shape
from pellucid.synth.geometry import Geometry, Lathe, StaticMesh
from pellucid.synth.materials import OBJECT_KINDS, sample_liquid, sample_material
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.spec import Liquid, Pose, SceneObject, Split

STATIC_SHARE = 0.4  # of the objects, where the user gives assets
UPRIGHT_SHARE = 0.6


def sample_thing(
    rng: np.random.Generator,
    number: int,
    split: Split,
    spread: float,
    assets: Assets | None = None,
    upright_share: float = UPRIGHT_SHARE,
) -> SceneObject:
    """A thing that is let go within `spread` metres of the centre, upright or any way round; without cap and label."""
    kinds = list(OBJECT_KINDS)
    kind = kinds[rng.choice(len(kinds), p=list(OBJECT_KINDS.values()))]
    material = sample_material(rng, split, kind)
    family, geometry = _shape(rng, split, material.finish == "thin", assets)
    if family in CUTLERY and kind in ("glass", "ceramic"):
        material = sample_material(rng, split, "metal")
    upright = rng.random() < upright_share
    liquid = None
    pours = family in VESSELS and isinstance(geometry, Lathe)
    if pours and upright and kind in ("glass", "clear plastic", "ceramic") and rng.random() < 0.4:
        liquid = filling(rng)
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


def packaged(rng: np.random.Generator, split: Split, item: SceneObject) -> SceneObject:
    """The thing with its cap and label. What is closed is full more often than what is open."""
    geometry, parts = sample_packaging(rng, split, item.family, item.geometry)
    liquid = item.liquid
    closed = any(part.role in ("cap", "stopper") for part in parts)
    upright = item.pose.quaternion[1] == item.pose.quaternion[2] == 0
    if closed and upright and item.material.transparent and liquid is None and rng.random() < 0.5:
        liquid = filling(rng)
    return replace(item, geometry=geometry, parts=parts, liquid=liquid)


def filling(rng: np.random.Generator) -> Liquid:
    """What is in a vessel, to some part of its height."""
    return Liquid(level=float(rng.uniform(0.2, 0.85)), material=sample_liquid(rng))


def _shape(rng: np.random.Generator, split: Split, thin: bool, assets: Assets | None) -> tuple[str, Geometry]:
    if assets is not None and assets.usable and rng.random() < STATIC_SHARE:
        asset = assets.usable[rng.integers(len(assets.usable))]
        size = asset.size * float(rng.uniform(0.85, 1.15))
        return "static", StaticMesh(path=str(asset.path), sha256=asset.sha256, size=size)
    return sample_shape(rng, split, thin)
