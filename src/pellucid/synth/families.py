"""Families of shapes and their ranges: those that train, and those kept for the test set alone. Metres."""

from collections.abc import Callable

import numpy as np

from pellucid.synth.spec import Geometry, Lathe, Split, Strand, Strands, Superquadric, Torus

Draw = Callable[[np.random.Generator], Geometry]


def sample_shape(rng: np.random.Generator, split: Split, thin: bool = False) -> tuple[str, Geometry]:
    """A family's name and one of its shapes; `thin` asks for walls of about a millimetre where there are walls."""
    families = FAMILIES[split]
    names = sorted(families)
    weights = np.array([WEIGHTS.get(name, 1.0) for name in names])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    shape = families[name](rng)
    if thin and isinstance(shape, Lathe) and not shape.solid:
        shape = _thinned(shape)
    return name, shape


def _thinned(shape: Lathe) -> Lathe:
    from dataclasses import replace

    wall = min(shape.wall, 0.0011)
    return replace(shape, wall=wall, floor=min(shape.floor, max(shape.floor - shape.wall, 0) + 2 * wall))


def _u(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _points(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((float(r), float(z)) for r, z in points)


def _floor(rng: np.random.Generator, wall: float) -> float:
    """Thickness of the bottom: glass feet are thicker than walls."""
    return max(wall * _u(rng, 1.2, 3.5), 0.003)


def handle(radius: float, height: float, reach: float, thick: float, low: float = 0.2, high: float = 0.85) -> Strand:
    """A mug's handle: from the wall at one height out and back to the wall at another."""
    middle, half = (low + high) / 2 * height, (high - low) / 2 * height
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = tuple((float(radius - thick / 2 + reach * np.cos(a)), 0.0, float(middle + half * np.sin(a))) for a in angles)
    return Strand(path=path, sections=((thick * 1.5, thick, 0.0),) * len(path), side=(0.0, 1.0, 0.0))


def _bottle(rng: np.random.Generator) -> Lathe:
    R, H, n, shoulder = _u(rng, 0.025, 0.045), _u(rng, 0.16, 0.30), _u(rng, 0.010, 0.016), _u(rng, 0.5, 0.72)
    wall = _u(rng, 0.0016, 0.004)
    profile = _points(
        (R * 0.92, 0),
        (R, 0.004),
        (R, H * shoulder),
        (R * _u(rng, 0.75, 0.95), H * (shoulder + 0.08)),
        (n * 1.1, H * (shoulder + 0.2)),
        (n, H * 0.92),
        (n * 1.2, H * 0.955),
        (n * 1.2, H),
    )
    square = float(rng.choice([2, 2, 2, 4, 6]))
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall), squareness=square)


def _jar(rng: np.random.Generator) -> Lathe:
    R, H = _u(rng, 0.03, 0.055), _u(rng, 0.07, 0.15)
    neck, wall = R * _u(rng, 0.7, 0.95), _u(rng, 0.002, 0.004)
    profile = _points((R * 0.9, 0), (R, 0.005), (R, H * 0.75), (neck, H * 0.86), (neck * 1.04, H * 0.9), (neck, H))
    return Lathe(
        profile=profile, wall=wall, floor=_floor(rng, wall), squareness=float(rng.choice([2, 2, 4, 6])), fillet=0.01
    )


def _vase(rng: np.random.Generator) -> Lathe:
    H, foot, belly = _u(rng, 0.14, 0.28), _u(rng, 0.02, 0.035), _u(rng, 0.035, 0.065)
    neck, mouth, wall = _u(rng, 0.014, 0.035), _u(rng, 0.02, 0.055), _u(rng, 0.002, 0.0045)
    profile = _points(
        (foot, 0), (foot * 1.05, 0.006), (belly, H * _u(rng, 0.25, 0.5)), (neck, H * _u(rng, 0.7, 0.85)), (mouth, H)
    )
    lobes = int(rng.integers(5, 16)) if rng.random() < 0.6 else 0
    depth, twist = (_u(rng, 0.02, 0.06), _u(rng, -3, 3)) if lobes else (0.0, 0.0)
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall), lobes=lobes, lobe_depth=depth, twist=twist)


