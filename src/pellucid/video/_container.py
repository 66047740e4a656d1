"""Video files by PyAV: every frame is accounted for, upright and with square pixels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import Float, UInt8

from pellucid.clip import InputError

# Scalers that round a size store the rounding as a pixel shape such as 3856:3843. The flattest real one is 10:11.
SQUARE_TOLERANCE = 0.02
# Containers state their length in many ways; a gap of this share and at least a second means that an end is missing.
LENGTH_TOLERANCE = 0.02
SEEK_MARGIN = 1.0  # seconds before the wanted frame: containers seek by decoding time, which runs ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one full pass over a video found."""

    height: int
    width: int
    fps: Fraction
    times: Float[np.ndarray, " T"]  # seconds
    seekable: bool  # every frame has its own increasing time stamp


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a stored frame becomes the displayed one: stretch to square pixels, then transpose, then flip."""

    height: int  # of the stretched frame, before turning
    width: int
    transpose: bool
    flip_rows: bool
    flip_columns: bool

    @property
    def shown(self) -> tuple[int, int]:
        return (self.width, self.height) if self.transpose else (self.height, self.width)


def measure(path: Path, advance: Callable[[int], object]) -> Track:
    """The size, rate and frame times of a video, counted by decoding all of it; `advance` is told the bytes read.

    Raises InputError when there is no picture, or when any part of the file is missing or damaged.
    """
    times: list[float | None] = []
    layout = None
    with _open(path) as container:
        stream = _video_stream(container, path)
        rate = stream.average_rate
        for frame in _whole(container, stream, path, advance):
            if layout is None:
                layout = _layout(frame, stream, path)
            _require_same(layout, _layout(frame, stream, path), len(times), path)
            times.append(frame.time)
    if layout is None:
        raise InputError(f"{path}: no frame can be decoded; check that a video player shows it, or export it again")
    stamps = np.array([np.nan if time is None else time for time in times])
    seekable = bool(np.isfinite(stamps).all() and (np.diff(stamps) > 0).all())
    if not rate or not 0 < rate < 1000:
        rate = Fraction((len(stamps) - 1) / (stamps[-1] - stamps[0])).limit_denominator(1001) if seekable else 0
    rate = Fraction(rate) if rate and rate > 0 else Fraction(24)
    if not seekable:
        stamps = np.arange(len(times)) / float(rate)
    height, width = layout.shown
    return Track(height=height, width=width, fps=rate, times=stamps, seekable=seekable)


def frames(
    path: Path, times: Float[np.ndarray, " T"], start: int, seekable: bool
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The displayed frames from number `start` to the end, as `measure` counted them.

    Raises InputError when the file is damaged or no longer the one that was measured.
    """
    with _open(path) as container:
        stream = _video_stream(container, path)
        index = 0
        decoded: Iterator[Any] = _decoded(container, stream, path)
        if seekable and times[start] - times[0] > 2 * SEEK_MARGIN:
            container.seek(int((times[start] - SEEK_MARGIN) / stream.time_base), stream=stream)
            first = next(decoded, None)
            index = start + 1 if first is None else int(np.searchsorted(times, first.time))
            if first is not None and index <= start and times[index] == first.time:
                decoded = chain([first], decoded)
            else:  # this container does not seek by time stamps: from the beginning, then
                yield from frames(path, times, start, seekable=False)
                return
        for frame in decoded:
            if seekable and (index >= len(times) or frame.time != times[index]):
                raise InputError(f"{path}: frame {index} is not where it was; the file changed while it was read")
            if index >= start:
                yield _upright(frame, _layout(frame, stream, path))
            index += 1


def _open(path: Path) -> Any:
    """The opened container; FFmpeg's own log is silent (PyAV's default), its errors arrive as InputError."""
    try:
        # Absolute, so that a name such as "http:x.mp4" stays a name. Foreign metadata may be in any encoding.
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{path}: not a video that can be opened ({error.strerror}); the file may be cut off before its index, "
            f"or be no video at all: download or export it again"
        ) from error
    if container.format.name.endswith("_pipe"):
        container.close()
        raise InputError(f"{path}: holds a still picture of a kind that is not read; export it as PNG or JPEG")
    return container


