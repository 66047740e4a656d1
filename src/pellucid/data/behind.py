"""What lies behind the glass of a rendered scene: the camera's view without anything transparent."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from pellucid.data.sequences import Sequence
from pellucid.store import load_scene_frame

_THINGS = 100  # the first instance that no thing has


def read_behind(
    sequence: Sequence, start: int = 0, stop: int | None = None
) -> tuple[Float32[np.ndarray, "T H W"], Float32[np.ndarray, "T H W 3"]]:
    """Depth in metres and normals of the frames [start, stop), where `pellucid render` wrote them.

    Raises InputError when a file is missing or cannot be read, as in scenes of other makers.
    """
    frames = range(start, sequence.num_frames if stop is None else stop)
    found = [load_scene_frame(sequence.path, t) for t in frames]
    return np.stack([frame.depth_behind for frame in found]), np.stack([frame.normals_behind for frame in found])


def behind_things(depth: Float32[np.ndarray, "H W"], instance: UInt8[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W"]:
    """Depth in metres with the things taken away, of scenes in which what lies behind was not rendered.

    Each pixel of a thing lies on the plane of the nearest support it hides.
    """
    thing = (instance > 0) & (instance < _THINGS)
    kinds = [kind for kind in np.unique(instance[~thing]) if np.isfinite(depth[instance == kind]).sum() > 50]
    distance = [cv2.distanceTransform((instance != kind).astype(np.uint8), cv2.DIST_L2, 5) for kind in kinds]
    nearest = np.argmin(distance, axis=0)
    u, v = np.meshgrid(*(np.arange(side) for side in depth.shape[::-1]))
    behind = depth.astype(np.float64)
    for number, kind in enumerate(kinds):
        own = (instance == kind) & np.isfinite(depth)
        columns = np.stack([u[own], v[own], np.ones(own.sum())], axis=1)
        x, y, z = np.linalg.lstsq(columns, 1 / depth[own], rcond=None)[0]
        hidden = thing & (nearest == number)
        behind[hidden] = np.maximum(1 / np.maximum(x * u + y * v + z, 1e-2), depth)[hidden]
    return behind.astype(np.float32)