def _goblet(rng: np.random.Generator) -> Lathe:
    base, H, R, stem = _u(rng, 0.028, 0.04), _u(rng, 0.14, 0.23), _u(rng, 0.03, 0.048), _u(rng, 0.003, 0.005)
    bowl = H * _u(rng, 0.4, 0.52)
    above = H - bowl
    profile = _points(
        (base, 0),
        (base, 0.002),
        (base * 0.5, 0.006),
        (stem, 0.014),
        (stem, bowl * 0.9),
        (stem * 1.4, bowl),
        (R * 0.75, bowl + above * 0.25),
        (R, bowl + above * 0.5),
        (R * _u(rng, 0.7, 1.0), H),
    )
    return Lathe(profile=profile, wall=_u(rng, 0.0012, 0.0022), floor=bowl + 0.006)


def _tumbler(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.028, 0.045), _u(rng, 0.08, 0.16), _u(rng, 0.0016, 0.004)
    lobes = int(rng.integers(6, 18)) if rng.random() < 0.4 else 0
    depth, twist = (_u(rng, 0.01, 0.03), _u(rng, -1, 1)) if lobes else (0.0, 0.0)
    profile = _points((R * _u(rng, 0.72, 1), 0), (R, H))
    return Lathe(
        profile=profile,
        wall=wall,
        floor=max(wall * _u(rng, 1.5, 5), 0.004),
        fillet=0.005,
        lobes=lobes,
        lobe_depth=depth,
        twist=twist,
    )


def _bowl(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.05, 0.095), _u(rng, 0.04, 0.08), _u(rng, 0.002, 0.0045)
    foot = R * _u(rng, 0.3, 0.5)
    profile = _points((foot, 0), (foot, 0.004), (R * 0.8, H * 0.45), (R, H))
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall) + 0.002)


def _plate(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.06, 0.11), _u(rng, 0.014, 0.026), _u(rng, 0.0025, 0.0045)
    profile = _points((R * 0.55, 0), (R * 0.6, 0.003), (R * 0.8, H * 0.5), (R, H))
    return Lathe(profile=profile, wall=wall, floor=wall + 0.001)


def _flask(rng: np.random.Generator) -> Lathe:
    R, H, n, wall = _u(rng, 0.035, 0.055), _u(rng, 0.11, 0.19), _u(rng, 0.010, 0.015), _u(rng, 0.0014, 0.0024)
    profile = _points((R * 0.9, 0), (R, 0.008), (n, H * 0.62), (n, H * 0.96), (n * 1.25, H))
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall), fillet=0.012)


def _beaker(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.025, 0.045), _u(rng, 0.06, 0.12), _u(rng, 0.0012, 0.002)
    profile = _points((R * 0.95, 0), (R, 0.005), (R, H * 0.93), (R * 1.07, H))
    return Lathe(profile=profile, wall=wall, floor=wall * 1.6, fillet=0.006)


def _mug(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.035, 0.045), _u(rng, 0.08, 0.11), _u(rng, 0.003, 0.005)
    grip = handle(R, H, _u(rng, 0.022, 0.032), _u(rng, 0.0035, 0.005), _u(rng, 0.15, 0.3), _u(rng, 0.75, 0.88))
    profile = _points((R * 0.95, 0), (R, 0.006), (R * _u(rng, 0.95, 1.08), H))
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall), fillet=0.006, handles=(grip,))


def _test_tube(rng: np.random.Generator) -> Lathe:
    R, H, wall = _u(rng, 0.008, 0.016), _u(rng, 0.10, 0.18), _u(rng, 0.001, 0.0018)
    profile = _points((0, 0), (R * 0.6, R * 0.15), (R, R), (R, H * 0.97), (R * 1.15, H))
    return Lathe(profile=profile, wall=wall, floor=wall * 1.4)


def _box(rng: np.random.Generator) -> Lathe:
    R, H = _u(rng, 0.03, 0.055), _u(rng, 0.03, 0.09)
    solid, wall = bool(rng.random() < 0.35), _u(rng, 0.002, 0.004)
    return Lathe(
        profile=_points((R, 0), (R, H)),
        wall=wall,
        floor=wall * 1.3,
        fillet=0.003,
        solid=solid,
        squareness=_u(rng, 8, 20),
        aspect=_u(rng, 0.5, 1),
    )


def _lens(rng: np.random.Generator) -> Lathe:
    """A biconvex or plano-convex lens; as thick as a magnifier's."""
    R, sag, edge = _u(rng, 0.018, 0.042), _u(rng, 0.004, 0.011), _u(rng, 0.0015, 0.004)
    below = 0.0 if rng.random() < 0.4 else sag
    r = np.linspace(0, R, 8)
    foot = [(a, below * (a / R) ** 2) for a in (r if below else r[[0, -1]])]
    face = [(a, below + edge + sag * (1 - (a / R) ** 2)) for a in r[::-1]]
    return Lathe(profile=_points(*foot, *face), wall=0.001, floor=0.001, fillet=0.001, solid=True)


