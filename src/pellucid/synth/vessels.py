"""Families of turned things that hold something: bottles, glasses, bowls, laboratory ware. Metres."""

import numpy as np

from pellucid.synth.geometry import Lathe
from pellucid.synth.profiles import floor_of, handle, points, stemmed, uniform


def bottle(rng: np.random.Generator) -> Lathe:
    """A bottle with a shoulder, a neck and a lip, round or squarish."""
    R, H, n, shoulder = (
        uniform(rng, 0.025, 0.045),
        uniform(rng, 0.16, 0.30),
        uniform(rng, 0.010, 0.016),
        uniform(rng, 0.5, 0.72),
    )
    wall = uniform(rng, 0.0016, 0.004)
    profile = points(
        (R * 0.92, 0),
        (R, 0.004),
        (R, H * shoulder),
        (R * uniform(rng, 0.75, 0.95), H * (shoulder + 0.08)),
        (n * 1.1, H * (shoulder + 0.2)),
        (n, H * 0.92),
        (n * 1.2, H * 0.955),
        (n * 1.2, H),
    )
    square = float(rng.choice([2, 2, 2, 4, 6]))
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall), squareness=square)


def jar(rng: np.random.Generator) -> Lathe:
    """A jar with a wide neck, round or squarish."""
    R, H = uniform(rng, 0.03, 0.055), uniform(rng, 0.07, 0.15)
    neck, wall = R * uniform(rng, 0.7, 0.95), uniform(rng, 0.002, 0.004)
    profile = points((R * 0.9, 0), (R, 0.005), (R, H * 0.75), (neck, H * 0.86), (neck * 1.04, H * 0.9), (neck, H))
    return Lathe(
        profile=profile, wall=wall, floor=floor_of(rng, wall), squareness=float(rng.choice([2, 2, 4, 6])), fillet=0.01
    )


def vase(rng: np.random.Generator) -> Lathe:
    """A vase with a belly and a flared mouth, sometimes lobed and twisted."""
    H, foot, belly = uniform(rng, 0.14, 0.28), uniform(rng, 0.02, 0.035), uniform(rng, 0.035, 0.065)
    neck, mouth, wall = uniform(rng, 0.014, 0.035), uniform(rng, 0.02, 0.055), uniform(rng, 0.002, 0.0045)
    profile = points(
        (foot, 0),
        (foot * 1.05, 0.006),
        (belly, H * uniform(rng, 0.25, 0.5)),
        (neck, H * uniform(rng, 0.7, 0.85)),
        (mouth, H),
    )
    lobes = int(rng.integers(5, 16)) if rng.random() < 0.6 else 0
    depth, twist = (uniform(rng, 0.02, 0.06), uniform(rng, -3, 3)) if lobes else (0.0, 0.0)
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall), lobes=lobes, lobe_depth=depth, twist=twist)


def goblet(rng: np.random.Generator) -> Lathe:
    """A wine glass on a stem."""
    base, H, R, stem = (
        uniform(rng, 0.028, 0.04),
        uniform(rng, 0.14, 0.23),
        uniform(rng, 0.03, 0.048),
        uniform(rng, 0.003, 0.005),
    )
    bowl = H * uniform(rng, 0.4, 0.52)
    above = H - bowl
    profile = points(
        *stemmed(base, stem, dome=0.5, low=0.014, high=bowl * 0.9),
        (stem * 1.4, bowl),
        (R * 0.75, bowl + above * 0.25),
        (R, bowl + above * 0.5),
        (R * uniform(rng, 0.7, 1.0), H),
    )
    return Lathe(profile=profile, wall=uniform(rng, 0.0012, 0.0022), floor=bowl + 0.006)


def tumbler(rng: np.random.Generator) -> Lathe:
    """A drinking glass, sometimes fluted."""
    R, H, wall = uniform(rng, 0.028, 0.045), uniform(rng, 0.08, 0.16), uniform(rng, 0.0016, 0.004)
    lobes = int(rng.integers(6, 18)) if rng.random() < 0.4 else 0
    depth, twist = (uniform(rng, 0.01, 0.03), uniform(rng, -1, 1)) if lobes else (0.0, 0.0)
    profile = points((R * uniform(rng, 0.72, 1), 0), (R, H))
    return Lathe(
        profile=profile,
        wall=wall,
        floor=max(wall * uniform(rng, 1.5, 5), 0.004),
        fillet=0.005,
        lobes=lobes,
        lobe_depth=depth,
        twist=twist,
    )


def bowl(rng: np.random.Generator) -> Lathe:
    """A bowl on a foot."""
    R, H, wall = uniform(rng, 0.05, 0.095), uniform(rng, 0.04, 0.08), uniform(rng, 0.002, 0.0045)
    foot = R * uniform(rng, 0.3, 0.5)
    profile = points((foot, 0), (foot, 0.004), (R * 0.8, H * 0.45), (R, H))
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall) + 0.002)


def plate(rng: np.random.Generator) -> Lathe:
    """A plate."""
    R, H, wall = uniform(rng, 0.06, 0.11), uniform(rng, 0.014, 0.026), uniform(rng, 0.0025, 0.0045)
    profile = points((R * 0.55, 0), (R * 0.6, 0.003), (R * 0.8, H * 0.5), (R, H))
    return Lathe(profile=profile, wall=wall, floor=wall + 0.001)


def flask(rng: np.random.Generator) -> Lathe:
    """A conical flask."""
    R, H, n, wall = (
        uniform(rng, 0.035, 0.055),
        uniform(rng, 0.11, 0.19),
        uniform(rng, 0.010, 0.015),
        uniform(rng, 0.0014, 0.0024),
    )
    profile = points((R * 0.9, 0), (R, 0.008), (n, H * 0.62), (n, H * 0.96), (n * 1.25, H))
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall), fillet=0.012)


def beaker(rng: np.random.Generator) -> Lathe:
    """A beaker with a small rim."""
    R, H, wall = uniform(rng, 0.025, 0.045), uniform(rng, 0.06, 0.12), uniform(rng, 0.0012, 0.002)
    profile = points((R * 0.95, 0), (R, 0.005), (R, H * 0.93), (R * 1.07, H))
    return Lathe(profile=profile, wall=wall, floor=wall * 1.6, fillet=0.006)


def mug(rng: np.random.Generator) -> Lathe:
    """A mug with its handle."""
    R, H, wall = uniform(rng, 0.035, 0.045), uniform(rng, 0.08, 0.11), uniform(rng, 0.003, 0.005)
    grip = handle(
        R, H, uniform(rng, 0.022, 0.032), uniform(rng, 0.0035, 0.005), uniform(rng, 0.15, 0.3), uniform(rng, 0.75, 0.88)
    )
    profile = points((R * 0.95, 0), (R, 0.006), (R * uniform(rng, 0.95, 1.08), H))
    return Lathe(profile=profile, wall=wall, floor=floor_of(rng, wall), fillet=0.006, handles=(grip,))


def test_tube(rng: np.random.Generator) -> Lathe:
    """A test tube with a round foot."""
    R, H, wall = uniform(rng, 0.008, 0.016), uniform(rng, 0.10, 0.18), uniform(rng, 0.001, 0.0018)
    profile = points((0, 0), (R * 0.6, R * 0.15), (R, R), (R, H * 0.97), (R * 1.15, H))
    return Lathe(profile=profile, wall=wall, floor=wall * 1.4)
