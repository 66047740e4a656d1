"""People as rods and balls grown together, who reach for things. Metres, in the frame of a room."""

from dataclasses import dataclass, replace

import numpy as np

from pellucid.synth.flat import flat_colours
from pellucid.synth.geometry import Strand, Strands, Superquadric
from pellucid.synth.limbs import UP, Figure, Grip, Point, elbow_of, hand_of, rod
from pellucid.synth.materials import natural, sample_surface, vivid
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Color, Material, Part, Pose

SKINS: tuple[Color, ...] = (
    (0.72, 0.48, 0.37), (0.6, 0.37, 0.26), (0.45, 0.26, 0.17), (0.27, 0.14, 0.09), (0.12, 0.06, 0.04),
)  # fmt: skip
UPPER_ARM, FOREARM = 0.175, 0.16  # of the body's height
GLOVES = 0.12  # of all people


@dataclass(frozen=True, slots=True)
class _Build:
    """Where somebody stands, the axes, height and breadth."""

    foot: Point
    across: Point
    ahead: Point
    tall: float
    broad: float

    def at(self, side: float, forward: float, height: float) -> Point:
        """A place in shares of breadth and height."""
        return self.foot + self.broad * side * self.across + self.tall * (forward * self.ahead + height * UP)


def person(rng: np.random.Generator, foot: Point, facing: float, grips: tuple[Grip, ...]) -> Figure:
    """Somebody who stands there, looks along -y turned by `facing` radians, and has the hands at up to two grips.

    Hands without one hang down. The figure tells the hands in the order of the grips.
    """
    tall = uniform(rng, 1.5, 1.9)
    broad, lean = tall * uniform(rng, 0.9, 1.15), (uniform(rng, 0.02, 0.16) if grips else 0.0)
    across = np.array([np.cos(facing), np.sin(facing), 0.0])
    ahead = np.array([np.sin(facing), -np.cos(facing), 0.0])
    body = _Build(foot, across, ahead, tall, broad)
    spine = ((0.5, 0.0), (0.6, 0.1), (0.7, 0.5), (0.78, 0.9), (0.83, 1.0))  # height, share of the lean
    girth = ((0.085, 0.055), (0.085, 0.06), (0.1, 0.066), (0.1, 0.055), (0.03, 0.03))
    shirt = [rod([body.at(0, s * lean, h) for h, s in spine], [(broad * a, broad * b) for a, b in girth], across)]
    skin = [rod([body.at(0, lean, 0.8), body.at(0, 1.1 * lean, 0.87)], [(0.03 * tall, 0.03 * tall)] * 2, across)]
    hands, ended = [], []
    sleeved = rng.random() < 0.5
    held = _sides(grips, across, foot)
    others = [s for s in (rng.permutation([-1, 1]).tolist()) if s not in held]
    for side, wanted in zip(held + others, [*grips, None, None], strict=False):
        upper, fore, hand, grip = _arm(body, side, lean, wanted)
        shirt.append(upper)
        (shirt if sleeved else skin).append(fore)
        hands += hand
        ended.append(grip)
    skins = _skin(rng)
    gloves = replace(skins, color=vivid(rng)) if rng.random() < GLOVES else skins
    parts = (
        Part(role="skin", geometry=Strands(strands=tuple(skin)), material=skins),
        Part(role="hands", geometry=Strands(strands=tuple(hands)), material=gloves),
        Part(role="legs", geometry=Strands(strands=_legs(body)), material=_cloth(rng)),
        *_head(rng, body, lean, facing, skins),
    )
    return Figure(Strands(strands=tuple(shirt)), _cloth(rng), parts, tuple(ended))


def _arm(body: _Build, side: int, lean: float, wanted: Grip | None) -> tuple[Strand, Strand, list[Strand], Grip]:
    """Upper arm, forearm and hand of a side, and where the hand came to be."""
    tall, across, ahead = body.tall, body.across, body.ahead
    shoulder = body.at(0.105 * side, 0.95 * lean, 0.79)
    down = shoulder + tall * (0.31 * -UP + 0.06 * ahead + 0.03 * side * across)
    grip = wanted or Grip(down, across, None)
    middle, wrist = _within(shoulder, grip, (UPPER_ARM + FOREARM) * tall * 0.99, tall)
    grip = grip.moved(middle)
    outward = side * 0.6 * across - 0.8 * UP - 0.3 * ahead
    elbow = elbow_of(shoulder, wrist, UPPER_ARM * tall, FOREARM * tall, outward)
    size = tall / 1.7
    upper = rod([shoulder, elbow], [(0.055 * size,) * 2, (0.043 * size,) * 2], UP + 0.1 * across)
    fore = rod([elbow, wrist], [(0.04 * size,) * 2, (0.028 * size,) * 2], UP + 0.1 * across)
    return upper, fore, hand_of(wrist, grip, size), grip


