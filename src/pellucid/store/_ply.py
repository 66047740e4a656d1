"""Point clouds that every viewer opens."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ._atomic import atomic


def save_ply(
    path: Path,
    points: Float[np.ndarray, "*N 3"],
    colors: UInt8[np.ndarray, "*N 3"],
    normals: Float[np.ndarray, "*N 3"] | None = None,
    comment: str = "",
) -> None:
    """Writes the points whose coordinates are finite as binary little-endian PLY, float32, in the units given.

    A normal that is unknown (NaN) is written as zero, the format's usual sign for none. `comment` (one line of ASCII)
    is kept in the file's header.
    Raises InputError when the disk is full or cannot be written.
    """
    known = np.isfinite(points).all(axis=-1)
    layout = [(axis, "<f4") for axis in "xyz"]
    layout += [(f"n{axis}", "<f4") for axis in "xyz"] if normals is not None else []
    layout += [(color, "u1") for color in ("red", "green", "blue")]
    vertices = np.empty(int(known.sum()), layout)
    for index, axis in enumerate("xyz"):
        vertices[axis] = points[known][:, index]
        if normals is not None:
            vertices[f"n{axis}"] = np.nan_to_num(normals[known][:, index], nan=0.0)
    for index, color in enumerate(("red", "green", "blue")):
        vertices[color] = colors[known][:, index]
    kinds = {"<f4": "float", "u1": "uchar"}
    properties = "".join(f"property {kinds[kind]} {name}\n" for name, kind in layout)
    remark = f"comment {comment}\n" if comment else ""
    header = f"ply\nformat binary_little_endian 1.0\n{remark}element vertex {len(vertices)}\n{properties}end_header\n"
    with atomic(path) as temporary:
        temporary.write_bytes(header.encode("ascii") + vertices.tobytes())
