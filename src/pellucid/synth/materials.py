"""Materials and their ranges; some hues, metals and refractive indices are kept for the test set alone."""

import colorsys

import numpy as np

from pellucid.synth.spec import Color, Material, Split

OBJECT_KINDS = {"glass": 0.48, "clear plastic": 0.07, "plastic": 0.08, "metal": 0.17, "ceramic": 0.12, "diffuse": 0.08}
# Linear reflectance at normal incidence.
METALS: dict[Split, dict[str, Color]] = {
    "train": {
        "steel": (0.56, 0.57, 0.58),
        "chrome": (0.55, 0.56, 0.56),
        "aluminium": (0.91, 0.92, 0.92),
        "silver": (0.97, 0.96, 0.92),
        "gold": (1.0, 0.77, 0.34),
    },
    "test": {"copper": (0.96, 0.64, 0.54), "brass": (0.91, 0.78, 0.42)},
}
REFRACTION: dict[Split, tuple[float, float]] = {"train": (1.45, 1.54), "test": (1.56, 1.66)}
# Hues of tinted glass, turns of the colour circle.
HUES: dict[Split, tuple[tuple[float, float], ...]] = {
    "train": ((0.0, 0.40), (0.52, 0.72)),
    "test": ((0.42, 0.50), (0.75, 0.92)),
}
NATURAL: tuple[Color, ...] = (
    (0.36, 0.20, 0.10),
    (0.52, 0.33, 0.18),
    (0.20, 0.11, 0.06),
    (0.62, 0.48, 0.33),
    (0.75, 0.70, 0.62),
    (0.82, 0.80, 0.77),
    (0.30, 0.30, 0.31),
    (0.06, 0.06, 0.07),
    (0.55, 0.53, 0.50),
    (0.42, 0.40, 0.36),
    (0.25, 0.30, 0.36),
    (0.33, 0.38, 0.30),
    (0.48, 0.20, 0.16),
    (0.85, 0.83, 0.80),
    (0.14, 0.20, 0.30),
    (0.66, 0.60, 0.45),
)
WOODS: tuple[Color, ...] = (
    (0.30, 0.16, 0.08),
    (0.45, 0.27, 0.13),
    (0.12, 0.06, 0.03),
    (0.58, 0.42, 0.25),
    (0.70, 0.55, 0.38),
)
TABLE_PATTERNS = ("wood", "wood", "planks", "marble", "tiles", "cloth", "checker", "speckle", "concrete", "plain")
WHITE = (1.0, 1.0, 1.0)


def sample_material(rng: np.random.Generator, split: Split, kind: str) -> Material:
    """One material of a kind in MATERIAL_IDS that things on a table are made of."""
    draw = {
        "glass": _glass,
        "clear plastic": _clear_plastic,
        "plastic": _plastic,
        "metal": _metal,
        "ceramic": _ceramic,
        "diffuse": _diffuse,
    }
    return draw[kind](rng, split)


def sample_liquid(rng: np.random.Generator) -> Material:
    """Water, mostly; sometimes wine, tea, juice or a solution."""
    color, density = WHITE, 0.0
    if rng.random() < 0.55:
        color = _hsv(rng, (0.6, 1.0), (0.8, 1.0))
        density = float(rng.uniform(15, 90))
    return Material(
        kind="liquid",
        finish="water" if density == 0 else "coloured",
        color=color,
        color2=color,
        ior=1.333,
        roughness=0.0,
        density=density,
    )


def sample_surface(rng: np.random.Generator, patterns: tuple[str, ...] = TABLE_PATTERNS) -> Material:
    """What tables, floors and walls are made of."""
    pattern = patterns[rng.integers(len(patterns))]
    color, color2 = natural(rng)
    if pattern in ("wood", "planks"):
        base = np.array(WOODS[rng.integers(len(WOODS))]) * rng.uniform(0.8, 1.2)
        color, color2 = _color(base), _color(base * rng.uniform(0.35, 0.7))
    elif pattern == "marble" and rng.random() < 0.6:
        pale = rng.uniform(0.6, 0.85)
        color, color2 = (pale, pale * 0.99, pale * 0.96), _color(np.full(3, rng.uniform(0.08, 0.35)))
    rough = {"marble": (0.05, 0.3), "tiles": (0.08, 0.4), "speckle": (0.1, 0.5), "cloth": (0.85, 1.0)}
    low, high = rough.get(pattern, (0.2, 0.8))
    bump = {"wood": 1.5e-4, "planks": 4e-4, "tiles": 8e-4, "cloth": 6e-4, "concrete": 5e-4}
    return Material(
        kind="surface",
        finish=pattern,
        color=color,
        color2=color2,
        pattern=pattern,
        pattern_scale=float(rng.uniform(0.6, 2.2)),
        roughness=float(rng.uniform(low, high)),
        bump=bump.get(pattern, 0.0),
    )


def natural(rng: np.random.Generator) -> tuple[Color, Color]:
    """Two related colours as tables, floors and pots have them."""
    if rng.random() < 0.75:
        first = np.array(NATURAL[rng.integers(len(NATURAL))]) * rng.uniform(0.8, 1.15)
    else:
        first = np.array(_hsv(rng, (0.2, 0.75), (0.15, 0.8)))
    related = first * rng.uniform(0.45, 0.85)
    second = related if rng.random() < 0.7 else np.array(NATURAL[rng.integers(len(NATURAL))])
    return _color(first), _color(second)


