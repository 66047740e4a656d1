"""Families that never train: their shapes are for the test set alone. Metres."""

import numpy as np

from pellucid.synth.geometry import Lathe, Strand, Strands
from pellucid.synth.profiles import floor_of, handle, points, stemmed, uniform


def carafe(rng: np.random.Generator) -> Lathe:
    """A wide flat belly, a long waist and a flared mouth."""
    R, H, n, wall = (
        uniform(rng, 0.05, 0.07),
        uniform(rng, 0.17, 0.25),
        uniform(rng, 0.014, 0.019),
        uniform(rng, 0.0018, 0.003),
    )
    profile = points(
        (R * 0.7, 0), (R, H * 0.1), (R * 0.95, H * 0.25), (n, H * 0.6), (n, H * 0.8), (n * uniform(rng, 1.7, 2.3), H)
    )
    return Lathe(profile=profile, wall=wall, floor=wall * 2)


def martini(rng: np.random.Generator) -> Lathe:
    """A straight cone on a stem."""
    base, H, R, stem = (
        uniform(rng, 0.03, 0.038),
        uniform(rng, 0.13, 0.18),
        uniform(rng, 0.045, 0.058),
        uniform(rng, 0.003, 0.0045),
    )
    cone = H * uniform(rng, 0.5, 0.58)
    foot = stemmed(base, stem, dome=0.4, low=0.012, high=cone)
    profile = points(*foot, (stem * 1.3, cone + 0.003), (R, H))
    return Lathe(profile=profile, wall=uniform(rng, 0.0012, 0.002), floor=cone + 0.012, fillet=0.004)


def pitcher(rng: np.random.Generator) -> Lathe:
    """A jug with a waist and a large handle."""
    R, H, wall = uniform(rng, 0.042, 0.055), uniform(rng, 0.13, 0.19), uniform(rng, 0.002, 0.0035)
    profile = points((R * 0.8, 0), (R * 0.85, 0.006), (R, H * 0.35), (R * 0.7, H * 0.75), (R * 0.85, H))
    grip = handle(R * 0.86, H, uniform(rng, 0.035, 0.045), 0.0045, 0.35, 0.9)
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall), handles=(grip,))


def cloche(rng: np.random.Generator) -> Lathe:
    """A hanging-bell bowl on a ball foot, as high as wide."""
    R, H, wall = uniform(rng, 0.04, 0.06), uniform(rng, 0.08, 0.12), uniform(rng, 0.0018, 0.003)
    knob = uniform(rng, 0.009, 0.013)
    profile = points(
        (knob * 0.8, 0),
        (knob, knob * 0.6),
        (knob * 0.6, knob * 1.5),
        (R * 0.8, knob * 1.5 + 0.2 * H),
        (R, H * 0.6),
        (R, H),
    )
    return Lathe(profile=profile, wall=wall, floor=knob * 1.5 + 0.15 * H)


def prism(rng: np.random.Generator) -> Lathe:
    """A solid cut block of three to six sides, narrower above."""
    R, H, sides = uniform(rng, 0.022, 0.038), uniform(rng, 0.04, 0.09), int(rng.integers(3, 7))
    return Lathe(
        profile=points((R, 0), (R * uniform(rng, 0.5, 0.9), H)),
        wall=0.001,
        floor=0.001,
        fillet=0.002,
        solid=True,
        lobes=sides,
        lobe_depth=0.35 / sides,
    )


def spool(rng: np.random.Generator) -> Lathe:
    """A solid candlestick."""
    R, H = uniform(rng, 0.025, 0.04), uniform(rng, 0.06, 0.16)
    thin = R * uniform(rng, 0.3, 0.5)
    profile = points(
        (R, 0), (R, 0.006), (thin, H * 0.2), (thin * 1.5, H * 0.5), (thin, H * 0.8), (R * 0.8, H * 0.95), (R * 0.8, H)
    )
    return Lathe(profile=profile, wall=0.001, floor=0.001, solid=True)


def tongs(rng: np.random.Generator) -> Strands:
    """A bent strip."""
    length, gap, half = uniform(rng, 0.11, 0.16), uniform(rng, 0.012, 0.02), uniform(rng, 0.005, 0.008)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 5)
    bend = [(-length / 2 - gap * np.cos(a), gap * np.sin(a)) for a in angles]
    path = [(length / 2, -gap * 1.2), (0.0, -gap * 1.6), *bend, (0.0, gap * 1.6), (length / 2, gap * 1.2)]
    return Strands(
        strands=(
            Strand(
                path=tuple((float(x), float(y), 0.0) for x, y in path),
                sections=((half, 0.0012, 0.0),) * len(path),
                side=(0.0, 0.0, 1.0),
            ),
        )
    )
