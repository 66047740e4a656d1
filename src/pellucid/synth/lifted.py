"""What hands lift: vessels round their bodies, kettles by their handles, and how they are tilted. Metres."""

from dataclasses import dataclass

import numpy as np

from pellucid.synth.families import FAMILIES
from pellucid.synth.geometry import Lathe
from pellucid.synth.kettle import sample_kettle
from pellucid.synth.limbs import Grip, Point
from pellucid.synth.materials import OBJECT_KINDS, sample_material
from pellucid.synth.packaging import sample_packaging
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Material, Part, Pose

FAMILIES_LIFTED = ("bottle", "bottle", "jar", "mug", "tumbler", "beaker", "flask", "goblet", "vase")
SPOUT = 0.14  # metres beyond a kettle's wall that its spout may reach


@dataclass(frozen=True, slots=True)
class Lifted:
    """A thing in a hand, and the (x, z) in its own frame where it is held."""

    geometry: Lathe
    material: Material
    parts: tuple[Part, ...]
    hold: tuple[float, float]

    def pose(self, grip: Grip) -> Pose:
        """Where it is once the hand closes there: its z axis along the grip's, which has no y."""
        tilt = float(np.arctan2(grip.axis[0], grip.axis[2]))
        across = np.array([np.cos(tilt), 0.0, -np.sin(tilt)])
        x, y, z = (float(v) for v in grip.middle - self.hold[0] * across - self.hold[1] * grip.axis)
        return Pose(position=(x, y, z), quaternion=(float(np.cos(tilt / 2)), 0.0, float(np.sin(tilt / 2)), 0.0))


def lift_vessel(
    rng: np.random.Generator, at: tuple[float, float], above: tuple[float, float], tilted: bool
) -> tuple[Grip, Lifted]:
    """A vessel held round its body over that place on the table, its foot so far above it; tilted, half of them."""
    family = FAMILIES_LIFTED[rng.integers(len(FAMILIES_LIFTED))]
    body, parts = sample_packaging(rng, "train", family, FAMILIES["train"][family](rng))
    assert isinstance(body, Lathe)
    kind = str(rng.choice(list(OBJECT_KINDS), p=list(OBJECT_KINDS.values())))
    radii, heights = np.array(body.profile).T
    tall = float(heights.max())
    held = tall * uniform(rng, 0.4, 0.75)
    tilt = uniform(rng, -1.9, 1.9) if tilted and rng.random() < 0.5 else uniform(rng, -0.15, 0.15)
    middle, axis = _held(at, tilt, max(held, tall - held), float(radii.max()), uniform(rng, *above))
    radius = float(np.interp(held, heights, radii)) * (1.15 if body.squareness > 2 else 1.0)
    return Grip(middle, axis, radius), Lifted(body, sample_material(rng, "train", kind), parts, (0.0, held))


def lift_kettle(rng: np.random.Generator, at: tuple[float, float], above: tuple[float, float]) -> tuple[Grip, Lifted]:
    """A kettle held by its handle, which is outward, over that place on the table, more or less as one pours."""
    side = 1 if at[0] > 0 else -1
    kettle = sample_kettle(rng, side)
    tilt = -side * uniform(rng, -0.1, 1.0)
    radii, heights = np.array(kettle.body.profile).T
    below = max(kettle.hold[1], float(heights.max()) - kettle.hold[1])
    middle, axis = _held(at, tilt, below, float(radii.max()) + SPOUT, uniform(rng, *above))
    return Grip(middle, axis, kettle.radius), Lifted(kettle.body, kettle.material, kettle.parts, kettle.hold)


def _held(at: tuple[float, float], tilt: float, below: float, beside: float, above: float) -> tuple[Point, Point]:
    """The middle of a grip, so that what reaches `below` and `beside` it stays `above` the table, and its axis."""
    axis = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    return np.array([*at, below + beside * abs(axis[0]) + above]), axis
