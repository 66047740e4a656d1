"""Camera paths: circles round the scene, perturbed by sines."""

import numpy as np
from jaxtyping import Float64

from pellucid.synth.spec import CameraPath, Wobble

LOWEST, HIGHEST = 0.05, 1.3  # elevations, radians


def sample_orbit(rng: np.random.Generator) -> CameraPath:
    """A path of 120 frames; `settle` aims it."""

    def wobble(most: float) -> Wobble:
        return Wobble(
            amplitude=float(rng.uniform(0, most)),
            cycles=float(rng.uniform(0.5, 2.5)),
            phase=float(rng.uniform(0, 2 * np.pi)),
        )

    return CameraPath(
        fov_x_degrees=float(rng.uniform(40, 68)),
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        sweep=float(rng.choice([-1, 1]) * rng.uniform(0.6, 2 * np.pi)),
        elevation=float(rng.uniform(0.28, 0.95)),
        fill=float(rng.uniform(0.75, 1.2)),
        elevation_wobble=wobble(0.1),
        radius_wobble=wobble(0.12),
        target_wobbles=(wobble(0.08), wobble(0.08), wobble(0.05)),
    )


def camera_poses(path: CameraPath, frames: int, aspect: float) -> Float64[np.ndarray, "T 4 4"]:
    """T_world_camera of the first frames of the path, OpenCV axes; `aspect` is width over height."""
    across = np.radians(path.fov_x_degrees) / 2
    upward = np.arctan(np.tan(across) / aspect)
    distance = path.radius / np.sin(min(across, upward)) * path.fill
    distance = max(distance, path.keep_out / (1 - path.radius_wobble.amplitude))
    poses = np.tile(np.eye(4), (frames, 1, 1))
    for t in range(frames):
        x = t / max(path.total - 1, 1)
        azimuth = path.azimuth + path.sweep * x
        elevation = float(np.clip(path.elevation + path.elevation_wobble.at(x), LOWEST, HIGHEST))
        away = distance * (1 + path.radius_wobble.at(x))
        direction = [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        centre = np.asarray(path.centre) + np.array([0, 0, path.rise])
        eye = centre + away * np.array(direction)
        target = centre + path.radius * np.array([w.at(x) for w in path.target_wobbles])
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        poses[t, :3] = np.stack([right, np.cross(forward, right), forward, eye], 1)
    return poses


def intrinsics(path: CameraPath, resolution: tuple[int, int]) -> Float64[np.ndarray, "3 3"]:
    """K in pixels, pixel centres at whole numbers; `resolution` is (height, width)."""
    H, W = resolution
    focal = W / 2 / np.tan(np.radians(path.fov_x_degrees) / 2)
    return np.array([[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]])
