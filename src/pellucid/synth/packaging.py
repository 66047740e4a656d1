"""Caps, stoppers and labels of bottles, jars and laboratory ware."""

import numpy as np

from pellucid.synth.closures import sample_closure
from pellucid.synth.geometry import Geometry, Lathe
from pellucid.synth.labels import sample_label
from pellucid.synth.spec import Part, Split


def sample_packaging(
    rng: np.random.Generator, split: Split, family: str, body: Geometry
) -> tuple[Geometry, tuple[Part, ...]]:
    """The body, its mouth fit for what closes it, and what closes and labels it. In the test set nothing does."""
    if split == "test" or not isinstance(body, Lathe):
        return body, ()
    of_closure, of_label = rng.spawn(2)
    vessel, closure = sample_closure(of_closure, family, body)
    label = sample_label(of_label, family, vessel)
    return vessel, tuple(part for part in (closure, label) if part is not None)
