"""Sheets that lie on turned bodies: labels."""

import numpy as np

from pellucid.synth.geometry import Band
from pellucid.synth.lathe import cross_section, outside_profile, rim_height, segments
from pellucid.synth.mesh import Mesh, ring_triangles

GLUE = 1e-4  # metres that a sheet reaches into the body below it, so that no air is between


def band_mesh(band: Band) -> Mesh:
    """The closed surface of the sheet; its corners lie over those of the body's own mesh."""
    outside = outside_profile(band.body)
    between = outside[(outside[:, 1] > band.low) & (outside[:, 1] < band.high), 1]
    heights = np.unique([band.low, *between, band.high])
    radii = np.interp(heights, outside[:, 1], outside[:, 0])
    # Up on the inside and down on the outside.
    z = np.append(heights, heights[::-1])
    r = np.append(radii, radii[::-1])
    off = np.repeat([-GLUE, band.thickness], len(heights))

    count = segments(band.body)
    steps = round(band.arc / (2 * np.pi) * count)
    whole = steps >= count
    angles = (np.arange(count) if whole else np.arange(steps + 1) - steps // 2) / count * 2 * np.pi
    across = r * cross_section(angles, z[:, None] / rim_height(band.body), band.body).T + off
    x, y = across * np.cos(angles)[:, None], across * np.sin(angles)[:, None] * band.body.aspect
    rings = np.stack([x, y, np.broadcast_to(z, x.shape)], -1)
    triangles = ring_triangles(len(angles), len(z), closed=whole)
    if not whole:
        triangles = np.concatenate([triangles, *_ends(len(angles), len(z))])
    return Mesh(vertices=rings.reshape(-1, 3), triangles=triangles.astype(np.int32))


def _ends(R: int, S: int) -> list[np.ndarray]:
    """Triangles that close the first and the last ring, between its way up and its way down."""
    j = np.arange(S // 2 - 1)
    a, b, c, d = j, j + 1, S - 2 - j, S - 1 - j
    first = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)])
    return [first, first[:, ::-1] + (R - 1) * S]