def _lid(rng: np.random.Generator) -> Lathe:
    """A jar's lid, lying open side up."""
    R, H, wall = _u(rng, 0.028, 0.05), _u(rng, 0.010, 0.02), _u(rng, 0.0012, 0.0025)
    lobes = int(rng.integers(24, 40)) if rng.random() < 0.5 else 0
    return Lathe(
        profile=_points((R * 0.97, 0), (R, 0.002), (R, H)),
        wall=wall,
        floor=wall * 1.2,
        fillet=0.002,
        lobes=lobes,
        lobe_depth=0.012 if lobes else 0.0,
    )


def _torus(rng: np.random.Generator) -> Torus:
    return Torus(radius=_u(rng, 0.02, 0.045), tube=_u(rng, 0.006, 0.014))


def _block(rng: np.random.Generator) -> Superquadric:
    exponents = (float(rng.choice([0.2, 0.5, 1, 1.5])), float(rng.choice([0.2, 0.5, 1, 1.5])))
    return Superquadric(
        half_axes=(_u(rng, 0.02, 0.04), _u(rng, 0.02, 0.04), _u(rng, 0.015, 0.045)), exponents=exponents
    )


def _rod(rng: np.random.Generator) -> Strands:
    length, r = _u(rng, 0.10, 0.2), _u(rng, 0.003, 0.006)
    path = tuple((x, 0.0, 0.0) for x in np.linspace(-length / 2, length / 2, 4).tolist())
    return Strands(strands=(Strand(path=path, sections=((r, r, 0.0),) * 4, side=(0.0, 1.0, 0.0)),))


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


def _spoon(rng: np.random.Generator) -> Strands:
    length, half, thick = _u(rng, 0.13, 0.2), _u(rng, 0.004, 0.006), _u(rng, 0.0011, 0.0016)
    wide = length * _u(rng, 0.09, 0.12)
    bowl = [
        (0.24 * length, 0.006, wide * 0.7, thick, wide * 0.3),
        (0.34 * length, 0.002, wide, thick, wide * 0.45),
        (0.43 * length, 0.003, wide * 0.8, thick, wide * 0.35),
    ]
    return Strands(strands=(_strand([*_grip(length, half, thick), *bowl]),))


def _knife(rng: np.random.Generator) -> Strands:
    length, half, thick = _u(rng, 0.16, 0.22), _u(rng, 0.005, 0.007), _u(rng, 0.0014, 0.002)
    rows = [
        (-0.5 * length, 0.0, half, thick * 2, 0.0),
        (-0.1 * length, 0.0, half, thick * 2, 0.0),
        (0.0, 0.0, half * 0.8, thick, 0.0),
        (0.15 * length, 0.0, half * 1.4, thick * 0.6, 0.0),
        (0.4 * length, 0.0, half * 1.4, thick * 0.5, 0.0),
        (0.5 * length, 0.0, half * 0.4, thick * 0.4, 0.0),
    ]
    return Strands(strands=(_strand(rows),))


def _fork(rng: np.random.Generator) -> Strands:
    length, half, thick = _u(rng, 0.14, 0.2), _u(rng, 0.004, 0.006), _u(rng, 0.0011, 0.0016)
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


def _carafe(rng: np.random.Generator) -> Lathe:
    """Test only: a wide flat belly, a long waist and a flared mouth."""
    R, H, n, wall = _u(rng, 0.05, 0.07), _u(rng, 0.17, 0.25), _u(rng, 0.014, 0.019), _u(rng, 0.0018, 0.003)
    profile = _points(
        (R * 0.7, 0), (R, H * 0.1), (R * 0.95, H * 0.25), (n, H * 0.6), (n, H * 0.8), (n * _u(rng, 1.7, 2.3), H)
    )
    return Lathe(profile=profile, wall=wall, floor=wall * 2)


