"""A laptop's palm rest before its keys, with a touchpad and the bars beside it. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.flat import Flat
from pellucid.synth.materials import vivid
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Material, Part, Pose
from pellucid.synth.surroundings import slab


def with_palm_rest(rng: np.random.Generator, board: Flat) -> Flat:
    """This keyboard on a base that reaches as much further towards -y as the keyboard is deep, more or less.

    On most rests lies a touchpad, often with two or three bars behind it and a coloured stripe.
    """
    (half, _), *_, (_, thick) = board.block.profile
    half_y = half * board.block.aspect
    rest = 2 * half_y * uniform(rng, 0.6, 1.3)
    block = slab(half, half_y + rest / 2, thick)
    keys = tuple(_moved(part, rest / 2) for part in board.parts)
    front, back = -half_y - rest / 2, -half_y + rest / 2
    lies: list[Part] = []

    def lay(role: str, low: tuple[float, float], high: tuple[float, float], tall: float, made: Material) -> None:
        (x0, y0), (x1, y1) = low, high
        place = Pose(position=((x0 + x1) / 2, (y0 + y1) / 2, thick))
        lies.append(Part(role=role, geometry=slab((x1 - x0) / 2, (y1 - y0) / 2, tall, 0.0), material=made, pose=place))

    if rng.random() < 0.8:
        wide, middle = half * uniform(rng, 0.25, 0.5), half * uniform(rng, -0.3, 0.3)
        left, right = middle - wide, middle + wide
        near, far = front + rest * uniform(rng, 0.04, 0.2), back - rest * uniform(rng, 0.02, 0.12)
        shade = replace(_shaded(rng, board.material), roughness=uniform(rng, 0.2, 0.8))
        if rng.random() < 0.6:  # bars, which the pad ends before
            bars, gap = int(rng.integers(2, 4)), rest * uniform(rng, 0.004, 0.012)
            start, tall = far - rest * uniform(rng, 0.12, 0.25), half * uniform(rng, 0.004, 0.015)
            each, bar = (right - left) / bars, _shaded(rng, board.material)
            for n in range(bars):
                lay(f"bar {n}", (left + n * each + gap, start), (left + (n + 1) * each - gap, far), tall, bar)
            if rng.random() < 0.6:
                stripe = replace(board.material, color=vivid(rng), pattern="plain")
                lay("stripe", (left + gap, start - 3 * gap), (right - gap, start - gap), tall / 2, stripe)
            far = start - 4 * gap
        lay("pad", (left, near), (right, far), half * uniform(rng, 0.001, 0.004), shade)
    return Flat(block, board.material, (*keys, *lies))


def _moved(part: Part, y: float) -> Part:
    return replace(part, pose=replace(part.pose, position=tuple(np.add(part.pose.position, (0.0, y, 0.0)).tolist())))


def _shaded(rng: np.random.Generator, made: Material) -> Material:
    """The same colour, a little lighter or darker."""
    share = uniform(rng, 0.6, 1.7)
    r, g, b = (min(c * share, 1.0) for c in made.color)
    return replace(made, color=(r, g, b), pattern="plain")