def _legs(body: _Build) -> tuple[Strand, Strand]:
    sections = [(0.03 * body.tall,) * 2, (0.035 * body.tall,) * 2, (0.05 * body.tall,) * 2]

    def leg(side: int) -> Strand:
        path = [body.at(0.05 * side, 0, 0.02), body.at(0.05 * side, 0.01, 0.27), body.at(0.045 * side, 0, 0.5)]
        return rod(path, sections, body.across)

    return leg(-1), leg(1)


def _head(rng: np.random.Generator, body: _Build, lean: float, facing: float, skin: Material) -> tuple[Part, Part]:
    """A ball without a face, and the hair over it."""
    middle, size = body.at(0, 1.2 * lean + 0.01, 0.925), body.tall / 1.7
    looks = (float(np.cos(facing / 2)), 0.0, 0.0, float(np.sin(facing / 2)))
    face = Superquadric(half_axes=(0.074 * size, 0.095 * size, 0.115 * size), exponents=(1.0, 1.0))
    hair = Superquadric(half_axes=(0.081 * size, 0.092 * size, 0.105 * size), exponents=(1.0, 1.0))
    over = middle - 0.025 * body.ahead + 0.022 * UP
    return (
        Part(role="head", geometry=face, material=skin, pose=_pose(middle, looks)),
        Part(role="hair", geometry=hair, material=_hair(rng), pose=_pose(over, looks)),
    )


def _sides(grips: tuple[Grip, ...], across: Point, foot: Point) -> list[int]:
    """The side whose hand takes each grip: the nearer one, and of two grips each its own."""
    places = [float((g.middle - foot) @ across) for g in grips]
    if len(places) == 2:
        return [1, -1] if places[0] > places[1] else [-1, 1]
    return [1 if place > 0 else -1 for place in places]


def _within(shoulder: Point, grip: Grip, reach: float, tall: float) -> tuple[Point, Point]:
    """The grip's middle and the wrist, brought nearer to the shoulder when the arm is too short."""
    toward = shoulder - grip.middle
    toward -= (toward @ grip.axis) * grip.axis if grip.radius is not None else 0.0
    if np.linalg.norm(toward) < 1e-6:
        toward = UP.copy()
    apart = 0.09 * tall / 1.7 + (grip.radius or 0.0)
    offset = apart * toward / np.linalg.norm(toward)
    line = grip.middle + offset - shoulder
    share = min(1.0, reach / float(np.linalg.norm(line)))
    wrist = shoulder + share * line
    return wrist - offset, wrist


def _pose(place: Point, quaternion: tuple[float, float, float, float]) -> Pose:
    x, y, z = (float(v) for v in place)
    return Pose(position=(x, y, z), quaternion=quaternion)


def _skin(rng: np.random.Generator) -> Material:
    color = SKINS[rng.integers(len(SKINS))]
    return Material(kind="diffuse", finish="skin", color=color, color2=color, roughness=uniform(rng, 0.35, 0.6))


def _hair(rng: np.random.Generator) -> Material:
    tone = uniform(rng, 0.01, 0.12)
    color = (tone, tone * uniform(rng, 0.5, 1.0), tone * uniform(rng, 0.3, 0.9))
    return Material(kind="diffuse", finish="hair", color=color, color2=color, roughness=0.5)


def _cloth(rng: np.random.Generator) -> Material:
    """What clothes are made of: often one colour, else checked, striped or printed."""
    draw = rng.random()
    if draw < 0.35:
        return replace(sample_surface(rng, ("cloth",)), kind="diffuse", pattern_scale=uniform(rng, 1.5, 4.0))
    worn = replace(flat_colours(rng), finish="cloth", pattern="plain" if draw < 0.8 else "bands", roughness=0.9)
    if draw < 0.5:
        pale = uniform(rng, 0.6, 0.85)
        return replace(worn, color=(pale, pale, pale))
    return replace(worn, color=natural(rng)[0] if draw < 0.7 else vivid(rng), pattern_scale=uniform(rng, 1.0, 6.0))
