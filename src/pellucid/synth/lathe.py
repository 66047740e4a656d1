"""Turned bodies: bottles, glasses, bowls, trays and table tops, with real walls, and what they hold.

A profile is a polyline of (radius, height) from the foot up. The wall's inside is the exact offset of the outside.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from pellucid.synth.geometry import Lathe
from pellucid.synth.mesh import Mesh, Points, grid_mesh

Profile = Float64[np.ndarray, "_ 2"]
DENSE = 2000  # samples along the outside, for its offset
HOLD = 1.5e-3  # metres from an edge within which normals may bend
FILM = 1.5e-4  # metres that a liquid reaches into its vessel's wall, so that no air is between


def lathe_mesh(lathe: Lathe) -> Mesh:
    """The closed surface without handles."""
    profile = _solid_profile(lathe) if lathe.solid else _hollow_profile(lathe)
    return _turned(profile, lathe, height=float(profile[:, 1].max()))


def liquid_mesh(lathe: Lathe, level: float) -> Mesh:
    """What fills the vessel up to a share of its inner height; it reaches a film's width into the wall."""
    outside = outside_profile(lathe)
    inner = inside_profile(lathe, count=40)
    top = lathe.floor + level * (outside[-1, 1] - lathe.floor)
    below = inner[inner[:, 1] < top]
    rim = float(np.interp(top, inner[:, 1], inner[:, 0]))
    wet = np.array([[0, inner[0, 1]], *below, [rim, top], [0, top]])
    wet[1:-1, 0] += FILM
    wet[wet[:, 1] < inner[0, 1] + 1e-9, 1] -= FILM
    return _turned(wet, lathe, height=rim_height(lathe))


def rim_height(lathe: Lathe) -> float:
    """How high a hollow body is, its round rim included."""
    return float(_hollow_profile(lathe)[:, 1].max())


def lathe_parts(lathe: Lathe) -> list[Points]:
    """Convex parts that stand for the body in physics: slabs where it is solid, wedges of rings where it is hollow."""
    outside = outside_profile(lathe)
    profile = _steps(outside)
    widest = profile[:, 0].max() * (1 + lathe.lobe_depth)
    sectors = int(np.clip(np.ceil(np.pi * np.sqrt(widest / 1e-3)), 12, 24))
    if lathe.squareness > 4:
        sectors = 32
    angles = np.arange(sectors + 1) / sectors * 2 * np.pi
    # Half of the sagitta outside and half inside of the true circle.
    swell = (1 + 1 / np.cos(np.pi / sectors)) / 2 if lathe.squareness <= 2 else 1.0
    height = profile[-1, 1]
    floor = height if lathe.solid else lathe.floor

    def ring(radius: float, z: float, over: np.ndarray) -> np.ndarray:
        r = max(radius, 1e-4) * cross_section(over, np.array([[z / max(height, 1e-9)]]), lathe)[0]
        return np.stack([r * np.cos(over), r * np.sin(over) * lathe.aspect, np.full(len(over), z)], -1)

    cuts = np.unique(np.append(profile[:, 1], min(floor, height)))
    radius = np.interp(cuts, profile[:, 1], profile[:, 0]) * swell
    parts = _slabs([(r, z) for r, z in zip(radius, cuts, strict=True) if z <= floor + 1e-9], angles[:-1], ring)
    hollow = [(r, z) for r, z in zip(radius, cuts, strict=True) if z >= floor - 1e-9]
    for (r0, z0), (r1, z1) in pairwise(hollow):
        # A part of at least 2.5 mm across does not tunnel; it grows inwards, where nothing thin goes.
        free = _free_radius(outside, max(lathe.wall, 2.5e-3), np.array([z0, z1]) + np.array([1e-3, 0]))
        i0, i1 = (float(max(min(i, r - 2.5e-3), 0)) for i, r in zip(free, (r0, r1), strict=True))
        if max(i0, i1) < 4e-3:
            parts.append(np.concatenate([ring(r0, z0, angles[:-1]), ring(r1, z1, angles[:-1])]))
            continue
        for k in range(sectors):
            wedge = angles[k : k + 2]
            parts.append(np.concatenate([ring(r, z, wedge) for r, z in ((r0, z0), (r1, z1), (i0, z0), (i1, z1))]))
    return parts


