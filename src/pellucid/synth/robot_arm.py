"""Robot arms of two links with a gripper. Metres, in the frame of a room."""

from dataclasses import replace

import numpy as np

from pellucid.synth.geometry import Strands
from pellucid.synth.limbs import UP, Figure, Grip, Point, elbow_of, rod
from pellucid.synth.materials import sample_material
from pellucid.synth.profiles import uniform
from pellucid.synth.spec import Part


def robot(rng: np.random.Generator, base: Point, grip: Grip) -> Figure:
    """An arm of two links on a foot, its gripper straight down over the grip's middle."""
    size = uniform(rng, 0.8, 1.4)
    shoulder, links = base + UP * 0.16 * size, (0.38 * size, 0.34 * size)
    above = grip.middle + UP * 0.17
    line = above - shoulder
    if (far := float(np.linalg.norm(line))) > 0.97 * sum(links):
        above = shoulder + line * 0.97 * sum(links) / far
    grip = grip.moved(above - UP * 0.17)
    elbow = elbow_of(shoulder, above, *links, UP)
    side = np.cross(UP, elbow - shoulder)
    side = side / np.linalg.norm(side) if np.linalg.norm(side) > 1e-6 else np.array([1.0, 0.0, 0.0])
    thick = 0.04 * size
    tube = [rod([a, b], [(thick,) * 2, (0.8 * thick,) * 2], side) for a, b in ((shoulder, elbow), (elbow, above))]
    joints = [
        rod([p - side * 0.5 * thick, p + side * 0.5 * thick], [(1.1 * thick,) * 2] * 2, UP) for p in (shoulder, elbow)
    ]
    joints.append(rod([base + UP * 0.055 * size, shoulder], [(0.055 * size,) * 2, (1.1 * thick,) * 2], side))
    tool = [rod([above + UP * 0.03, above - UP * 0.05], [(0.035,) * 2] * 2, side)]
    opening = (grip.radius or 0.03) + 0.008
    for sign in (-1, 1):
        finger = above + sign * opening * side
        tool.append(rod([finger - UP * 0.06, finger - UP * 0.185], [(0.008, 0.011)] * 2, side))
    tool.append(rod([above - opening * side - UP * 0.06, above + opening * side - UP * 0.06], [(0.014,) * 2] * 2, UP))
    paint = sample_material(rng, "train", "metal" if rng.random() < 0.3 else "plastic")
    if paint.kind == "plastic" and rng.random() < 0.6:
        paint = replace(paint, color=(0.75, 0.75, 0.74) if rng.random() < 0.5 else (0.05, 0.05, 0.055))
    parts = (
        Part(role="joints", geometry=Strands(strands=tuple(joints)), material=sample_material(rng, "train", "plastic")),
        Part(role="tool", geometry=Strands(strands=tuple(tool)), material=sample_material(rng, "train", "metal")),
    )
    return Figure(Strands(strands=tuple(tube)), paint, parts, (grip,))
