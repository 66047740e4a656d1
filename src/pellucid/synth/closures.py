"""What closes a vessel: screw caps, lids, corks and rubber stoppers. Metres."""

from dataclasses import replace

import numpy as np

from pellucid.synth.geometry import Lathe
from pellucid.synth.lathe import inside_profile, outside_profile, rim_height
from pellucid.synth.materials import sample_material
from pellucid.synth.profiles import points, uniform
from pellucid.synth.spec import Color, Material, Part, Pose

# How often a vessel of a family is closed, and how often by a stopper where it is.
SHARES = {"bottle": (0.65, 0.2), "jar": (0.55, 0.15), "flask": (0.3, 1.0), "test tube": (0.4, 0.6)}
GAP = 3e-4  # metres between a cap and the glass
UPSIDE_DOWN = (0.0, 1.0, 0.0, 0.0)
CORKS: tuple[Color, ...] = ((0.50, 0.31, 0.16), (0.58, 0.40, 0.23), (0.42, 0.25, 0.13))
RUBBERS: tuple[Color, ...] = ((0.03, 0.03, 0.03), (0.35, 0.07, 0.03), (0.30, 0.29, 0.27), (0.06, 0.16, 0.08))
CAPS: tuple[Color, ...] = (  # as on drinks and medicine: many white, black, blue and red
    (0.85, 0.85, 0.84),
    (0.85, 0.85, 0.84),
    (0.02, 0.02, 0.02),
    (0.02, 0.02, 0.02),
    (0.02, 0.08, 0.55),
    (0.03, 0.20, 0.62),
    (0.55, 0.02, 0.02),
    (0.65, 0.10, 0.01),
    (0.03, 0.27, 0.07),
    (0.72, 0.48, 0.02),
)


def sample_closure(rng: np.random.Generator, family: str, vessel: Lathe) -> tuple[Lathe, Part | None]:
    """The vessel and what closes it; None where it stays open. One that is closed has a round mouth."""
    closed, stoppered = SHARES.get(family, (0.0, 0.0))
    if rng.random() >= closed:
        return vessel, None
    vessel = _with_round_mouth(vessel)
    return vessel, (_stopper if rng.random() < stoppered else _cap)(rng, vessel, wide=family == "jar")


def _with_round_mouth(vessel: Lathe) -> Lathe:
    """A squarish vessel whose shoulder turns round towards the neck."""
    if vessel.squareness <= 2:
        return vessel
    radii, heights = np.asarray(vessel.profile).T
    shoulder = int(np.flatnonzero(radii == radii.max())[-1])
    above = radii[shoulder + 1 :]
    narrow = shoulder + 1 + int(np.flatnonzero(above <= 1.11 * above.min())[0])
    return replace(vessel, round_above=(float(heights[shoulder] / heights[-1]), float(heights[narrow] / heights[-1])))


def _cap(rng: np.random.Generator, vessel: Lathe, wide: bool) -> Part:
    """A cup over the mouth, upside down, with a smooth or a ridged skirt and the groove of a seal above its edge."""
    outside = outside_profile(vessel)
    top = rim_height(vessel)
    mouth = float(outside[-1, 0])
    depth = uniform(rng, 0.25, 0.4) * mouth if wide else uniform(rng, 0.9, 1.5) * mouth
    depth = min(max(depth, 0.007), 0.12 * top)
    widest = float(outside[outside[:, 1] > top - depth, 0].max())
    ridges = int(rng.integers(30, 56)) if rng.random() < (0.3 if wide else 0.75) else 0
    relief = 0.012 if ridges else 0.0
    wall = uniform(rng, 0.0009, 0.0016)
    radius = (widest + GAP + wall) / (1 - relief)
    corner = 2.5 * wall  # of the inside, round: the mouth stays below it
    height, edge, seal = depth + corner + wall, uniform(rng, 0.0006, 0.002), 0.2 * depth
    groove = [(radius, height - seal - 8e-4), (radius - 4e-4, height - seal - 4e-4), (radius, height - seal)]
    shape = Lathe(
        profile=points((radius - edge, 0), (radius, edge), *([] if wide else groove), (radius, height)),
        wall=wall,
        floor=wall,
        fillet=edge / 2,
        lobes=ridges,
        lobe_depth=relief,
    )
    material = sample_material(rng, "train", "metal") if rng.random() < (0.5 if wide else 0.15) else _cap_plastic(rng)
    pose = Pose(position=(0.0, 0.0, top + corner + wall), quaternion=UPSIDE_DOWN)
    return Part(role="cap", geometry=shape, material=material, pose=pose)


def _stopper(rng: np.random.Generator, vessel: Lathe, wide: bool) -> Part:
    """A plug in the mouth, wider above: of cork, or of rubber."""
    inside = inside_profile(vessel, count=120)
    mouth, top = (float(v) for v in inside[-1])
    depth = min(uniform(rng, 0.5, 1.0) * mouth, 0.07 * top)
    bore = float(inside[inside[:, 1] > top - depth, 0].min()) - 1e-4
    above = uniform(rng, 0.5, 1.1) * mouth * (0.5 if wide else 1.0)
    crown = min(uniform(rng, 1.02, 1.15) * bore, mouth)
    cork = rng.random() < 0.6
    shape = Lathe(
        profile=points((0.97 * bore, 0), (bore, 0.6 * depth), (bore, depth), (crown, depth + above)),
        wall=0.001,
        floor=0.0,
        fillet=0.001,
        solid=True,
    )
    color = (CORKS if cork else RUBBERS)[rng.integers(len(CORKS) if cork else len(RUBBERS))]
    r, g, b = color
    material = Material(
        kind="diffuse",
        finish="cork" if cork else "rubber",
        color=color,
        color2=(0.45 * r, 0.4 * g, 0.4 * b),
        pattern="speckle" if cork else "plain",
        pattern_scale=uniform(rng, 2.0, 4.0),
        roughness=uniform(rng, 0.8, 0.95) if cork else uniform(rng, 0.4, 0.6),
    )
    return Part(role="stopper", geometry=shape, material=material, pose=Pose(position=(0.0, 0.0, top - depth)))


def _cap_plastic(rng: np.random.Generator) -> Material:
    shade = uniform(rng, 0.8, 1.1)
    r, g, b = (c * shade for c in CAPS[rng.integers(len(CAPS))])
    return Material(kind="plastic", finish="cap", color=(r, g, b), color2=(r, g, b), roughness=uniform(rng, 0.22, 0.5))