def rounded(points: Profile, times: int, longest: float) -> Profile:
    """Chaikin's corner cutting; no cut is longer than `longest`, so that long edges keep their corners."""
    for k in range(times):
        a, b = points[:-1], points[1:]
        length = np.linalg.norm(b - a, axis=1, keepdims=True)
        share = np.minimum(0.25, longest / 2**k / np.maximum(length, 1e-9))
        cut = np.empty((2 * len(points), 2))
        cut[0], cut[-1] = points[0], points[-1]
        cut[1:-1:2], cut[2:-1:2] = a + share * (b - a), b - share * (b - a)
        points = cut
    return points[np.append(True, np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-6)]


def outside_profile(lathe: Lathe) -> Profile:
    """The outside of a hollow body, from the axis at its foot up to its rim."""
    profile = np.asarray(lathe.profile, np.float64)
    if profile[0, 0] > 0:
        profile = np.concatenate([[[0, profile[0, 1]]], profile])
    return rounded(profile, 3, lathe.fillet)


def _solid_profile(lathe: Lathe) -> Profile:
    profile = np.asarray(lathe.profile, np.float64)
    ends = [[0, profile[0, 1]]] if profile[0, 0] > 0 else []
    closing = [[0, profile[-1, 1]]] if profile[-1, 0] > 0 else []
    return rounded(np.array([*ends, *profile, *closing]), 3, lathe.fillet)


def _hollow_profile(lathe: Lathe) -> Profile:
    """Foot, outside, a round rim, inside, inner bottom."""
    outside = outside_profile(lathe)
    inner = inside_profile(lathe, count=34)
    top = outside[-1, 1]
    centre, reach = (outside[-1, 0] + inner[-1, 0]) / 2, (outside[-1, 0] - inner[-1, 0]) / 2
    angle = np.linspace(0, np.pi, 7)[1:-1]
    rim = np.stack([centre + reach * np.cos(angle), top + reach * np.sin(angle)], 1)
    return np.concatenate([outside, rim, inner[::-1], [[0, inner[0, 1]]]])


def inside_profile(lathe: Lathe, count: int) -> Profile:
    """The inner surface, from the edge of the inner bottom to the rim, with a round corner at the bottom."""
    outside = outside_profile(lathe)
    top, floor = outside[-1, 1], min(lathe.floor, 0.8 * outside[-1, 1])
    bend = min((1.2 if lathe.squareness > 4 else 2.5) * lathe.wall, 0.4 * (top - floor))
    corner = floor + bend * (1 - np.cos(np.linspace(0, np.pi / 2, 8)[:-1]))
    heights = np.append(corner, np.linspace(floor + bend, top, count - 7))
    free = _free_radius(outside, lathe.wall, heights)
    bend_in = np.minimum(bend, 0.9 * free)  # a quarter circle, or of an ellipse where there is little room
    share = np.clip((heights - floor) / bend, 0, 1)
    return np.stack([free - bend_in * (1 - np.sqrt(1 - (1 - share) ** 2)), heights], 1)


def _free_radius(outside: Profile, wall: float, heights: np.ndarray) -> Float64[np.ndarray, " N"]:
    """At each height the radius up to which all is at least a wall away from the outside: its exact offset."""
    along = np.append(0, np.linalg.norm(np.diff(outside, axis=0), axis=1).cumsum())
    at = np.unique(np.append(np.linspace(0, along[-1], DENSE), along))
    r, z = (np.interp(at, along, outside[:, k]) for k in (0, 1))
    gap = heights[:, None] - z[None]
    discs = np.where(abs(gap) < wall, r - np.sqrt(np.maximum(wall**2 - gap**2, 0)), np.inf)
    beside = np.interp(heights, z, r)
    return np.maximum(np.minimum(discs.min(1), beside - 0.5 * wall), 0.12 * beside)


