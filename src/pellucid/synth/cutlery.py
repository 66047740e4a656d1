"""Families of cutlery and rods. Metres."""

import numpy as np

from pellucid.synth.geometry import Strand, Strands
from pellucid.synth.profiles import uniform


def rod(rng: np.random.Generator) -> Strands:
    """A straight rod."""
    length, r = uniform(rng, 0.10, 0.2), uniform(rng, 0.003, 0.006)
    path = tuple((x, 0.0, 0.0) for x in np.linspace(-length / 2, length / 2, 4).tolist())
    return Strands(strands=(Strand(path=path, sections=((r, r, 0.0),) * 4, side=(0.0, 1.0, 0.0)),))


def spoon(rng: np.random.Generator) -> Strands:
    """A spoon."""
    length, half, thick = uniform(rng, 0.13, 0.2), uniform(rng, 0.004, 0.006), uniform(rng, 0.0011, 0.0016)
    wide = length * uniform(rng, 0.09, 0.12)
    bowl = [
        (0.24 * length, 0.006, wide * 0.7, thick, wide * 0.3),
        (0.34 * length, 0.002, wide, thick, wide * 0.45),
        (0.43 * length, 0.003, wide * 0.8, thick, wide * 0.35),
    ]
    return Strands(strands=(_strand([*_grip(length, half, thick), *bowl]),))


def knife(rng: np.random.Generator) -> Strands:
    """A table knife."""
    length, half, thick = uniform(rng, 0.16, 0.22), uniform(rng, 0.005, 0.007), uniform(rng, 0.0014, 0.002)
    rows = [
        (-0.5 * length, 0.0, half, thick * 2, 0.0),
        (-0.1 * length, 0.0, half, thick * 2, 0.0),
        (0.0, 0.0, half * 0.8, thick, 0.0),
        (0.15 * length, 0.0, half * 1.4, thick * 0.6, 0.0),
        (0.4 * length, 0.0, half * 1.4, thick * 0.5, 0.0),
        (0.5 * length, 0.0, half * 0.4, thick * 0.4, 0.0),
    ]
    return Strands(strands=(_strand(rows),))


def fork(rng: np.random.Generator) -> Strands:
    """A fork of three or four tines."""
    length, half, thick = uniform(rng, 0.14, 0.2), uniform(rng, 0.004, 0.006), uniform(rng, 0.0011, 0.0016)
    wide, count = length * 0.065, int(rng.integers(3, 5))
    root = [(0.25 * length, 0.006, wide, thick, 0.001), (0.31 * length, 0.004, wide, thick, 0.001)]
    tine = 0.55 * wide / count
    tines = []
    for y in np.linspace(-1, 1, count) * (wide - tine):
        rows = [
            (0.29 * length, 0.005, tine, thick, 0.0),
            (0.38 * length, 0.003, tine, thick, 0.0),
            (0.46 * length, 0.004, tine * 0.9, thick * 0.9, 0.0),
            (0.5 * length, 0.007, tine * 0.5, thick * 0.8, 0.0),
        ]
        tines.append(_strand(rows, float(y)))
    return Strands(strands=(_strand([*_grip(length, half, thick), *root]), *tines))


def _grip(length: float, half: float, thick: float) -> list[tuple[float, float, float, float, float]]:
    """x, z, half width, half thickness, rise of the handle of a piece of cutlery."""
    bend = 0.08 * length
    return [
        (-0.5 * length, 0.003, half * 1.6, thick, 0.0),
        (-0.3 * length, bend * 0.6, half * 1.3, thick, 0.0),
        (0.0, bend, half * 0.8, thick * 1.2, 0.0),
        (0.16 * length, bend * 0.7, half * 0.7, thick * 1.3, 0.0),
    ]


def _strand(rows: list[tuple[float, float, float, float, float]], y: float = 0.0) -> Strand:
    return Strand(
        path=tuple((float(x), float(y), float(z)) for x, z, *_ in rows),
        sections=tuple((float(w), float(t), float(rise)) for *_, w, t, rise in rows),
        side=(0.0, 1.0, 0.0),
    )
