"""The pinhole camera: intrinsics, points from depth, normals from depth.

Pixel (u, v) = (column, row) in whole numbers is the centre of that pixel, as in the released code and in OpenCV: no
half is added, and the image centre is ((W - 1) / 2, (H - 1) / 2). Add 0.5 to cx and cy to go to programs that put the
centre of the first pixel at (0.5, 0.5). K is in pixels of the images it is used with.
"""

import json
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

NormalFrame = Literal["opencv", "opengl", "dsine"]

# What turns normals that face the camera into OpenCV's axes (x right, y down, z forward), so that z < 0.
NORMAL_FRAMES: dict[NormalFrame, tuple[int, int, int]] = {
    "opencv": (1, 1, 1),
    "opengl": (1, -1, -1),  # x right, y up, z towards the viewer: OpenGL, Hypersim, Marigold
    "dsine": (-1, -1, -1),  # x left, y up, z towards the viewer: DSINE, and what is trained or scored with its data
}

_FILM_DIAGONAL = 43.267  # millimetres, of 36 by 24
_NAMES = ("fx", "fy", "cx", "cy")
_MATRIX_NAMES = ("K", "k", "camera_matrix", "cameraMatrix", "intrinsics", "intrinsic_matrix", "cam_K")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ALLOWED = "a 3x3 matrix (txt, npy, npz, json, OpenCV or ROS yaml) or fx, fy, cx, cy (json, yaml, pbtxt), in pixels"


def intrinsics_from_fov(fov_x_degrees: float, H: int, W: int) -> Float[np.ndarray, "3 3"]:
    """K of an undistorted camera with square pixels that looks through the image centre.

    The field of view spans the W pixels' outer edges. Raises ValueError unless it is between 0 and 180 degrees.
    """
    if not 0 < fov_x_degrees < 180:
        raise ValueError(f"a horizontal field of view of {fov_x_degrees} degrees; it must be between 0 and 180")
    focal = W / 2 / np.tan(np.radians(fov_x_degrees) / 2)
    return np.array([[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]])


def intrinsics_from_35mm(focal_length: float, H: int, W: int) -> Float[np.ndarray, "3 3"]:
    """K of an undistorted camera whose field of view over the diagonal is that of a lens of `focal_length` millimetres
    on 35 mm film, as CIPA DCG-001 defines the equivalent; square pixels, looking through the image centre.
    """
    focal = focal_length * np.hypot(H, W) / _FILM_DIAGONAL
    return np.array([[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]])


def focal_length(K: Float[np.ndarray, "3 3"]) -> float:
    """The focal length in pixels, the geometric mean of both axes'."""
    return float(np.sqrt(K[0, 0] * K[1, 1]))


def load_intrinsics(path: Path) -> Float[np.ndarray, "3 3"]:
    """K in pixels from a file, whatever of the common forms it has.

    Reads a 3x3 matrix as text, .npy, .npz (`K`) or JSON, OpenCV's and ROS's YAML matrices, and fx, fy, cx, cy by name
    in JSON, YAML or protobuf text (also once per view, if all agree).
    Raises InputError when it finds none, several that differ, or one that is no K in pixels.
    """
    try:
        if path.suffix == ".npy":
            found = np.load(path)
        elif path.suffix == ".npz":
            with np.load(path) as archive:
                found = archive["K"]
        elif path.suffix == ".json":
            found = _from_json(json.loads(path.read_text(encoding="utf-8")))
        else:
            found = _from_text(path.read_text(encoding="utf-8"), path)
        K = np.asarray(found, np.float64)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); allowed are {_ALLOWED}") from error
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, EOFError) as error:
        raise InputError(f"{path}: holds no intrinsics; allowed are {_ALLOWED}") from error
    return _checked(K, path)


