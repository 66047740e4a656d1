"""Flat things that lie about: pages, books, keyboards, phones. Metres."""

from dataclasses import dataclass, replace

import numpy as np

from pellucid.synth.geometry import Lathe
from pellucid.synth.materials import WHITE, natural, sample_surface
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Material, Part, Pose
from pellucid.synth.surroundings import slab

PAPER = (0.82, 0.81, 0.78)
FLAT = ("sheet", "sheet", "book", "book", "keyboard", "phone", "mat")  # on tables
KEY = 0.019  # metres from one to the next


@dataclass(frozen=True, slots=True)
class Flat:
    """What lies flat on a table, with its keys if it has some."""

    block: Lathe
    material: Material
    parts: tuple[Part, ...] = ()


def flat_thing(rng: np.random.Generator, kinds: tuple[str, ...] = FLAT) -> Flat:
    """One of these kinds, each as likely as it is often named."""
    kind = kinds[rng.integers(len(kinds))]
    half = uniform(rng, 0.06, 0.15)
    block = slab(half, half * uniform(rng, 0.65, 1.0), 0.0006 if kind == "sheet" else uniform(rng, 0.003, 0.03))
    if kind == "keyboard":
        return keyboard(rng)
    if kind == "phone":
        glossy = Material(kind="plastic", finish="glossy", color=(0.01, 0.01, 0.01), color2=WHITE, roughness=0.06)
        return Flat(slab(uniform(rng, 0.06, 0.12), uniform(rng, 0.035, 0.08), 0.008), glossy)
    if kind == "mat":
        return Flat(block, sample_surface(rng, ("wood", "cloth", "plain", "speckle")))
    printed = kind == "sheet" or rng.random() < 0.4
    return Flat(block, page(rng, half) if printed else flat_colours(rng))


def keyboard(
    rng: np.random.Generator,
    rows: tuple[int, int] = (4, 6),
    columns: tuple[int, int] = (8, 12),
    pitch: float = KEY,
    lettered: bool = False,
) -> Flat:
    """Rows of keys with a long one in the first, on a board or a laptop's base with room before them.

    `rows` and `columns` say from how many to fewer than how many; letters come with rows that are set off.
    """
    count, across_count = int(rng.integers(*rows)), int(rng.integers(*columns))
    size = pitch / KEY
    rest = size * uniform(rng, 0.03, 0.08) if rng.random() < 0.5 else 0.006 * size
    across, deep = across_count * pitch / 2, count * pitch / 2
    thick, tall = size * uniform(rng, 0.006, 0.015), size * uniform(rng, 0.0015, 0.005)
    base, keys = flat_colours(rng), flat_colours(rng)
    if rng.random() < 0.6:
        dark = uniform(rng, 0.01, 0.08)
        base, keys = (replace(base, color=(c, c, c), pattern="plain") for c in (dark, dark * uniform(rng, 0.6, 1.5)))
    cap = replace(keys, pattern="plain", roughness=uniform(rng, 0.3, 0.7))
    set_off, gap, edge = 0.0, 0.0015 * size, 0.001 * size
    if lettered:
        ink = PAPER if max(cap.color) < 0.4 else (0.02, 0.02, 0.02)
        cap = replace(cap, finish="key", pattern="key", pattern_scale=pitch, color2=ink)
        set_off, gap = uniform(rng, 0.0, 0.4) * pitch, gap * uniform(rng, 0.7, 1.6)
        edge = 0.0  # round edges cost eight times the points, and such keyboards have a hundred keys
    parts: list[Part] = []
    for r in range(count):
        long = across_count // 3 if r == 0 else 0
        wide = [pitch] * ((across_count - long) // 2) + [pitch * long] * bool(long)
        wide += [pitch] * (across_count - long - (across_count - long) // 2)
        wide[0], wide[-1] = wide[0] + set_off * (count - 1 - r) / 2, wide[-1] - set_off * (count - 1 - r) / 2
        x = -across
        for w in wide:
            if w > 0.3 * pitch:
                place = (x + w / 2, rest / 2 - deep + (r + 0.5) * pitch, thick)
                key = slab(w / 2 - gap, pitch / 2 - gap, tall, edge=edge)
                parts.append(Part(role=f"key {len(parts)}", geometry=key, material=cap, pose=Pose(position=place)))
            x += w
    return Flat(slab(across + 0.008 * size, deep + rest / 2 + 0.006 * size, thick), base, tuple(parts))


def page(rng: np.random.Generator, half: float) -> Material:
    """Print on paper, or pale print on a colour."""
    color, ink = PAPER, (uniform(rng, 0.01, 0.1),) * 3
    if rng.random() < 0.3:
        (color, _), ink = natural(rng), PAPER
    return Material(
        kind="diffuse", finish="page", color=color, color2=ink, pattern="page", pattern_scale=half,
        roughness=uniform(rng, 0.4, 0.9),
    )  # fmt: skip


def flat_colours(rng: np.random.Generator) -> Material:
    """Card, cloth or paint of one or two colours."""
    color, color2 = natural(rng)
    return Material(
        kind="diffuse", finish="card", color=color, color2=color2, pattern=str(rng.choice(["plain", "plain", "bands"])),
        pattern_scale=uniform(rng, 0.6, 2.0), roughness=uniform(rng, 0.3, 0.9),
    )  # fmt: skip