def _martini(rng: np.random.Generator) -> Lathe:
    """Test only: a straight cone on a stem."""
    base, H, R, stem = _u(rng, 0.03, 0.038), _u(rng, 0.13, 0.18), _u(rng, 0.045, 0.058), _u(rng, 0.003, 0.0045)
    cone = H * _u(rng, 0.5, 0.58)
    profile = _points(
        (base, 0), (base, 0.002), (base * 0.4, 0.006), (stem, 0.012), (stem, cone), (stem * 1.3, cone + 0.003), (R, H)
    )
    return Lathe(profile=profile, wall=_u(rng, 0.0012, 0.002), floor=cone + 0.012, fillet=0.004)


def _pitcher(rng: np.random.Generator) -> Lathe:
    """Test only: a jug with a waist and a large handle."""
    R, H, wall = _u(rng, 0.042, 0.055), _u(rng, 0.13, 0.19), _u(rng, 0.002, 0.0035)
    profile = _points((R * 0.8, 0), (R * 0.85, 0.006), (R, H * 0.35), (R * 0.7, H * 0.75), (R * 0.85, H))
    grip = handle(R * 0.86, H, _u(rng, 0.035, 0.045), 0.0045, 0.35, 0.9)
    return Lathe(profile=profile, wall=wall, floor=_floor(rng, wall), handles=(grip,))


def _cloche(rng: np.random.Generator) -> Lathe:
    """Test only: a hanging-bell bowl on a ball foot, as high as wide."""
    R, H, wall = _u(rng, 0.04, 0.06), _u(rng, 0.08, 0.12), _u(rng, 0.0018, 0.003)
    knob = _u(rng, 0.009, 0.013)
    profile = _points(
        (knob * 0.8, 0),
        (knob, knob * 0.6),
        (knob * 0.6, knob * 1.5),
        (R * 0.8, knob * 1.5 + 0.2 * H),
        (R, H * 0.6),
        (R, H),
    )
    return Lathe(profile=profile, wall=wall, floor=knob * 1.5 + 0.15 * H)


def _prism(rng: np.random.Generator) -> Lathe:
    """Test only: a solid cut block of three to six sides, narrower above."""
    R, H, sides = _u(rng, 0.022, 0.038), _u(rng, 0.04, 0.09), int(rng.integers(3, 7))
    return Lathe(
        profile=_points((R, 0), (R * _u(rng, 0.5, 0.9), H)),
        wall=0.001,
        floor=0.001,
        fillet=0.002,
        solid=True,
        lobes=sides,
        lobe_depth=0.35 / sides,
    )


def _spool(rng: np.random.Generator) -> Lathe:
    """Test only: a solid candlestick."""
    R, H = _u(rng, 0.025, 0.04), _u(rng, 0.06, 0.16)
    thin = R * _u(rng, 0.3, 0.5)
    profile = _points(
        (R, 0), (R, 0.006), (thin, H * 0.2), (thin * 1.5, H * 0.5), (thin, H * 0.8), (R * 0.8, H * 0.95), (R * 0.8, H)
    )
    return Lathe(profile=profile, wall=0.001, floor=0.001, solid=True)


def _tongs(rng: np.random.Generator) -> Strands:
    """Test only: a bent strip."""
    length, gap, half = _u(rng, 0.11, 0.16), _u(rng, 0.012, 0.02), _u(rng, 0.005, 0.008)
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


FAMILIES: dict[Split, dict[str, Draw]] = {
    "train": {
        "bottle": _bottle,
        "jar": _jar,
        "vase": _vase,
        "goblet": _goblet,
        "tumbler": _tumbler,
        "bowl": _bowl,
        "plate": _plate,
        "flask": _flask,
        "beaker": _beaker,
        "mug": _mug,
        "test tube": _test_tube,
        "box": _box,
        "lens": _lens,
        "lid": _lid,
        "torus": _torus,
        "block": _block,
        "rod": _rod,
        "spoon": _spoon,
        "knife": _knife,
        "fork": _fork,
    },
    "test": {
        "carafe": _carafe,
        "martini": _martini,
        "pitcher": _pitcher,
        "cloche": _cloche,
        "prism": _prism,
        "spool": _spool,
        "tongs": _tongs,
    },
}
WEIGHTS = {"tumbler": 1.6, "bottle": 1.6, "goblet": 1.4, "lid": 0.6, "rod": 0.4, "torus": 0.6, "tongs": 0.5}
VESSELS = frozenset(
    {"bottle", "jar", "vase", "goblet", "tumbler", "bowl", "flask", "beaker", "mug", "test tube", "carafe", "martini"}
    | {"pitcher", "cloche"}
)
CUTLERY = frozenset({"spoon", "knife", "fork", "tongs"})