def backproject(depth: Float[np.ndarray, "H W"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    """Points in the camera frame, in the unit of `depth` (planar z); NaN where depth is not finite."""
    rays = _rays(depth.shape, K)
    known = np.isfinite(depth)
    return np.where(known[..., None], rays * np.where(known, depth, 0)[..., None], np.nan).astype(depth.dtype)


def depth_to_normals(depth: Float[np.ndarray, "H W"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    """Unit normals of the surface, facing the camera (z < 0); NaN where depth or a neighbour's is unknown.

    Over the image, the inverse depth of a plane is affine, so planes come out exactly. Across a depth edge the flatter
    side counts. A surface so oblique that its normal would have z >= 0 is unknown.
    """
    rays = _rays(depth.shape, K)
    known = np.isfinite(depth) & (depth > 0)
    inverse = np.divide(1.0, depth, out=np.full(depth.shape, np.nan), where=known)
    by_u, by_v = _slope(inverse, axis=1), _slope(inverse, axis=0)
    # n . ray(u, v) = inverse depth for every pixel of the plane n . point = 1; its gradient gives n_x and n_y.
    n = np.stack([by_u * K[0, 0], by_v * K[1, 1], np.zeros(depth.shape)], axis=-1)
    n[..., 2] = inverse - n[..., 0] * rays[..., 0] - n[..., 1] * rays[..., 1]
    normals = -n / np.linalg.norm(n, axis=-1, keepdims=True)
    normals[~(normals[..., 2] < 0)] = np.nan
    return normals.astype(depth.dtype)


def edge_mask(depth: Float[np.ndarray, "H W"], relative: float = 0.05) -> Bool[np.ndarray, "H W"]:
    """Where a point is likely to fly between two surfaces: depth varies by more than `relative` of itself nearby.

    Nearby is the 3x3 neighbourhood; unknown (NaN) neighbours do not count, the sky (+inf) does. Unknown pixels are
    not edges.
    """
    padded = np.pad(depth, 1, constant_values=np.nan)
    H, W = depth.shape
    around = np.stack([padded[i : i + H, j : j + W] for i in range(3) for j in range(3)])
    far = np.where(np.isnan(around), -np.inf, around).max(axis=0)
    near = np.where(np.isnan(around), np.inf, around).min(axis=0)
    known = np.isfinite(depth)
    return known & (np.where(known, far, 0) - np.where(known, near, 0) > relative * np.where(known, depth, 0))


def normals_to_opencv(normals: Float[np.ndarray, "*N 3"], frame: NormalFrame) -> Float[np.ndarray, "*N 3"]:
    """Normals of one of `NORMAL_FRAMES`, in OpenCV's."""
    return normals * np.array(NORMAL_FRAMES[frame], normals.dtype)


def transform(points: Float[np.ndarray, "*N 3"], T_to_from: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "*N 3"]:
    """Points given in frame `from`, in frame `to`."""
    return (points @ T_to_from[:3, :3].T + T_to_from[:3, 3]).astype(points.dtype)


def _rays(shape: tuple[int, ...], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    """K^-1 (u, v, 1) for every pixel."""
    v, u = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    y = (v - K[1, 2]) / K[1, 1]
    return np.stack([(u - K[0, 2] - K[0, 1] * y) / K[0, 0], y, np.ones(shape)], axis=-1)


def _slope(values: Float[np.ndarray, "H W"], axis: int) -> Float[np.ndarray, "H W"]:
    """Change per pixel: the mean of both sides where they are alike, else of the flatter, else of the known one."""
    step = np.diff(values, axis=axis)
    widths = [(0, 0), (0, 0)]
    widths[axis] = (1, 0)
    before = np.pad(step, widths, constant_values=np.nan)
    widths[axis] = (0, 1)
    after = np.pad(step, widths, constant_values=np.nan)
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    flat, steep = np.minimum(abs(before), abs(after)), np.maximum(abs(before), abs(after))
    flatter = np.where(abs(before) <= abs(after), before, after)
    return np.where(steep <= 2 * flat, (before + after) / 2, flatter)


def _from_json(content: Any) -> Any:
    if isinstance(content, dict):
        if all(name in content for name in _NAMES):
            return _matrix(*(float(content[name]) for name in _NAMES))
        nested = [content[name] for name in _MATRIX_NAMES if name in content]
        if not nested:
            raise KeyError("K")
        return _from_json(nested[0])
    values = np.asarray(content, np.float64)
    return values.reshape(3, 3) if values.size == 9 else values


def _from_text(text: str, path: Path) -> Any:
    text = re.sub(r"#.*", "", text)
    values = [set(re.findall(rf"\b{name}\b\s*[:=]\s*({_NUMBER})", text)) for name in _NAMES]
    if all(values):
        if any(len(found) > 1 for found in values):
            raise InputError(f"{path}: holds several cameras that differ; give a file with one")
        return _matrix(*(float(found.pop()) for found in values))
    named = re.search(rf"\b(?:{'|'.join(_MATRIX_NAMES)})\s*:[^\[]*\[([^\]]*)\]", text)
    numbers = named[1] if named else re.sub(r"[\[\](),;]", " ", text)
    return np.array([float(number) for number in re.split(r"[\s,]+", numbers.strip())]).reshape(3, 3)


def _matrix(fx: float, fy: float, cx: float, cy: float) -> Float[np.ndarray, "3 3"]:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _checked(K: Any, path: Path) -> Float[np.ndarray, "3 3"]:
    if K.shape != (3, 3) or not np.isfinite(K).all():
        raise InputError(f"{path}: holds {K.shape} numbers, not all finite or not 3x3; allowed are {_ALLOWED}")
    if not np.allclose([K[1, 0], *K[2]], [0, 0, 0, 1]) or K[0, 0] <= 0 or K[1, 1] <= 0:
        raise InputError(f"{path}: is no camera matrix; its rows must be fx s cx, 0 fy cy, 0 0 1 with fx, fy > 0")
    if K[0, 0] < 20 and 0 < K[0, 2] < 1 and 0 < K[1, 2] < 1:
        raise InputError(f"{path}: is in shares of the image; multiply fx, cx by its width and fy, cy by its height")
    return K
