"""Planes in front of a camera: a table whose place is known says what metres are."""

import numpy as np
from jaxtyping import Float

from pellucid.clip import InputError

# (x, y, z, distance): all points p of the camera frame with (x, y, z) . p = distance, in metres; the normal is unit and
# points away from the camera.
Plane = Float[np.ndarray, "4"]


def make_plane(x: float, y: float, z: float, distance: float) -> Plane:
    """The plane normal . p = distance of the camera frame, its normal of any length and either sign.

    Raises InputError when there is no normal or the plane goes through the camera.
    """
    given = np.array([x, y, z, distance], np.float64)
    length = np.linalg.norm(given[:3])
    if not np.isfinite(given).all() or length == 0 or distance == 0:
        raise InputError(f"{x:g},{y:g},{z:g},{distance:g}: no plane; give x,y,z,distance with (x, y, z) . p = distance")
    return given / length * np.sign(distance)


def plane_below(height: float, tilt: float, roll: float = 0.0) -> Plane:
    """The horizontal plane `height` metres below a camera that looks `tilt` degrees below the horizon.

    `roll` in degrees is how far the camera is turned clockwise about its axis, as seen from behind it.
    Raises InputError when the height is not positive, the tilt not between -90 and 90 or the roll not between -180 and
    180.
    """
    if not 0 < height < np.inf:
        raise InputError(f"a camera height of {height:g} m; it must be positive and finite")
    if not -90 <= tilt <= 90:
        raise InputError(f"a camera tilt of {tilt:g} degrees; it must be between -90 (up) and 90 (straight down)")
    if not -180 <= roll <= 180:
        raise InputError(f"a camera roll of {roll:g} degrees; it must be between -180 and 180")
    t, r = np.radians(tilt), np.radians(roll)
    return np.array([np.cos(t) * np.sin(r), np.cos(t) * np.cos(r), np.sin(t), height])


def plane_depth(plane: Plane, K: Float[np.ndarray, "3 3"], H: int, W: int) -> Float[np.ndarray, "H W"]:
    """Planar depth z of the plane at every pixel; NaN where a pixel looks past it."""
    v, u = np.mgrid[:H, :W].astype(np.float64)
    x, y, z = plane[:3] @ np.linalg.inv(K) / plane[3]  # over the image, the inverse depth of a plane is affine
    inverse = x * u + y * v + z
    return np.where(inverse > 1e-6, 1 / np.where(inverse > 1e-6, inverse, 1), np.nan)
