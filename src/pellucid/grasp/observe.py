"""What a depth camera on a stand sees of a scene: the truth by casting rays, the sensor's depth with its failures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from pellucid.grasp.arena import CLEAR, HANDS, OPAQUE, Arena
from pellucid.synth.frame import Frame
from pellucid.synth.orbit import camera_poses, intrinsics
from pellucid.synth.sensor import Sensor, simulate_active_stereo
from pellucid.synth.spec import MATERIAL_IDS, TRANSPARENT, FixedObject, SceneObject, SceneSpec

_SALT = 15_485_863
_SUN = np.array([0.3, -0.5, 0.81])  # towards the light of shaded pictures, world frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A view. `K` counts pixel centres in whole numbers, as everywhere."""

    K: Float64[np.ndarray, "3 3"]
    T_world_camera: Float64[np.ndarray, "4 4"]
    resolution: tuple[int, int]  # rows, columns

    def rays(self) -> Float64[np.ndarray, "N 3"]:
        """One for each pixel, row by row, in the world frame, of such a length that their share is planar depth."""
        v, u = (axis.ravel().astype(np.float64) for axis in np.indices(self.resolution))
        K = self.K
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], 1)
        return rays @ self.T_world_camera[:3, :3].T


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at the scene. Depth is planar z in metres, NaN where the sensor gives none."""

    camera: Camera
    seed: int  # of the scene
    truth: Float32[np.ndarray, "H W"]
    raw: Float32[np.ndarray, "H W"]
    labels: Int32[np.ndarray, "H W"]  # ids of spec.objects and spec.fixed, 0 the sky
    shaded: UInt8[np.ndarray, "H W 3"]  # a plain picture, for people


def scene_camera(spec: SceneSpec, resolution: tuple[int, int] | None = None) -> Camera:
    """The camera of a scene, at its own or another resolution of the same shape."""
    H, W = resolution or spec.resolution
    return Camera(
        K=intrinsics(spec.camera, (H, W)),
        T_world_camera=camera_poses(spec.camera, 1, W / H)[0],
        resolution=(H, W),
    )


def observe(arena: Arena, camera: Camera, sensor: Sensor | None = None) -> Observation:
    """The arena as it stands, without the hand. The sensor's luck depends on the scene's seed alone."""
    depth, labels, normals = _looked(arena, camera, (OPAQUE, CLEAR))
    behind, _, normals_behind = _looked(arena, camera, (OPAQUE,))
    bodies: list[SceneObject | FixedObject] = [*arena.spec.objects, *arena.spec.fixed]
    kinds = {item.id: item.material.kind for item in bodies}
    classes = np.zeros(256, np.uint8)
    classes[list(kinds)] = [MATERIAL_IDS[kind] for kind in kinds.values()]
    shaded = _shaded(labels, normals, camera)
    frame = Frame(
        index=0, rgb=shaded, depth=depth, normals=normals, instance=labels.astype(np.uint8),
        material=classes[labels], transparent=np.isin(classes[labels], [MATERIAL_IDS[kind] for kind in TRANSPARENT]),
        depth_behind=behind, normals_behind=normals_behind, K=camera.K, T_world_camera=camera.T_world_camera,
    )  # fmt: skip
    rng = np.random.default_rng(np.random.SeedSequence([_SALT, arena.spec.seed]))
    raw = simulate_active_stereo(frame, camera.K, rng, sensor)
    return Observation(camera=camera, seed=arena.spec.seed, truth=depth, raw=raw, labels=labels, shaded=shaded)


def snapshot(arena: Arena, camera: Camera, target: int) -> UInt8[np.ndarray, "H W 3"]:
    """A plain picture of the arena with the hand, as it stands now; the target stands out."""
    _, labels, normals = _looked(arena, camera, (OPAQUE, CLEAR, HANDS))
    return _shaded(labels, normals, camera, target)


def _looked(
    arena: Arena, camera: Camera, groups: tuple[int, ...]
) -> tuple[Float32[np.ndarray, "H W"], Int32[np.ndarray, "H W"], Float32[np.ndarray, "H W 3"]]:
    """Depth (+inf where nothing is), ids, and unit normals in the camera frame that face it (NaN where nothing is)."""
    H, W = camera.resolution
    pose = camera.T_world_camera
    depth, ids, normals = arena.seen(pose[:3, 3], camera.rays(), groups)
    normals = normals @ pose[:3, :3].astype(np.float32)
    normals *= np.where(normals[:, 2:] > 0, -1, 1).astype(np.float32)
    normals[~np.isfinite(depth)] = np.nan
    return depth.reshape(H, W), ids.reshape(H, W), normals.reshape(H, W, 3)


def _shaded(
    labels: Int32[np.ndarray, "H W"], normals: Float32[np.ndarray, "H W 3"], camera: Camera, target: int | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """One colour for each id, lit from one side; with a target, that in yellow and the others pale."""
    golden = 0.618034
    hue = (np.arange(256) * golden) % 1
    colors = 0.62 + 0.28 * np.cos(2 * np.pi * (hue[:, None] + np.array([0, 1 / 3, 2 / 3])))
    if target is not None:
        colors[:] = 0.55, 0.66, 0.76
        colors[target] = 1.0, 0.78, 0.2
    colors[0] = 0.35, 0.36, 0.40  # the hand
    colors[100:] = 0.72, 0.68, 0.62  # what stays
    sun = camera.T_world_camera[:3, :3].T @ (_SUN / np.linalg.norm(_SUN))
    light = 0.45 + 0.55 * np.clip(np.nan_to_num(normals) @ sun, 0, 1)
    sky = np.isnan(normals[..., 0])
    picture = np.where(sky[..., None], 0.9, colors[labels] * light[..., None])
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
