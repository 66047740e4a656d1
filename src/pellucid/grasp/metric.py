"""From what an estimator says to metres: by the table, whose place is known as the paper's AprilTag tells it."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from pellucid.align import (
    Completed,
    Completer,
    Evidence,
    depth_from_disparity,
    fit_metric,
    fit_scale_shift_robust,
    make_plane,
    plane_depth,
)  # fmt: skip
from pellucid.camera import focal_length
from pellucid.clip import InputError, Prediction
from pellucid.grasp.observe import Camera

NEAREST, FARTHEST = 0.1, 5.0  # metres
UNDER = 0.01  # metres below the table top from which on a depth cannot be
TOLERANCE = 0.02  # metres about the table, for depth that is known up to a line


def table_depth(camera: Camera) -> Float[np.ndarray, "H W"]:
    """Planar depth of the table top, z = 0 of the world, as if nothing stood on it; NaN past its horizon."""
    toward = -camera.T_world_camera[2, :3]  # the way down, in the camera frame
    x, y, z = (float(v) for v in toward)
    plane = make_plane(x, y, z, float(camera.T_world_camera[2, 3]))
    return plane_depth(plane, camera.K, *camera.resolution)


def metric_depth(prediction: Prediction, camera: Camera) -> Float32[np.ndarray, "H W"]:
    """The prediction of one frame in metres, at the camera's resolution.

    What is known up to a scale or a line is laid onto the table top, which most pixels show; the sensor has no part.
    All NaN when nothing like the table is in it. Raises InputError when it is of normals.
    """
    if prediction.quantity == "normals":
        raise InputError("the estimator predicts normals; grasping needs one of disparity or depth")
    values = cv2.resize(prediction.values[0], camera.resolution[::-1], interpolation=cv2.INTER_LINEAR)
    table = table_depth(camera)
    if prediction.quantity == "disparity" or prediction.invariance == "scale":
        disparity = values if prediction.quantity == "disparity" else 1 / np.maximum(values, 1e-6)
        evidence = Evidence()
        evidence.add(0, disparity, table)
        try:
            scale, shift = fit_metric(evidence).lines.at(0)
        except InputError:  # an answer that no table can be seen in is a failed trial, not a failed run
            return np.full(camera.resolution, np.nan, np.float32)
        return depth_from_disparity(disparity, scale, shift, min_depth=NEAREST, max_depth=FARTHEST)
    if prediction.invariance == "affine":
        scale, shift = fit_scale_shift_robust(values, table, np.isfinite(table), tolerance=TOLERANCE)
        values = scale * values + shift
    return np.clip(values, NEAREST, FARTHEST).astype(np.float32)


def completed(
    prediction: Prediction,
    rgb: UInt8[np.ndarray, "H W 3"],
    raw: Float32[np.ndarray, "H W"],
    camera: Camera,
    complete: Completer,
) -> Completed:
    """The sensor's depth where it is to be believed beside the metric prediction; elsewhere what is put in its place.

    What the sensor sees under the table, through glass or in a mirror, cannot be and does not count. The sensor's
    alone when the prediction cannot be made metric.
    """
    made = metric_depth(prediction, camera)
    if not np.isfinite(made).all():
        return Completed(depth=raw, trusted=np.isfinite(raw))
    possible = np.where(raw < table_depth(camera) + UNDER, raw, np.float32(np.nan))
    return complete(rgb, made, possible, focal_length(camera.K))
