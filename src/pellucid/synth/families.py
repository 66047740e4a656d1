"""The families of shapes, by name: those that train, and those kept for the test set alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pellucid.synth.cutlery import fork, knife, rod, spoon
from pellucid.synth.geometry import Geometry, Lathe
from pellucid.synth.held_out import carafe, cloche, martini, pitcher, prism, spool, tongs
from pellucid.synth.solids import block, box, lens, lid, torus
from pellucid.synth.spec import Split
from pellucid.synth.vessels import beaker, bottle, bowl, flask, goblet, jar, mug, plate, test_tube, tumbler, vase

Draw = Callable[[np.random.Generator], Geometry]


def sample_shape(rng: np.random.Generator, split: Split, thin: bool = False) -> tuple[str, Geometry]:
    """A family's name and one of its shapes; `thin` asks for walls of about a millimetre where there are walls."""
    families = FAMILIES[split]
    names = sorted(families)
    weights = np.array([WEIGHTS.get(name, 1.0) for name in names])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    shape = families[name](rng)
    if thin and isinstance(shape, Lathe) and not shape.solid:
        shape = thinned(shape)
    return name, shape


def thinned(shape: Lathe) -> Lathe:
    """The same vessel with walls of at most about a millimetre."""
    wall = min(shape.wall, 0.0011)
    return replace(shape, wall=wall, floor=min(shape.floor, max(shape.floor - shape.wall, 0) + 2 * wall))


FAMILIES: dict[Split, dict[str, Draw]] = {
    "train": {
        "bottle": bottle,
        "jar": jar,
        "vase": vase,
        "goblet": goblet,
        "tumbler": tumbler,
        "bowl": bowl,
        "plate": plate,
        "flask": flask,
        "beaker": beaker,
        "mug": mug,
        "test tube": test_tube,
        "box": box,
        "lens": lens,
        "lid": lid,
        "torus": torus,
        "block": block,
        "rod": rod,
        "spoon": spoon,
        "knife": knife,
        "fork": fork,
    },
    "test": {
        "carafe": carafe,
        "martini": martini,
        "pitcher": pitcher,
        "cloche": cloche,
        "prism": prism,
        "spool": spool,
        "tongs": tongs,
    },
}
WEIGHTS = {"tumbler": 1.6, "bottle": 1.6, "goblet": 1.4, "lid": 0.6, "rod": 0.4, "torus": 0.6, "tongs": 0.5}
VESSELS = frozenset(
    {"bottle", "jar", "vase", "goblet", "tumbler", "bowl", "flask", "beaker", "mug", "test tube", "carafe", "martini"}
    | {"pitcher", "cloche"}
)
CUTLERY = frozenset({"spoon", "knife", "fork", "tongs"})
