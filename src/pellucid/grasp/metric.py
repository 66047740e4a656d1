"""From what an estimator says to metres, with the help of the sensor and of the known table."""

import cv2
import numpy as np
from jaxtyping import Float32, Float64

from pellucid.align import depth_from_disparity, fit_scale_shift_robust
from pellucid.clip import InputError, Prediction
from pellucid.grasp.observe import Camera

SENSOR_TOLERANCE = 0.02  # 1/m: the noise of a stereo camera's disparity, 9 mm at 0.67 m
PLANE_TOLERANCE = 0.01
FARTHEST = 3.0  # metres
BEND = 20.0  # pixels over which the sensor corrects the prediction


def metric_depth(prediction: Prediction, raw: Float32[np.ndarray, "H W"], camera: Camera) -> Float32[np.ndarray, "H W"]:
    """The prediction of one frame in metres, at the size of `raw`, the sensor's depth (NaN where it has none)."""
    values = cv2.resize(prediction.values[0], raw.shape[::-1], interpolation=cv2.INTER_LINEAR)
    if prediction.quantity == "normals":
        raise InputError("the estimator predicts normals; grasping needs disparity or depth")
    if prediction.quantity == "depth" and prediction.invariance == "none":
        return values.astype(np.float32)
    known = np.isfinite(raw) & np.isfinite(values)
    if prediction.quantity == "depth":
        scale, shift = fit_scale_shift_robust(values, raw, known, tolerance=SENSOR_TOLERANCE)
        return (scale * values + shift).astype(np.float32)
    table = 1 / table_depth(camera)
    by_plane = fit_scale_shift_robust(values, table, np.isfinite(values) & (table > 0), tolerance=PLANE_TOLERANCE)
    scale, shift = by_plane
    return depth_from_disparity(values, scale, shift, max_depth=FARTHEST)


def table_depth(camera: Camera) -> Float64[np.ndarray, "H W"]:
    """Planar depth of the plane z = 0 of the world; +inf where a pixel looks above its horizon."""
    rays, height = camera.rays()[:, 2], camera.T_world_camera[2, 3]
    down = rays < 0
    depth = np.where(down, -height / np.where(down, rays, -1), np.inf)
    return depth.reshape(camera.resolution)


def completed_depth(
    prediction: Prediction, raw: Float32[np.ndarray, "H W"], camera: Camera
) -> Float32[np.ndarray, "H W"]:
    """The sensor's depth where the prediction bears it out, else the prediction, bent to meet it."""
    made = metric_depth(prediction, raw, camera)
    both = np.isfinite(raw) & np.isfinite(made) & (made > 0)
    off = np.where(both, 1 / np.where(both, raw, 1) - 1 / np.where(both, made, 1), 0)
    trusted = both & (abs(off) < SENSOR_TOLERANCE)
    weight = cv2.GaussianBlur(trusted.astype(np.float32), (0, 0), BEND)
    bend = cv2.GaussianBlur(np.where(trusted, off, 0).astype(np.float32), (0, 0), BEND) / np.maximum(weight, 1e-3)
    return np.where(trusted, raw, 1 / np.maximum(1 / made + bend, 1 / FARTHEST)).astype(np.float32)
