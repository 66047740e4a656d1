"""Videos that any player opens: H.264 in mp4."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from jaxtyping import Float, UInt8

from pellucid.clip import InputError

VARIABLE_TIME_BASE = Fraction(1, 90_000)  # seconds; the clock of broadcast video, a multiple of the usual rates
THREADS = 4  # fixed: x264's bytes depend on the number, not on the machine


class VideoWriter:
    """Writes frames to an H.264 mp4 (yuv420p, BT.709, index first); the same frames give the same bytes.

    Odd sizes are padded to even ones by repeating the last row or column, as the format demands.
    `times` (seconds, increasing, one for each frame) keeps a variable frame rate; the video starts at zero whatever
    the first is. `crf` is x264's quality: 0 is lossless, 18 hardly distinguishable, 51 worst.
    Raises InputError when the file cannot be written. On an exception the file is left unfinished: write to a
    temporary name.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        fps: Fraction,
        times: Float[np.ndarray, " T"] | None = None,
        crf: int = 18,
    ) -> None:
        if times is not None and not (np.diff(times) > 0).all():
            raise ValueError("the times of a video's frames must increase")
        self._path, self._height, self._width = path, height, width
        self._times = times
        self._count = 0
        self._time_base = 1 / fps if times is None else VARIABLE_TIME_BASE
        self._container: Any = av.open(
            str(path.absolute()), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        )
        self._stream = self._container.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._time_base
        context = self._stream.codec_context
        context.time_base = self._time_base
        # Macroblock-tree off: with it, one encode in thirty of the same frames has other bytes, even with one thread.
        context.options = {"crf": str(crf), "preset": "veryfast", "threads": str(THREADS), "mbtree": "0"}
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        try:
            self._container.start_encoding()  # opens the file: a folder that cannot be written shows before any work
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def write(self, frames: UInt8[np.ndarray, "n H W 3"]) -> None:
        """Appends frames of the size given at the start."""
        if frames.shape[1:3] != (self._height, self._width):
            raise ValueError(f"frames of {frames.shape[1:3]} for a video of {(self._height, self._width)}")
        padding = ((0, 0), (0, self._height % 2), (0, self._width % 2), (0, 0))
        for picture in np.pad(frames, padding, mode="edge"):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.time_base = self._time_base
            frame.pts, frame.duration = (
                self._clock(self._count),
                self._clock(self._count + 1) - self._clock(self._count),
            )
            self._count += 1
            self._mux(frame)

    def close(self) -> None:
        """Completes the file. Raises ValueError when `times` told of more frames than were written."""
        if self._times is not None and self._count != len(self._times):
            self._abandon()
            raise ValueError(f"{self._count} frames written but {len(self._times)} times given")
        self._mux(None)
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._abandon()

    def _clock(self, index: int) -> int:
        """When frame `index` appears, in time base units; the last frame stays as long as the one before it."""
        times = self._times
        if times is None:
            return index
        if index > len(times):
            raise ValueError(f"more frames written than the {len(times)} times given")
        if index == len(times):
            return 2 * self._clock(index - 1) - self._clock(index - 2) if index > 1 else round(1 / self._time_base)
        return round(Fraction(float(times[index] - times[0])) / self._time_base)

    def _mux(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            self._abandon()
            raise self._unwritable(error) from error

    def _abandon(self) -> None:
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            return  # the file is unfinished in any case, and the first error says why

    def _unwritable(self, error: Exception) -> InputError:
        reason = getattr(error, "strerror", None) or error
        return InputError(f"{self._path}: cannot be written ({reason}); free some space or choose another folder")
