"""From the record of a prediction to the files asked for: a second pass, in constant memory, each whole or absent."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.camera import edge_mask
from pellucid.predict.cloud import METRES, RELATIVE, points, relative_depth
from pellucid.predict.plan import Plan
from pellucid.predict.report import watched
from pellucid.predict.request import FORMATS
from pellucid.store import (
    Recording,
    atomic,
    atomic_folder,
    save_exr_sequence,
    save_graspnet,
    save_npy,
    save_npz,
    save_pcd,
    save_ply,
    save_png16_sequence,
    save_rosbag,
)
from pellucid.video import VideoWriter, stream
from pellucid.visualize import RangeEstimator, colorize_disparity, colorize_error, colorize_normals, side_by_side

MILLIMETRES = 65.535  # metres of the last level, so that a level is a millimetre
STEADY = 1.5e-3  # seconds: containers round times to a millisecond, and a steady rate is still one


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Of all values of a clip: the least and the greatest, and those that colours and clouds span."""

    least: float
    greatest: float
    low: float
    high: float


class Exporter:
    """Writes the formats of one plan from the record of what it holds, and of the expected error if there is one."""

    def __init__(self, plan: Plan, recording: Recording, errors: Recording | None = None) -> None:
        self.plan, self.recording, self.errors = plan, recording, errors
        self.shape = (plan.source.num_frames, *plan.tail)
        self.metric = plan.quantity == "depth"
        self.range = None if plan.quantity == "normals" else self._range()

    def write(self, name: str) -> None:
        """Writes one format. Raises InputError when the disk is full or cannot be written."""
        path = self.plan.folder / FORMATS[name]
        values = self._chunks(f"writing {path.name}")
        if name == "npz":
            errors = None if self.errors is None else self.errors.chunks(self.plan.chunk)
            save_npz(path, self.plan.quantity, values, self.shape, self.plan.K, errors)
        elif name == "npy":
            save_npy(path, values, self.shape)
        elif name == "exr":
            save_exr_sequence(path, values, "Z" if self.metric else self.plan.quantity)
        elif name == "png16":
            save_png16_sequence(path, values, *self._levels())
        elif name == "mp4":
            self._preview(path, values)
        elif name in ("ply", "pcd"):
            self._clouds(path, values, name)
        elif name == "graspnet":
            assert self.plan.K is not None
            frames = ((rgb, depth, ~edge_mask(depth)) for rgb, depth in self._pairs(values))
            save_graspnet(path, frames, self.plan.K)
        else:
            assert self.plan.K is not None
            times = self.plan.source.times - self.plan.source.times[0]
            save_rosbag(path, ((t, *pair) for t, pair in zip(times, self._pairs(values), strict=True)), self.plan.K)

    def _chunks(self, what: str) -> Iterator[np.ndarray]:
        n = self.plan.chunk
        return watched(self.recording.chunks(n), -(-self.shape[0] // n), f"{self.plan.source.stem}: {what}", "chunk")

    def _pairs(self, values: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Every frame's colours and values."""
        for rgb, chunk in zip(stream(self.plan.source, chunk=self.plan.chunk), values, strict=True):
            yield from zip(rgb, chunk, strict=True)

    def _range(self) -> Range:
        estimator, least, greatest = RangeEstimator(), np.inf, -np.inf
        for chunk in self._chunks("finding the range"):
            estimator.add(1 / chunk if self.metric else chunk)
            least, greatest = min(least, float(chunk.min())), max(greatest, float(chunk.max()))
        low, high = estimator.range()
        return Range(least=least, greatest=greatest, low=low, high=high)

    def _levels(self) -> tuple[float, float]:
        """What the first and the last level of 16 bits stand for."""
        if self.metric:
            return 0.0, MILLIMETRES
        if self.range is None:
            return -1.0, 1.0
        low, high = self.range.least, self.range.greatest
        return low, high if high > low else low + 1

    def _preview(self, path: Path, values: Iterator[np.ndarray]) -> None:
        source, r, panels = self.plan.source, self.range, 2 if self.errors is None else 3
        steady = np.abs(source.times - source.times[0] - np.arange(source.num_frames) / float(source.fps)) < STEADY
        times = None if steady.all() else source.times
        with (
            atomic(path) as temporary,
            VideoWriter(temporary, source.height, panels * source.width, source.fps, times) as writer,
        ):
            n = self.plan.chunk
            errors = repeat(None, -(-source.num_frames // n)) if self.errors is None else self.errors.chunks(n)
            for rgb, chunk, error in zip(stream(source, chunk=n), values, errors, strict=True):
                if r is None:
                    colours = colorize_normals(chunk)
                else:
                    colours = colorize_disparity(1 / chunk if self.metric else chunk, r.low, r.high)
                shown = side_by_side(rgb, colours)
                writer.write(shown if error is None else side_by_side(shown, colorize_error(error)))

    def _clouds(self, path: Path, values: Iterator[np.ndarray], name: str) -> None:
        plan, r = self.plan, self.range
        assert plan.K is not None and r is not None
        save = save_ply if name == "ply" else save_pcd
        with atomic_folder(path) as folder:
            for index, (rgb, frame) in enumerate(self._pairs(values)):
                depth = frame if self.metric else relative_depth(frame, r.low, r.high)
                where, colors = points(depth, rgb, plan.K)
                save(folder / f"{index:06d}.{name}", where, colors, comment=METRES if self.metric else RELATIVE)


def described(exporter: Exporter) -> dict[str, Any]:
    """What the sidecar says of the values: their range, but for normals. Of depth, colours span 1/depth."""
    r = exporter.range
    return {} if r is None else {"range": {"least": r.least, "greatest": r.greatest, "colours": [r.low, r.high]}}
