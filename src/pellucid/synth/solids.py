"""Families of boxes, lids, lenses, rings and blocks. Metres."""

import numpy as np

from pellucid.synth.geometry import Lathe, Superquadric, Torus
from pellucid.synth.profiles import points, uniform


def box(rng: np.random.Generator) -> Lathe:
    """A box with round edges, open above or solid."""
    R, H = uniform(rng, 0.03, 0.055), uniform(rng, 0.03, 0.09)
    solid, wall = bool(rng.random() < 0.35), uniform(rng, 0.002, 0.004)
    return Lathe(
        profile=points((R, 0), (R, H)),
        wall=wall,
        floor=wall * 1.3,
        fillet=0.003,
        solid=solid,
        squareness=uniform(rng, 8, 20),
        aspect=uniform(rng, 0.5, 1),
    )


def lens(rng: np.random.Generator) -> Lathe:
    """A biconvex or plano-convex lens; as thick as a magnifier's."""
    R, sag, edge = uniform(rng, 0.018, 0.042), uniform(rng, 0.004, 0.011), uniform(rng, 0.0015, 0.004)
    below = 0.0 if rng.random() < 0.4 else sag
    r = np.linspace(0, R, 8)
    foot = [(a, below * (a / R) ** 2) for a in (r if below else r[[0, -1]])]
    face = [(a, below + edge + sag * (1 - (a / R) ** 2)) for a in r[::-1]]
    return Lathe(profile=points(*foot, *face), wall=0.001, floor=0.001, fillet=0.001, solid=True)


def lid(rng: np.random.Generator) -> Lathe:
    """A jar's lid, lying open side up."""
    R, H, wall = uniform(rng, 0.028, 0.05), uniform(rng, 0.010, 0.02), uniform(rng, 0.0012, 0.0025)
    lobes = int(rng.integers(24, 40)) if rng.random() < 0.5 else 0
    return Lathe(
        profile=points((R * 0.97, 0), (R, 0.002), (R, H)),
        wall=wall,
        floor=wall * 1.2,
        fillet=0.002,
        lobes=lobes,
        lobe_depth=0.012 if lobes else 0.0,
    )


def torus(rng: np.random.Generator) -> Torus:
    """A ring."""
    return Torus(radius=uniform(rng, 0.02, 0.045), tube=uniform(rng, 0.006, 0.014))


def block(rng: np.random.Generator) -> Superquadric:
    """A superquadric between ball and block."""
    exponents = (float(rng.choice([0.2, 0.5, 1, 1.5])), float(rng.choice([0.2, 0.5, 1, 1.5])))
    return Superquadric(
        half_axes=(uniform(rng, 0.02, 0.04), uniform(rng, 0.02, 0.04), uniform(rng, 0.015, 0.045)), exponents=exponents
    )
