"""What families of shapes are drawn with. Metres."""

import numpy as np

from pellucid.synth.geometry import Strand


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two bounds."""
    return float(rng.uniform(low, high))


def points(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """A profile of radii and heights, all floats."""
    return tuple((float(r), float(z)) for r, z in points)


def floor_of(rng: np.random.Generator, wall: float) -> float:
    """Thickness of the bottom: glass feet are thicker than walls."""
    return max(wall * uniform(rng, 1.2, 3.5), 0.003)


def stemmed(base: float, stem: float, *, dome: float, low: float, high: float) -> tuple[tuple[float, float], ...]:
    """The profile of a glass's foot, a disc that rises to `dome` of its radius, and of its stem between two heights."""
    return points((base, 0), (base, 0.002), (base * dome, 0.006), (stem, low), (stem, high))


def handle(radius: float, height: float, reach: float, thick: float, low: float = 0.2, high: float = 0.85) -> Strand:
    """A mug's handle: from the wall at one height out and back to the wall at another."""
    middle, half = (low + high) / 2 * height, (high - low) / 2 * height
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = tuple((float(radius - thick / 2 + reach * np.cos(a)), 0.0, float(middle + half * np.sin(a))) for a in angles)
    return Strand(path=path, sections=((thick * 1.5, thick, 0.0),) * len(path), side=(0.0, 1.0, 0.0))
