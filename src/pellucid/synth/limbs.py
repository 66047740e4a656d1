"""Limbs: rods, the joint between two of them, and hands. Metres, in the frame of a room."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from pellucid.synth.geometry import Geometry, Strand, Vector
from pellucid.synth.spec import Material, Part

Point = Float64[np.ndarray, " 3"]
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Grip:
    """What a hand closes round: the middle, the unit axis and the radius of a rod; no radius for an open hand."""

    middle: Point
    axis: Point
    radius: float | None

    def moved(self, middle: Point) -> "Grip":
        return replace(self, middle=middle)


@dataclass(frozen=True, slots=True)
class Figure:
    """One body with its parts, and where its hands came to be, which may not reach as far as they were told."""

    geometry: Geometry
    material: Material
    parts: tuple[Part, ...]
    grips: tuple[Grip, ...]


def rod(path: list[Point], sections: list[tuple[float, float]], side: Point) -> Strand:
    """A rod through these points, with the half width along `side` and the half thickness at each."""

    def vector(p: Point) -> Vector:
        x, y, z = (float(v) for v in p)
        return x, y, z

    return Strand(
        path=tuple(vector(p) for p in path), sections=tuple((float(a), float(b), 0.0) for a, b in sections),
        side=vector(side),
    )  # fmt: skip


def elbow_of(shoulder: Point, wrist: Point, upper: float, lower: float, bend: Point) -> Point:
    """Where two links meet whose ends are told, towards `bend`."""
    line = wrist - shoulder
    far = float(np.linalg.norm(line))
    line = line / far
    along = (far**2 + upper**2 - lower**2) / (2 * far)
    away = np.sqrt(max(upper**2 - along**2, 0.0))
    bend = bend - (bend @ line) * line
    return shoulder + along * line + away * bend / max(float(np.linalg.norm(bend)), 1e-6)


def hand_of(wrist: Point, grip: Grip, size: float) -> list[Strand]:
    """A palm, four fingers and a thumb, closed round a rod or stretched out."""
    out = wrist - grip.middle
    out = out / np.linalg.norm(out)
    axis = grip.axis - (grip.axis @ out) * out
    axis = axis / np.linalg.norm(axis) if np.linalg.norm(axis) > 1e-6 else np.cross(out, UP)
    if grip.radius is None:
        return _open_hand(wrist, out, axis, size)
    return _closed_hand(wrist, grip.middle, grip.radius, out, axis, size)


def _open_hand(wrist: Point, out: Point, axis: Point, size: float) -> list[Strand]:
    """`out` points from the finger tips to the wrist, `axis` across the palm to the thumb."""
    thick, over = 0.008 * size, np.cross(axis, out)
    knuckles = wrist - 0.085 * size * out
    rods = [rod([wrist, knuckles], [(0.027 * size, 0.014 * size), (0.036 * size, 0.011 * size)], axis)]
    for k, length in zip((-1.5, -0.5, 0.5, 1.5), (0.055, 0.07, 0.075, 0.065), strict=True):
        root = knuckles + 0.018 * size * k * axis
        tip = root - length * size * out - 0.02 * size * over
        rods.append(rod([root, tip], [(thick, thick), (0.8 * thick, 0.8 * thick)], axis))
    root = wrist - 0.03 * size * out + 0.025 * size * axis
    tip = root - 0.05 * size * out + 0.035 * size * axis
    rods.append(rod([root, tip], [(1.2 * thick,) * 2, (thick,) * 2], over))
    return rods


def _closed_hand(wrist: Point, middle: Point, radius: float, out: Point, axis: Point, size: float) -> list[Strand]:
    """Fingers go one way round the rod about `axis`, the thumb the other; `out` points from the rod to the wrist."""
    thick, over = 0.008 * size, np.cross(axis, out)
    ring = radius + thick
    palm = middle + (radius + 0.037 * size) * out  # a rod's round end is as long as it is wide
    rods = [rod([wrist, palm], [(0.027 * size, 0.016 * size), (0.036 * size, 0.014 * size)], axis)]
    turns = ((0.1, 2.3), (0.1, 2.4), (0.1, 2.4), (0.1, 2.2), (-0.1, -1.7))
    for k, (first, last) in zip((-1.5, -0.5, 0.5, 1.5, 1.0), turns, strict=True):
        centre = middle + 0.018 * size * k * axis
        path = [centre + ring * (np.cos(a) * out + np.sin(a) * over) for a in np.linspace(first, last, 6)]
        rods.append(rod(path, [(thick, thick)] * 6, axis))
    return rods
