"""A scene whose every depth and normal follows from a ray: a glass ball and a cube on a floor, at about 1 m."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.synth.geometry import StaticMesh, Superquadric
from pellucid.synth.orbit import sample_orbit
from pellucid.synth.spec import FixedObject, Light, Material, Pose, SceneObject, SceneSpec, Wobble
from pellucid.synth.surroundings import slab

RADIUS, SIDE = 0.1, 0.12
BALL, CUBE = np.array([0.08, 0.05, 0.1]), np.array([-0.1, -0.06, 0.0])
GLASS = Material(kind="glass", finish="clear", color=(1, 1, 1), color2=(1, 1, 1), roughness=0.0)
MATT = Material(kind="diffuse", finish="plain", color=(0.5, 0.4, 0.3), color2=(1, 1, 1))
FLOOR = 0.0  # the height of the floor's top


def known_scene(
    folder: Path, frames: int = 2, resolution: tuple[int, int] = (96, 160), cube: Material = MATT
) -> SceneSpec:
    still = Wobble(amplitude=0.1, cycles=1.0, phase=0.4)
    camera = sample_orbit(np.random.default_rng(3))
    camera = replace(
        camera,
        fov_x_degrees=40.0,
        sweep=6.0,
        elevation=0.6,
        fill=1.0,
        elevation_wobble=still,
        radius_wobble=still,
        target_wobbles=(still, still, still),
        centre=(0.0, 0.0, 0.07),
        radius=0.24,
    )
    return SceneSpec(
        seed=2,
        split="train",
        frames=frames,
        resolution=resolution,
        environment="test",
        objects=(
            SceneObject(
                id=1,
                family="ball",
                geometry=Superquadric(half_axes=(RADIUS,) * 3, exponents=(1.0, 1.0)),
                material=GLASS,
                pose=Pose(position=tuple(BALL.tolist())),
            ),
            SceneObject(
                id=2, family="cube", geometry=cube_of(folder), material=cube, pose=Pose(position=tuple(CUBE.tolist()))
            ),
        ),
        fixed=(
            FixedObject(
                id=201,
                role="floor",
                geometry=slab(4.0, 4.0, 0.5),
                material=MATT,
                pose=Pose(position=(0.0, 0.0, -0.5)),
            ),
        ),
        light=Light(
            hdri=None, rotation=0.0, sky=None, gradient=((0.2, 0.2, 0.2), (0.8, 0.8, 0.9)), lamps=(), exposure_ev=0.0
        ),
        camera=camera,
        settled=True,
    )


def cube_of(folder: Path) -> StaticMesh:
    """A cube as a user's .obj file."""
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    faces = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    path = folder / "cube.obj"
    lines = ["v {} {} {}".format(*c) for c in corners] + ["f {} {} {} {}".format(*f) for f in faces]
    path.write_text("\n".join(lines) + "\n")
    return StaticMesh(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=SIDE)


def traced(K, T_world_camera, shape, hidden: tuple[int, ...] = ()):
    """Depth, normal (camera frame), id and cosine of incidence by ray intersection, written without the package."""
    H, W = shape
    v, u = np.mgrid[:H, :W].astype(float)
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones((H, W))], -1)
    R, eye = T_world_camera[:3, :3], T_world_camera[:3, 3]
    d = rays @ R.T
    best, normal, ids = np.full((H, W), np.inf), np.full((H, W, 3), np.nan), np.zeros((H, W), int)

    def meet(t, n, number):
        if number in hidden:
            return
        nearer = (t > 0) & (t < best)
        best[nearer], normal[nearer], ids[nearer] = t[nearer], n[nearer], number

    with np.errstate(divide="ignore", invalid="ignore"):
        t = (FLOOR - eye[2]) / d[..., 2]
        at = eye + t[..., None] * d
        inside = (abs(at[..., :2]) < 4).all(-1)
        meet(np.where(inside, t, np.inf), np.broadcast_to([0.0, 0, 1], d.shape), 201)
        o = eye - BALL
        a, b, c = (d * d).sum(-1), d @ o, o @ o - RADIUS**2
        t = np.where(b * b > a * c, (-b - np.sqrt(np.maximum(b * b - a * c, 0))) / a, np.inf)
        meet(t, (eye + t[..., None] * d - BALL) / RADIUS, 1)
        low = CUBE - np.array([SIDE / 2, SIDE / 2, 0])
        ta, tb = (low - eye) / d, (low + SIDE - eye) / d
        near, far = np.minimum(ta, tb), np.maximum(ta, tb)
        t, axis = near.max(-1), near.argmax(-1)
        n = -np.sign(d) * np.eye(3)[axis]
        meet(np.where(t < far.min(-1), t, np.inf), n, 2)
    normal_camera = normal @ R
    cosine = abs((normal * d).sum(-1)) / np.linalg.norm(d, axis=-1)
    return best, normal_camera, ids, cosine
