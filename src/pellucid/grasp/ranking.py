"""How good a place to close on looks: what the jaws would meet, how squarely, and how sure it is to be there."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import erfc

from pellucid.grasp.hand import Hand
from pellucid.grasp.planners import View

GUESS, UNSEEN = 0.8, 2.0  # how square a side is thought to be, worth so many points of evidence, before it is seen
TOP, SIDE = 0.5, 0.9  # the share of a normal across the approach up to which it tells nothing of a side, and all
STRIPS = 5  # of a pad's width
OUTLINE = 0.0035  # metres short of the outermost point that still meets the pad: what the cloud is thinned to
BEHIND = (0.004, 0.09)  # metres behind what is seen, where something else may be
DOUBT = 3.0  # what a grasp loses that is sure to miss: as much as one that is not square at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Closings:
    """Hands of one approach and depth at several turns, each about to close on something, and what is between."""

    tips: Float64[np.ndarray, "R 3"]
    rotations: Float64[np.ndarray, "R 3 3"]
    sizes: Float64[np.ndarray, " R"]  # metres across what is between the fingers
    widths: Float64[np.ndarray, " R"]  # metres that the jaws open
    filled: Float64[np.ndarray, " R"]  # metres from the tips up to the highest point between the fingers
    # One for each point between the fingers of a hand:
    hand: Int64[np.ndarray, " n"]  # which
    offset: Float64[np.ndarray, " n"]  # metres from the middle, along the closing
    along: Float64[np.ndarray, " n"]  # metres from the middle, along the pads' width
    normals: Float64[np.ndarray, "n 3"]
    errors: Float64[np.ndarray, " n"] | None  # relative, to be expected of the depth; NaN unknown

    def total(self, of: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " R"]:
        """The sum over the points between each hand's fingers."""
        return np.bincount(self.hand, of, minlength=len(self.tips))


def scores(hands: Closings, middle: Float64[np.ndarray, " 3"], view: View, hand: Hand) -> Float64[np.ndarray, " R"]:
    """The higher the better: surfaces square to the closing first; then pads met over their whole width, a level
    closing, much between the fingers, near the `middle` of the thing, narrow, from above, and sure."""
    approach, closing = hands.rotations[:, :, 0], hands.rotations[:, :, 1]
    to_middle = middle - hands.tips
    off = np.linalg.norm(to_middle - (to_middle * approach).sum(1, keepdims=True) * approach, axis=1)
    score = 3 * _squareness(hands) ** 2 + _touched(hands, hand) - abs(closing[:, 2]) - 0.25 * (1 + approach[:, 2])
    score += 0.6 * np.clip(hands.filled / 0.03, 0, 1) + 0.15 * np.minimum(1, hands.total(np.ones(len(hands.hand))) / 60)
    score -= 6 * off + 1.5 * hands.sizes + 4 * np.maximum(0, hands.sizes - 0.065)
    return score - 0.35 * _hidden(hands, view, hand) - DOUBT * doubt(hands, view, hand)


def doubt(hands: Closings, view: View, hand: Hand) -> Float64[np.ndarray, " R"]:
    """The chance that depth is wrong by more than a hand forgives; 0 where no error is told.

    An error moves what is between the fingers along the ray it is seen by. Across the closing the jaws forgive what
    they open wider on each side; along the approach, what the tips reach past the top, or the palm is short of it.
    Errors are taken to be normal about the truth, their mean size the expected one.
    """
    if hands.errors is None:
        return np.zeros(len(hands.tips))
    told = np.isfinite(hands.errors)
    relative = hands.total(np.where(told, hands.errors, 0)) / np.maximum(hands.total(told.astype(np.float64)), 1)
    rays = hands.tips - view.camera.T_world_camera[:3, 3]
    along, across = (relative * abs((rays * hands.rotations[:, :, k]).sum(1)) for k in (0, 1))
    reach = np.minimum(hands.filled, hand.length - hands.filled)
    forgiven = (((hands.widths - hands.sizes) / 2, across), (reach, along))
    return np.maximum(*(erfc(least / np.maximum(expected, 1e-9) / np.sqrt(np.pi)) for least, expected in forgiven))


def _squareness(hands: Closings) -> Float64[np.ndarray, " R"]:
    """The mean share of the surface's normal along the closing at the pad that is met less squarely."""
    across = np.sqrt(np.clip(1 - (hands.normals @ hands.rotations[0, :, 0]) ** 2, 0, 1))
    # Of a side that the camera does not see only the rim is there, which faces the hand and says nothing.
    evidence = np.clip((across - TOP) / (SIDE - TOP), 0, 1)
    facing = (hands.normals * hands.rotations[hands.hand, :, 1]).sum(1)
    outer = (hands.sizes / 2 - np.maximum(0.006, 0.2 * hands.sizes))[hands.hand]
    square = np.full(len(hands.tips), np.inf)
    for sign in (-1, 1):
        weight = (sign * hands.offset > outer) * evidence
        seen = hands.total(np.clip(sign * facing, 0, None) * weight)
        square = np.minimum(square, (seen + UNSEEN * GUESS) / (hands.total(weight) + UNSEEN))
    return square


def _touched(hands: Closings, hand: Hand) -> Float64[np.ndarray, " R"]:
    """The share of a pad's width that meets something, of the pad with less: a face all of it, an upright edge little.

    Says how squarely a pad comes also where the camera sees no more of a side than its rim.
    """
    strip = np.clip(np.floor((hands.along / hand.width + 0.5) * STRIPS), 0, STRIPS - 1).astype(int)
    shares = []
    for sign in (-1, 1):
        outermost = sign * hands.offset > hands.sizes[hands.hand] / 2 - OUTLINE
        met = np.zeros((len(hands.tips), STRIPS), bool)
        met[hands.hand[outermost], strip[outermost]] = True
        shares.append(met.mean(1))
    return np.minimum(*shares)


def _hidden(hands: Closings, view: View, hand: Hand) -> Int64[np.ndarray, " R"]:
    """How many of four points of the fingers lie just behind what is seen, where something else may be."""
    sides = (hands.widths[:, None] + hand.thickness) / 2 * np.array([-1, 1, -1, 1])
    back = hand.length / 2 * np.array([0, 0, 1, 1])
    points = hands.tips[:, None] - back[:, None] * hands.rotations[:, None, :, 0]
    points = points + sides[..., None] * hands.rotations[:, None, :, 1]
    pose, K = view.camera.T_world_camera, view.camera.K
    x, y, z = np.moveaxis((points - pose[:3, 3]) @ pose[:3, :3], -1, 0)
    H, W = view.depth.shape
    column = np.clip(np.rint(K[0, 0] * x / z + K[0, 2]), 0, W - 1).astype(int)
    row = np.clip(np.rint(K[1, 1] * y / z + K[1, 2]), 0, H - 1).astype(int)
    behind = z - np.nan_to_num(view.depth[row, column], nan=np.inf)
    return ((behind > BEHIND[0]) & (behind < BEHIND[1])).sum(1)
