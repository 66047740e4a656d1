"""Point clouds in the Point Cloud Library's own format, which robots load."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ._atomic import atomic


def save_pcd(
    path: Path, points: Float[np.ndarray, "*N 3"], colors: UInt8[np.ndarray, "*N 3"], comment: str = ""
) -> None:
    """Writes the points whose coordinates are finite as binary PCD 0.7 of x, y, z and packed rgb, in the units given.

    `comment` (one line of ASCII) is kept in the file's header.
    Raises InputError when the disk is full or cannot be written.
    """
    known = np.isfinite(points).all(axis=-1)
    layout = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("blue", "u1"), ("green", "u1"), ("red", "u1"), ("none", "u1")]
    body = np.zeros(int(known.sum()), layout)
    for index, axis in enumerate("xyz"):
        body[axis] = points[known][:, index]
    for index, color in enumerate(("red", "green", "blue")):
        body[color] = colors[known][:, index]
    header = [
        "# .PCD v0.7 - Point Cloud Data file format",
        *([f"# {comment}"] if comment else []),
        "VERSION 0.7",
        "FIELDS x y z rgb",
        "SIZE 4 4 4 4",
        "TYPE F F F F",
        "COUNT 1 1 1 1",
        f"WIDTH {len(body)}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {len(body)}",
        "DATA binary\n",
    ]
    with atomic(path) as temporary:
        temporary.write_bytes("\n".join(header).encode("ascii") + body.tobytes())