def vivid(rng: np.random.Generator) -> Color:
    """A strong colour, as packaging has."""
    return _hsv(rng, (0.6, 0.95), (0.2, 0.8))


def mirror_material() -> Material:
    return Material(kind="mirror", finish="mirror", color=(0.93, 0.94, 0.93), color2=WHITE, roughness=0.0)


def _color(values: np.ndarray) -> Color:
    r, g, b = (float(v) for v in np.clip(values, 0.01, 0.95))
    return r, g, b


def _hsv(rng: np.random.Generator, s: tuple[float, float], v: tuple[float, float], hue: float | None = None) -> Color:
    h = rng.random() if hue is None else hue
    r, g, b = colorsys.hsv_to_rgb(h, rng.uniform(*s), rng.uniform(*v))
    return float(r), float(g), float(b)


def tint(rng: np.random.Generator, split: Split) -> Color:
    """A colour of glass or clear plastic."""
    low, high = HUES[split][rng.integers(len(HUES[split]))]
    return _hsv(rng, (0.4, 0.95), (0.75, 1.0), hue=float(rng.uniform(low, high)))


def _glass(rng: np.random.Generator, split: Split) -> Material:
    finish = str(rng.choice(["clear", "tinted", "frosted", "thin"], p=[0.5, 0.22, 0.13, 0.15]))
    ior = float(rng.uniform(*REFRACTION[split]))
    color = tint(rng, split) if finish == "tinted" or (finish == "frosted" and rng.random() < 0.3) else WHITE
    # Window glass is faintly green in thick pieces; so are bottles.
    density = float(rng.uniform(60, 320)) if color != WHITE else float(rng.uniform(0, 2.5))
    return Material(
        kind="glass",
        finish=finish,
        color=color if color != WHITE else (0.72, 0.93, 0.85),
        color2=WHITE,
        roughness=float(rng.uniform(0.08, 0.32)) if finish == "frosted" else 0.0,
        ior=ior,
        density=density,
        bump=float(rng.uniform(2e-4, 6e-4)) if finish == "clear" and rng.random() < 0.12 else 0.0,
        pattern_scale=float(rng.uniform(0.6, 1.6)),
    )


def _clear_plastic(rng: np.random.Generator, split: Split) -> Material:
    coloured = rng.random() < 0.5
    return Material(
        kind="clear plastic",
        finish="coloured" if coloured else "clear",
        color=tint(rng, split) if coloured else WHITE,
        color2=WHITE,
        roughness=float(rng.uniform(0.0, 0.12)),
        ior=float(rng.uniform(1.46, 1.55)) if split == "train" else float(rng.uniform(1.57, 1.6)),
        density=float(rng.uniform(60, 260)) if coloured else 0.0,
    )


def _plastic(rng: np.random.Generator, split: Split) -> Material:
    color = _hsv(rng, (0.2, 0.9), (0.1, 0.9))
    rough = (0.1, 0.35) if split == "train" else (0.37, 0.55)
    return Material(kind="plastic", finish="coloured", color=color, color2=color, roughness=float(rng.uniform(*rough)))


def _metal(rng: np.random.Generator, split: Split) -> Material:
    names = sorted(METALS[split])
    name = names[rng.integers(len(names))]
    brushed = name not in ("chrome", "gold") and rng.random() < 0.4
    rough = (0.18, 0.4) if brushed else (0.0, 0.03) if name == "chrome" else (0.02, 0.14)
    color = METALS[split][name]
    return Material(
        kind="metal",
        finish=f"{'brushed' if brushed else 'polished'} {name}",
        color=color,
        color2=color,
        pattern="brushed" if brushed else "plain",
        roughness=float(rng.uniform(*rough)),
        anisotropy=float(rng.uniform(0.4, 0.8)) if brushed else 0.0,
        pattern_scale=float(rng.uniform(0.7, 1.5)),
    )


def _ceramic(rng: np.random.Generator, split: Split) -> Material:
    color, color2 = natural(rng) if rng.random() < 0.5 else (_hsv(rng, (0, 0.7), (0.3, 0.95)), (0.85, 0.83, 0.8))
    patterns = ["plain", "plain", "speckle", "dipped"] if split == "train" else ["bands"]
    return Material(
        kind="ceramic",
        finish="glazed",
        color=color,
        color2=color2,
        pattern=str(rng.choice(patterns)),
        pattern_scale=float(rng.uniform(0.7, 1.6)),
        roughness=float(rng.uniform(0.02, 0.12)),
    )


def _diffuse(rng: np.random.Generator, split: Split) -> Material:
    color, color2 = natural(rng)
    patterns = ["plain", "speckle", "wood", "concrete"] if split == "train" else ["bands", "checker"]
    pattern = str(rng.choice(patterns))
    if pattern == "wood":
        base = np.array(WOODS[rng.integers(len(WOODS))])
        color, color2 = _color(base), _color(base * 0.6)
    return Material(
        kind="diffuse",
        finish=pattern,
        color=color,
        color2=color2,
        pattern=pattern,
        pattern_scale=float(rng.uniform(1.5, 4)),
        roughness=float(rng.uniform(0.4, 1.0)),
    )