def _video_stream(container: Any, path: Path) -> Any:
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not videos:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise InputError(f"{path}: has no picture, only {kinds}; give a file with a video track")
    videos[0].thread_type = "AUTO"
    return videos[0]


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    """Frames in display order; damage anywhere raises InputError."""
    count = 0
    try:
        for packet in container.demux(stream):
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise _damaged(path, count, None)
                yield frame
                count += 1
    except (av.FFmpegError, EOFError) as error:
        raise _damaged(path, count, None) from error


def _whole(container: Any, stream: Any, path: Path, advance: Callable[[int], object]) -> Iterator[Any]:
    """Frames in display order, with a proof that the file held all it promises."""
    count = packets = 0
    last = 0.0
    damaged = False
    try:
        for packet in container.demux():  # all tracks: sound may rightly be longer than the picture
            advance(packet.size)
            if packet.dts is not None:
                last = max(last, float((packet.dts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            packets += bool(packet.size) or packet.dts is not None
            damaged |= packet.is_corrupt
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise _damaged(path, count, _promised(container, stream))
                yield frame
                count += 1
    except (av.FFmpegError, EOFError) as error:
        raise _damaged(path, count, _promised(container, stream)) from error
    promised = _promised(container, stream)
    if promised is None:
        length = (container.duration or 0) / av.time_base
        damaged |= length - (last - (container.start_time or 0) / av.time_base) > max(1, LENGTH_TOLERANCE * length)
    elif packets < promised:
        damaged = True
    if damaged:
        raise _damaged(path, count, promised)


def _promised(container: Any, stream: Any) -> int | None:
    """The number of coded frames that the index lists (the mp4 family alone has a full one)."""
    return len(stream.index_entries) if container.format.name.startswith("mov") else None


def _damaged(path: Path, count: int, promised: int | None) -> InputError:
    of = f" of {promised}" if promised else ""
    return InputError(
        f"{path}: cut off or damaged, {count}{of} frames can be read before the damage; get a whole copy, "
        f'or keep what is left with: ffmpeg -i "{path.name}" -crf 16 "{path.stem}-repaired.mp4"'
    )


def _require_same(expected: _Layout, found: _Layout, index: int, path: Path) -> None:
    if found != expected:
        (h, w), (height, width) = expected.shown, found.shown
        raise InputError(
            f"{path}: the picture changes from {w}x{h} to {width}x{height} (width x height, or its rotation) at frame "
            f"{index}; cut the video there, or re-encode it to one size with ffmpeg"
        )


def _layout(frame: Any, stream: Any, path: Path) -> _Layout:
    ratio = float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
    square = abs(ratio - 1) <= SQUARE_TOLERANCE
    width = frame.width if square else max(1, round(frame.width * ratio))
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return _Layout(frame.height, width, False, False, False)
    # Row vectors: (x, y) is shown at (a x + c y, b x + d y), in 16.16 fixed point.
    a, b, _, c, d, *_ = np.frombuffer(bytes(side_data), np.int32).tolist()
    if b == c == 0 and a and d:
        return _Layout(frame.height, width, False, d < 0, a < 0)
    if a == d == 0 and b and c:
        return _Layout(frame.height, width, True, b < 0, c < 0)
    raise InputError(f"{path}: is tilted by other than quarter turns; bake the rotation in by re-encoding with ffmpeg")


def _upright(frame: Any, layout: _Layout) -> UInt8[np.ndarray, "H W 3"]:
    rgb = frame.to_ndarray(format="rgb24", width=layout.width, height=layout.height)
    rgb = rgb.transpose(1, 0, 2) if layout.transpose else rgb
    rgb = rgb[::-1] if layout.flip_rows else rgb
    return rgb[:, ::-1] if layout.flip_columns else rgb
