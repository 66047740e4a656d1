"""Lets objects fall in MuJoCo: the same result to the last bit on the same kind of machine."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from pellucid.clip import InputError
from pellucid.synth.shapes import whole_mesh, whole_parts
from pellucid.synth.spec import FixedObject, Pose, SceneObject, SceneSpec

TIME_STEP = 0.002  # seconds
SECONDS = 3.0
WATCHED = 0.1  # seconds at the end over which movement counts
DENSITY = 900.0  # kg/m3: with the thicker parts of physics, about the mass of the glass
FRICTION = (0.6, 0.01, 0.003)  # sliding, torsion, rolling
STACK_GAP = 0.004  # metres between things that are let go above each other


class Dropped:
    """The world after the fall, for questions about contacts and sight."""

    def __init__(self, spec: SceneSpec) -> None:
        self.mujoco = load_mujoco()
        self.objects, self.fixed = spec.objects, tuple(f for f in spec.fixed if f.collides)
        model = self._model(spec)
        self.model, self.data = model, self.mujoco.MjData(model)
        steps, watched = round(SECONDS / TIME_STEP), round(WATCHED / TIME_STEP)
        for _ in range(steps - watched):
            self.mujoco.mj_step(model, self.data)
        before = self.matrices()
        for _ in range(watched):
            self.mujoco.mj_step(model, self.data)
        self.mujoco.mj_forward(model, self.data)
        self.movement = self._movement(before)

    def poses(self) -> list[Pose]:
        """Where each object's own frame came to rest."""
        found = []
        for item in self.objects:
            body = self.data.body(f"object {item.id}")
            x, y, z = (float(v) for v in body.xpos)
            a, b, c, d = (float(v) for v in body.xquat)
            found.append(Pose(position=(x, y, z), quaternion=(a, b, c, d)))
        return found

    def matrices(self) -> Float64[np.ndarray, "M 4 4"]:
        return np.stack([pose.matrix for pose in self.poses()])

    def contact_depths(self) -> dict[tuple[int, int], float]:
        """How deep convex parts stand in each other, metres, by the ids of the two; at least one is an object."""
        depths: dict[tuple[int, int], float] = {}
        for contact in self.data.contact:
            a, b = sorted(self._id_of_geom(g) for g in contact.geom)
            depths[a, b] = max(depths.get((a, b), 0.0), -float(contact.dist))
        return depths

    def seen(self, eye: Float64[np.ndarray, " 3"], rays: Float64[np.ndarray, "N 3"]) -> tuple[np.ndarray, np.ndarray]:
        """For each ray from a point, the id of what it meets first (0: nothing) and how far, metres (-1: nothing)."""
        geoms, distances = np.zeros(len(rays), np.int32), np.zeros(len(rays))
        directions = np.ascontiguousarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))
        self.mujoco.mj_multiRay(
            m=self.model,
            d=self.data,
            pnt=np.ascontiguousarray(eye),
            vec=directions.ravel(),
            geomgroup=None,
            flg_static=1,
            bodyexclude=-1,
            geomid=geoms,
            dist=distances,
            normal=None,
            nray=len(rays),
            cutoff=20.0,
        )
        return np.array([self._id_of_geom(int(g)) if g >= 0 else 0 for g in geoms]), distances

    def _id_of_geom(self, geom: int) -> int:
        return int(self.model.body(self.model.geom_bodyid[geom]).name.split()[-1])

    def _movement(self, before: Float64[np.ndarray, "M 4 4"]) -> Float64[np.ndarray, " M"]:
        """Metres by which the furthest corner of each object moved lately."""
        after, moved = self.matrices(), []
        for item, a, b in zip(self.objects, before, after, strict=True):
            points = np.concatenate(whole_parts(item.geometry, item.parts))
            step = points @ (a[:3, :3] - b[:3, :3]).T + a[:3, 3] - b[:3, 3]
            moved.append(np.linalg.norm(step, axis=1).max())
        return np.array(moved)

    def _model(self, spec: SceneSpec) -> Any:
        world = self.mujoco.MjSpec()
        world.option.timestep = TIME_STEP
        world.option.integrator = self.mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        world.option.cone = self.mujoco.mjtCone.mjCONE_ELLIPTIC
        world.option.impratio = 10
        world.memory = 1 << 28
        for item in self.fixed:
            body = world.worldbody.add_body(name=f"fixed {item.id}", pos=item.pose.position, quat=item.pose.quaternion)
            add_parts(self.mujoco, world, body, item)
        for moving, height in zip(spec.objects, _stacked(spec.objects), strict=True):
            x, y, _ = moving.pose.position
            body = world.worldbody.add_body(name=f"object {moving.id}", pos=(x, y, height), quat=moving.pose.quaternion)
            body.add_freejoint()
            add_parts(self.mujoco, world, body, moving)
        return world.compile()


def add_parts(mujoco: Any, world: Any, body: Any, item: SceneObject | FixedObject, group: int = 0) -> None:
    """Gives a body of a MuJoCo model its convex parts, with their mass and friction."""
    for k, points in enumerate(whole_parts(item.geometry, item.parts)):
        name = f"{item.id} {k}"
        world.add_mesh(name=name, uservert=points.ravel(), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX)
        # Parts of one body never meet; fixed ones do not either.
        moving = isinstance(item, SceneObject)
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            density=DENSITY,
            condim=6,
            friction=FRICTION,
            solref=(0.005, 1.0),
            contype=1 if moving else 2,
            conaffinity=3 if moving else 0,
            group=group,
        )


def load_mujoco() -> Any:
    """The library. Raises InputError when it is missing."""
    try:
        import mujoco
    except ImportError as error:
        raise InputError("MuJoCo is missing; pip install 'pellucid[synth]' brings it, or 'pellucid[grasp]'") from error
    return mujoco


def _stacked(objects: tuple[SceneObject, ...]) -> list[float]:
    """The height at which each is let go, so that none touches another: over those whose circles it would meet."""
    heights: list[float] = []
    placed: list[tuple[float, float, float, float]] = []
    for item in objects:
        turned = whole_mesh(item.geometry, item.parts).vertices @ item.pose.matrix[:3, :3].T
        reach = float(np.linalg.norm(turned[:, :2], axis=1).max())
        x, y, gap = item.pose.position
        below = max((top for a, b, top, r in placed if np.hypot(x - a, y - b) < r + reach), default=0.012)
        height = below + gap + STACK_GAP - float(turned[:, 2].min())
        placed.append((x, y, height + float(turned[:, 2].max()), reach))
        heights.append(height)
    return heights
