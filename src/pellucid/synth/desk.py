"""Desks and racks with a screen and boxes, as they stand beside robots. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.flat import flat_colours
from pellucid.synth.furniture import Room
from pellucid.synth.materials import sample_surface
from pellucid.synth.profiles import uniform
from pellucid.synth.surroundings import slab


def add_desk(room: Room, rng: np.random.Generator, beside: float, floor: float) -> None:
    """One on the side of that sign of x, between panels, with a screen and boxes on it and some below."""
    half, deep, height = uniform(rng, 0.3, 0.6), uniform(rng, 0.2, 0.35), uniform(rng, 0.65, 1.0)
    x, y = beside * (half + uniform(rng, 1.05, 1.8)), uniform(rng, -0.2, 1.2)
    made, dark = sample_surface(rng, ("plain", "wood")), uniform(rng, 0.01, 0.06)
    if rng.random() < 0.6:
        made = replace(made, color=(dark, dark, dark), pattern="plain")
    top = floor + height
    room.add("furniture", slab(half, deep, 0.03), made, (x, y, top - 0.03))
    room.add("furniture", slab(half - 0.02, deep - 0.02, 0.02), made, (x, y, floor + uniform(rng, 0.05, 0.4)))
    for side in (-1, 1):
        room.add("furniture", slab(0.015, deep, height - 0.032), made, (x + side * (half - 0.02), y, floor + 0.0005))
    screen = replace(flat_colours(rng), color=(dark, dark, dark), pattern="plain", roughness=uniform(rng, 0.1, 0.5))
    at = x + uniform(rng, -0.4, 0.4) * half
    room.add("furniture", slab(0.02, 0.02, 0.15), screen, (at, y + 0.05, top + 0.0002))
    room.add("furniture", slab(uniform(rng, 0.2, 0.32), 0.012, uniform(rng, 0.25, 0.4)), screen, (at, y, top + 0.12))
    for low in (top + 0.0002, floor + 0.42):
        wide, thick = uniform(rng, 0.05, 0.16), uniform(rng, 0.05, 0.15)
        place = (x + uniform(rng, -0.5, 0.5) * half, y - deep / 2, low)
        room.add("furniture", slab(wide, thick, uniform(rng, 0.03, 0.2)), flat_colours(rng), place)
