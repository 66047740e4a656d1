"""Rows of clear bottles and glasses, often all alike, on a table before a wall that shows through them. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.families import FAMILIES, thinned
from pellucid.synth.flat import flat_thing
from pellucid.synth.furniture import Room
from pellucid.synth.geometry import Lathe
from pellucid.synth.lights import sample_light
from pellucid.synth.materials import sample_material, tint
from pellucid.synth.orbit import LOWEST
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.profiles import uniform
from pellucid.synth.room import furnish, lay, view_of
from pellucid.synth.shapes import whole_mesh
from pellucid.synth.spec import Pose, SceneObject, SceneSpec
from pellucid.synth.things import filling

IN_ROWS = ("bottle", "bottle", "bottle", "bottle", "tumbler", "jar", "goblet", "vase", "flask", "beaker")
KINDS = {"clear plastic": 0.45, "glass": 0.45, "metal": 0.05, "plastic": 0.05}
ALIKE_SHARE = 0.6  # of the rows whose things are one thing several times
FULL_SHARE = 0.5
FAINT = (10.0, 200.0)  # 1/m, absorption of a tint that is hardly seen in a thin wall
ASKEW_AND_SWEEP = ((0.0, 0.4), (0.1, 0.6))  # radians, of the middle of the camera's arc and of the arc
HALF_ROW = 0.35  # metres from the middle, of the last thing that a row takes
_SALT = 49_979_687


def sample_row(seed: int, frames: int, resolution: tuple[int, int]) -> SceneSpec:
    """The training scene of this seed, not yet settled, of shapes and materials that train.

    Its frames are spread over the camera's arc.
    """
    streams = np.random.SeedSequence([_SALT, seed]).spawn(5)
    of_room, of_things, of_light, of_camera, of_flat = (np.random.default_rng(s) for s in streams)
    room = Room(yaw=float(of_room.uniform(0, 2 * np.pi)))
    askew, sweep = (float(of_camera.choice([-1, 1]) * of_camera.uniform(*within)) for within in ASKEW_AND_SWEEP)
    furnish(room, of_room, "table" if of_room.random() < 0.8 else "counter", beside=-np.sign(askew))
    taken = [(0.0, 0.0, 0.12)]
    for _ in range(int(of_flat.integers(-2, 2))):
        lay(room, of_flat, flat_thing(of_flat), None, taken)
    camera = view_of(of_camera, room.yaw - np.pi / 2 + askew, sweep, near=False)
    return SceneSpec(
        seed=seed, split="train", frames=frames, resolution=resolution, environment="row",
        objects=stand_row(of_things, room.yaw), fixed=tuple(room.fixed), light=sample_light(of_light),
        camera=replace(camera, elevation=uniform(of_camera, LOWEST, 0.4), total=frames),
    )  # fmt: skip


def stand_row(rng: np.random.Generator, yaw: float) -> tuple[SceneObject, ...]:
    """Two to six things side by side, from the middle of the row outwards by turns."""
    alike, wanted, gap = rng.random() < ALIKE_SHARE, int(rng.integers(2, 7)), uniform(rng, 0.01, 0.14)
    first, depth = _vessel(rng), uniform(rng, -0.03, 0.03)
    items: list[SceneObject] = []
    ends = [0.0, 0.0]
    for number in range(1, wanted + 1):
        item = first if alike else _vessel(rng)
        reach = _reach(item)
        side = int(ends[0] > ends[1])  # the end nearer to the middle is the next to grow
        ends[side] += reach + (0.5 if number < 3 else 1.0) * gap
        if ends[side] + reach > HALF_ROW:
            break
        x, y = (2 * side - 1) * ends[side], depth + uniform(rng, -0.02, 0.02)
        ends[side] += reach
        c, s, turn = np.cos(yaw), np.sin(yaw), uniform(rng, 0, np.pi)
        items.append(
            replace(
                item,
                id=number,
                liquid=filling(rng) if item.material.transparent and rng.random() < FULL_SHARE else None,
                pose=Pose(
                    position=(float(c * x - s * y), float(s * x + c * y), 0.002),
                    quaternion=(float(np.cos(turn)), 0.0, 0.0, float(np.sin(turn))),
                ),
            )
        )
    return tuple(items)


def _vessel(rng: np.random.Generator) -> SceneObject:
    """Something to drink from or to pour from, with thin walls, its cap and its label."""
    family = IN_ROWS[rng.integers(len(IN_ROWS))]
    material = sample_material(rng, "train", str(rng.choice(list(KINDS), p=list(KINDS.values()))))
    shape = FAMILIES["train"][family](rng)
    assert isinstance(shape, Lathe)
    if material.transparent:
        shape = thinned(shape)
        if rng.random() < 0.6:
            material = replace(material, color=tint(rng, "train"), density=uniform(rng, *FAINT))
    body, parts = sample_packaging(rng, "train", family, shape)
    still = Pose(position=(0.0, 0.0, 0.0))
    return SceneObject(id=1, family=family, geometry=body, material=material, pose=still, parts=parts)


def _reach(item: SceneObject) -> float:
    vertices = whole_mesh(item.geometry, item.parts).vertices
    return float(np.linalg.norm(vertices[:, :2], axis=1).max())