def _steps(profile: Profile) -> Profile:
    """The profile with few points and rising heights, for physics."""
    keep = [0]
    for i in range(1, len(profile) - 1):
        a, b = profile[keep[-1]], profile[i + 1]
        inner = profile[keep[-1] + 1 : i + 1]
        away = (b - a) / max(np.linalg.norm(b - a), 1e-12)
        if (abs((inner - a) @ np.array([-away[1], away[0]])) > 8e-4).any():
            keep.append(i)
    few = profile[[*keep, len(profile) - 1]]
    few = few[1:] if len(few) > 2 and few[0, 0] == 0 and few[1, 1] - few[0, 1] < 1e-4 else few
    rising = few.copy()
    rising[:, 1] = np.maximum.accumulate(few[:, 1] + 1e-7 * np.arange(len(few)))
    return rising


def _slabs(pairs: list[tuple[float, float]], angles: np.ndarray, ring) -> list[Points]:  # type: ignore[no-untyped-def]
    """Hulls of the runs in which the profile is convex."""
    parts, run = [], list(pairs[:1])
    for radius, z in pairs[1:]:
        if len(run) > 1:
            (r0, z0), (r1, z1) = run[-2:]
            if (r1 - r0) * (z - z1) - (radius - r1) * (z1 - z0) < -1e-9:
                parts.append(run)
                run = [run[-1]]
        run.append((radius, z))
    parts.append(run)
    return [np.concatenate([ring(r, z, angles) for r, z in run]) for run in parts if run[-1][1] - run[0][1] > 1e-6]


def _held(profile: Profile) -> Profile:
    """The profile with points just beside the ends of its long straight pieces.

    Normals are smoothed over vertices: without these, the bend at a table's edge would tilt them up to its middle.
    """
    kept = [profile[0]]
    for a, b in pairwise(profile):
        length = float(np.linalg.norm(b - a))
        if length > 3 * HOLD:
            step = (b - a) * (HOLD / length)
            kept += [a + step, b - step]
        kept.append(b)
    return np.array(kept)


def cross_section(angles: np.ndarray, share: np.ndarray, lathe: Lathe) -> Float64[np.ndarray, "P S"]:
    """The factor on the radius, by angle and share of the height."""
    twisted = angles[None] + lathe.twist * share
    factor = 1 + lathe.lobe_depth * np.cos(lathe.lobes * twisted) if lathe.lobes else np.ones(twisted.shape)
    if lathe.squareness > 2:
        n = lathe.squareness
        squarish = (abs(np.cos(angles)) ** n + abs(np.sin(angles)) ** n)[None] ** (-1 / n)
        if lathe.round_above is not None:
            begin, end = lathe.round_above
            x = np.clip((share - begin) / (end - begin), 0, 1)
            squarish = 1 + (squarish - 1) * (1 - x * x * (3 - 2 * x))
        factor = factor * squarish
    return factor


def segments(lathe: Lathe) -> int:
    """Into how many steps a turn is divided."""
    return 192 if lathe.squareness > 8 else max(96, 5 * lathe.lobes) if lathe.lobes or lathe.squareness > 2 else 72


def _turned(profile: Profile, lathe: Lathe, height: float) -> Mesh:
    """The surface swept by a profile that begins and ends on the axis, of a body of that height."""
    angles = np.arange(segments(lathe)) / segments(lathe) * 2 * np.pi
    between = _held(profile)[1:-1]
    share = between[:, 1:] / max(height, 1e-9)
    r = between[:, :1] * cross_section(angles, share, lathe)
    z = np.broadcast_to(between[:, 1:], r.shape)
    rings = np.stack([r * np.cos(angles), r * np.sin(angles) * lathe.aspect, z], -1)
    return grid_mesh(rings, np.array([0, 0, profile[0, 1]]), np.array([0, 0, profile[-1, 1]]))
