"""Any source as chunks of frames."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from jaxtyping import UInt8

from pellucid.clip import InputError

from . import _container, _still
from ._source import Source


def stream(
    source: Source, chunk: int = 16, start: int = 0, stop: int | None = None
) -> Iterator[UInt8[np.ndarray, "n H W 3"]]:
    """The frames from `start` up to but not including `stop`, RGB and upright, at most `chunk` at a time.

    Memory does not grow with the video. Exactly `stop - start` frames come, or InputError is raised: a file that was
    damaged or replaced after `open_source` never yields fewer frames in silence.
    """
    stop = source.num_frames if stop is None else stop
    if not 0 <= start <= stop <= source.num_frames:
        raise ValueError(f"frames {start} to {stop} asked of a source with {source.num_frames}")
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk} frames; it must be at least 1")
    if start == stop:
        return
    frames = islice(_frames(source, start), stop - start)
    done = start
    while done < stop:
        # Copies: a decoder's frame may be a view of a buffer it will use again.
        batch = list(islice(frames, min(chunk, stop - done)))
        if len(batch) < min(chunk, stop - done) or any(f.shape[:2] != (source.height, source.width) for f in batch):
            raise InputError(f"{source.path}: changed while it was read (near frame {done}); start again")
        yield np.stack(batch)
        done += len(batch)


def _frames(source: Source, start: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    if source.files:
        return (_still.read(file) for file in source.files[start:])
    if _still.is_animation(source.path):
        return _still.animation(source.path, start)
    return _container.frames(source.path, source.times, start, source.seekable)
