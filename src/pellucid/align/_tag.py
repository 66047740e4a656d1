"""AprilTags of known size: the plane they lie on, in metres, and how far around them it counts."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial import ConvexHull

from pellucid.clip import InputError

from ._plane import Plane, make_plane, plane_depth

AROUND = 2  # sizes of a tag; so far around the tags their plane is taken for the table's

FAMILIES = {
    "36h11": cv2.aruco.DICT_APRILTAG_36H11,
    "36h10": cv2.aruco.DICT_APRILTAG_36H10,
    "25h9": cv2.aruco.DICT_APRILTAG_25H9,
    "16h5": cv2.aruco.DICT_APRILTAG_16H5,
}


def find_tags(
    rgb: UInt8[np.ndarray, "H W 3"], K: Float[np.ndarray, "3 3"], size: float, family: str = "36h11"
) -> dict[int, Float[np.ndarray, "4 3"]]:
    """The corners of every tag seen, by its number: points of the camera frame, in metres.

    `size` is the edge of a tag's black square in metres. Of the two poses that a square admits, the one that fits the
    picture better counts (OpenCV's IPPE_SQUARE).
    Raises InputError when the size is not positive or the family unknown.
    """
    if not size > 0:
        raise InputError(f"a tag size of {size:g} m; give the edge of its black square, in metres")
    if family not in FAMILIES:
        raise InputError(f"no tag family is called {family!r}; available: {', '.join(FAMILIES)}")
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    # As much of the black border as there is: a small window puts corners a quarter of a pixel inside.
    settings.cornerRefinementWinSize, settings.relativeCornerRefinmentWinSize = 12, 0.9
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(FAMILIES[family]), settings)
    seen, numbers, _ = detector.detectMarkers(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    half, method = size / 2, cv2.SOLVEPNP_IPPE_SQUARE
    square = np.array([[-half, half, 0], [half, half, 0], [half, -half, 0], [-half, -half, 0]])
    found = {}
    for corners, number in zip(seen, [] if numbers is None else numbers.ravel(), strict=True):
        _, turns, moves, errors = cv2.solvePnPGeneric(square, corners[0].astype(float), K, None, flags=method)
        best = int(np.argmin(errors))
        found[int(number)] = square @ cv2.Rodrigues(turns[best])[0].T + moves[best].T
    return found


def tag_plane(tags: dict[int, Float[np.ndarray, "4 3"]]) -> Plane:
    """The plane that all tags lie on, by least squares. Raises InputError without a tag."""
    if not tags:
        raise InputError("no tag was found; check the family, and that a tag is seen whole")
    corners = np.concatenate(list(tags.values()))
    middle = corners.mean(axis=0)
    normal = np.linalg.svd(corners - middle)[2][-1]
    x, y, z = map(float, normal)
    return make_plane(x, y, z, float(normal @ middle))


def tag_table(
    tags: dict[int, Float[np.ndarray, "4 3"]], size: float, K: Float[np.ndarray, "3 3"], H: int, W: int
) -> Float[np.ndarray, "H W"]:
    """Planar depth in metres of the table at the pixels where its tags tell of it; NaN elsewhere.

    That is between them and twice their size around: beyond, the plane may lie behind a wall or hang over the table's
    edge. Raises InputError without a tag.
    """
    plane = tag_plane(tags)
    depth = plane_depth(plane, K, H, W)
    along = np.linalg.svd(plane[None, :3])[2][1:]  # two directions of the plane
    corners = np.concatenate(list(tags.values())) @ along.T
    v, u = np.mgrid[:H, :W]
    places = (depth[..., None] * (np.stack([u, v, np.ones((H, W))], -1) @ np.linalg.inv(K).T)) @ along.T
    near = np.isfinite(depth)
    for *normal, offset in ConvexHull(corners).equations:
        near &= places @ normal + offset < AROUND * size  # NaN compares false
    return np.where(near, depth, np.nan)
