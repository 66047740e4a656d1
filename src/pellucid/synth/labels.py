"""Printed labels on bottles and jars. Metres."""

import numpy as np

from pellucid.synth.geometry import Band, Lathe
from pellucid.synth.lathe import outside_profile
from pellucid.synth.materials import NATURAL, vivid
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Color, Material, Part

SHARES = {"bottle": 0.5, "jar": 0.5}
STRAIGHT = 0.98  # of the greatest radius: where paper lies without a fold
LOWEST = 0.02  # metres, of a label
PAPERS: tuple[Color, ...] = ((0.82, 0.81, 0.77), (0.86, 0.86, 0.86), (0.72, 0.64, 0.48))
INKS: tuple[Color, ...] = ((0.02, 0.02, 0.02), (0.30, 0.03, 0.03), (0.02, 0.06, 0.25), (0.03, 0.14, 0.06))


def sample_label(rng: np.random.Generator, family: str, vessel: Lathe) -> Part | None:
    """A label on the straight part of the body; None where there is no room, or where the vessel stays without."""
    if rng.random() >= SHARES.get(family, 0.0):
        return None
    outside = outside_profile(vessel)
    straight = outside[outside[:, 0] >= STRAIGHT * outside[:, 0].max(), 1]
    low, high = float(straight[0]), float(straight[-1])
    room = high - low
    low, high = low + uniform(rng, 0.04, 0.25) * room, high - uniform(rng, 0.02, 0.3) * room
    if high - low < LOWEST:
        return None
    arc = 2 * np.pi if rng.random() < 0.35 else uniform(rng, 0.35, 0.8) * 2 * np.pi
    sheet = Band(body=vessel, low=low, high=high, arc=float(arc), thickness=uniform(rng, 1.2e-4, 2e-4))
    return Part(role="label", geometry=sheet, material=_print(rng))


def _print(rng: np.random.Generator) -> Material:
    """Dark on paper, or pale on a colour."""
    if rng.random() < 0.6:
        paper = PAPERS[rng.integers(len(PAPERS))]
        ink = INKS[rng.integers(len(INKS))] if rng.random() < 0.5 else vivid(rng)
    else:
        paper = vivid(rng) if rng.random() < 0.7 else NATURAL[rng.integers(len(NATURAL))]
        ink = PAPERS[rng.integers(len(PAPERS))]
    return Material(
        kind="diffuse",
        finish="label",
        color=paper,
        color2=ink,
        pattern="print",
        pattern_scale=uniform(rng, 0.7, 1.6),
        roughness=uniform(rng, 0.3, 0.75),
    )
