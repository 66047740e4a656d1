"""The held-out clips that the arms of an ablation are scored on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.evaluate.benchmarks import BENCHMARKS
from pellucid.evaluate.cut import PER_FRAME, read_cut
from pellucid.evaluate.protocol import Item, Protocol

BENCHMARK = BENCHMARKS["transphy3d-mini"]
LEAST = 5  # frames of a clip, or it says nothing of time


def protocol_of(frames: int, lengthened: bool) -> Protocol:
    """That of held-out rendered scenes with so many frames of each clip."""
    how = f"the first {frames} frames" + (", played forth and back where there are fewer" if lengthened else "")
    return replace(BENCHMARK.protocols["short"], frames=frames, source=f"ours: {how}, one scale and shift for a clip")


def held_out(roots: Sequence[Path], clips: int, protocol: Protocol, lengthened: bool) -> list[Item]:
    """So many clips of the folders' held-out scenes, taken evenly from all that are long enough.

    Raises InputError when there is none.
    """
    found = [s for s in find_sequences(list(roots), "held-out") if s.num_frames >= LEAST]
    if not found:
        raise InputError(
            f"{', '.join(map(str, roots))}: no held-out scene has {LEAST} frames; render some with --frames 13"
        )
    picks = np.unique(np.linspace(0, len(found) - 1, min(clips, len(found))).round().astype(int))
    items = []
    for sequence in (found[i] for i in picks):
        read: Callable[[], Clip] = partial(read_cut, read_sequence, sequence, protocol)
        assert protocol.frames is not None
        name = f"{sequence.path.parent.name}-{sequence.name}"
        items.append(Item(name=name, read=partial(forth_and_back, read, protocol.frames) if lengthened else read))
    return items


def forth_and_back(read: Callable[[], Clip], frames: int) -> Clip:
    """The clip played forth and back until it has so many frames."""
    clip = read()
    last = len(clip.rgb) - 1
    order = np.abs((np.arange(frames) + last) % (2 * last) - last)
    return replace(clip, **{name: x[order] for name in PER_FRAME if (x := getattr(clip, name)) is not None})
