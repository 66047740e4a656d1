"""Executing a grasp: approach, close, lift, shake, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from pellucid.grasp.arena import Arena
from pellucid.grasp.hand import Grasp

Outcome = Literal["success", "wrong object", "missed", "slipped", "collision", "no grasp"]
Watch = Callable[[Arena], object]
SHUT = 0.003  # metres: jaws that came this close have nothing between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Lengths in metres, times in seconds, forces in newtons."""

    before: float = 0.12  # from where the hand begins to where it closes
    approach_time: float = 0.6
    most_force: float = 40.0  # of anything on the hand as it comes: more is a collision
    close_time: float = 0.5
    lift: float = 0.20
    lift_time: float = 1.0
    shake: float = 0.03  # along the closing, to either side
    shake_time: float = 0.15  # for each stroke
    hold_time: float = 0.6
    tick: float = 0.02  # between commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a grasp: `held` are the ids of what hung between the pads after the shake."""

    outcome: Outcome
    held: tuple[int, ...] = ()


def execute(
    arena: Arena, grasp: Grasp, wanted: int, motion: Motion | None = None, watch: Watch | None = None
) -> Verdict:
    """Grasps, lifts and shakes, from the arena's first state. Success needs the `wanted` object held after the shake.

    `watch` is called at every tick. The arena is left as it ends.
    """
    m = motion or Motion()
    watch = watch or (lambda _: None)
    turn = grasp.rotation
    there = grasp.position - arena.hand.length * turn[:, 0]
    arena.reset()
    before = arena.heights()
    arena.put_hand(turn, there - m.before * turn[:, 0], grasp.width)
    if not _move(arena, turn, there, m.approach_time, m.tick, watch, m.most_force):
        return Verdict(outcome="collision")
    arena.close_jaws()
    _move(arena, turn, there, m.close_time, m.tick, watch)
    closed_on = arena.gap
    top = there + np.array([0, 0, m.lift])
    _move(arena, turn, top, m.lift_time, m.tick, watch)
    for sign in (1, -1, 0):
        _move(arena, turn, top + sign * m.shake * turn[:, 1], m.shake_time, m.tick, watch)
    _move(arena, turn, top, m.hold_time, m.tick, watch)
    after, pressed = arena.heights(), arena.pressure(arena.pads)
    held = tuple(i for i in after if after[i] - before[i] > 0.6 * m.lift and pressed.get(i, 0) > 0.5)
    if wanted in held:
        return Verdict(outcome="success", held=held)
    if held:
        return Verdict(outcome="wrong object", held=held)
    return Verdict(outcome="slipped" if closed_on > SHUT else "missed")


def _move(
    arena: Arena,
    rotation: Float64[np.ndarray, "3 3"],
    goal: Float64[np.ndarray, " 3"],
    seconds: float,
    tick: float,
    watch: Watch,
    most_force: float = np.inf,
) -> bool:
    """Takes the hand to `goal`, gently at both ends; False when something pressed harder than `most_force`."""
    start, count = arena.data.mocap_pos[0].copy(), round(seconds / tick)
    for k in range(1, count + 1):
        share = (k / count) ** 2 * (3 - 2 * k / count)
        arena.aim_hand(rotation, start + (goal - start) * share)
        arena.step(tick)
        watch(arena)
        if sum(arena.pressure(arena.hand_geoms).values()) > most_force:
            return False
    return True
