"""Normals of the public sets in our camera frame: x right, y down, z forward, facing the camera."""

import numpy as np
from jaxtyping import Float, Float32

from pellucid.camera import depth_to_normals

OPENGL = (1.0, -1.0, -1.0)  # x right, y up, z towards the camera
APART = 8  # pixels between the samples of a depth map from which its normals are taken: sensors are noisy


def unit_normals(
    vectors: Float[np.ndarray, "H W 3"], axes: tuple[float, float, float] = OPENGL
) -> Float32[np.ndarray, "H W 3"]:
    """Unit normals from vectors whose axes have these signs in our frame.

    NaN where a vector is far from unit length, which is how the sets mark that there is none, or looks away.
    """
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    known = (length > 0.5) & (length < 1.5)
    unit = np.divide(vectors * np.asarray(axes), length, out=np.full(vectors.shape, np.nan), where=known)
    return np.where(unit[..., 2:] < 0, unit, np.nan).astype(np.float32)


def axes_by_depth(
    vectors: Float[np.ndarray, "H W 3"], depth: Float[np.ndarray, "H W"], K: Float[np.ndarray, "3 3"]
) -> tuple[tuple[float, float, float], float]:
    """The signs that turn the vectors' axes into ours, and the median angle (degrees) to the depth's own normals.

    For sets whose authors do not say which frame they use. The angle is infinite when nothing can be compared.
    """
    K_apart = np.diag([1 / APART, 1 / APART, 1]) @ K
    own = depth_to_normals(np.asarray(depth[::APART, ::APART], np.float64), K_apart)
    theirs = np.asarray(vectors[::APART, ::APART], np.float64)
    length = np.linalg.norm(theirs, axis=-1)
    both = np.isfinite(own).all(-1) & (length > 0.5) & (length < 1.5)
    if not both.any():
        return OPENGL, np.inf
    theirs = theirs[both] / length[both, None]
    x, y, z = np.where((own[both] * theirs).sum(0) < 0, -1.0, 1.0)
    cosine = (own[both] * theirs * [x, y, z]).sum(-1)
    return (float(x), float(y), float(z)), float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))
