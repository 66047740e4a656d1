"""From the record of a prediction to the files asked for: a second pass, in constant memory, each whole or absent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.predict.cloud import RELATIVE, points
from pellucid.predict.plan import Plan
from pellucid.predict.report import watched
from pellucid.predict.request import FORMATS
from pellucid.store import (
    Recording,
    atomic,
    atomic_folder,
    save_exr_sequence,
    save_npy,
    save_npz,
    save_ply,
    save_png16_sequence,
)
from pellucid.video import VideoWriter, stream
from pellucid.visualize import RangeEstimator, colorize_disparity, colorize_normals, side_by_side

STEADY = 1.5e-3  # seconds: containers round times to a millisecond, and a steady rate is still one


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Of all values of a clip: the least and the greatest, and those that colours and clouds span."""

    least: float
    greatest: float
    low: float
    high: float


class Exporter:
    """Writes the formats of one plan from its record."""

    def __init__(self, plan: Plan, recording: Recording) -> None:
        self.plan, self.recording = plan, recording
        self.shape = (plan.source.num_frames, *plan.tail)
        self.range = self._range() if plan.quantity == "disparity" else None

    def write(self, name: str) -> None:
        """Writes one format. Raises InputError when the disk is full or cannot be written."""
        path = self.plan.folder / FORMATS[name]
        values = self._chunks(f"writing {path.name}")
        if name == "npz":
            save_npz(path, self.plan.quantity, values, self.shape, self.plan.K)
        elif name == "npy":
            save_npy(path, values, self.shape)
        elif name == "exr":
            save_exr_sequence(path, values, self.plan.quantity)
        elif name == "png16":
            r = self.range
            low, high = (-1.0, 1.0) if r is None else (r.least, r.greatest)
            save_png16_sequence(path, values, low, high if high > low else low + 1)
        elif name == "mp4":
            self._preview(values)
        else:
            self._cloud(values)

    def _chunks(self, what: str) -> Iterator[np.ndarray]:
        n = self.plan.chunk
        return watched(self.recording.chunks(n), -(-self.shape[0] // n), f"{self.plan.source.stem}: {what}", "chunk")

    def _range(self) -> Range:
        estimator, least, greatest = RangeEstimator(), np.inf, -np.inf
        for chunk in self._chunks("finding the range"):
            estimator.add(chunk)
            least, greatest = min(least, float(chunk.min())), max(greatest, float(chunk.max()))
        low, high = estimator.range()
        return Range(least=least, greatest=greatest, low=low, high=high)

    def _preview(self, values: Iterator[np.ndarray]) -> None:
        plan, source, r = self.plan, self.plan.source, self.range
        steady = np.abs(source.times - source.times[0] - np.arange(source.num_frames) / float(source.fps)) < STEADY
        times = None if steady.all() else source.times
        with (
            atomic(plan.folder / FORMATS["mp4"]) as path,
            VideoWriter(path, source.height, 2 * source.width, source.fps, times) as writer,
        ):
            for rgb, chunk in zip(stream(source, chunk=plan.chunk), values, strict=True):
                writer.write(
                    side_by_side(
                        rgb, colorize_normals(chunk) if r is None else colorize_disparity(chunk, r.low, r.high)
                    )
                )

    def _cloud(self, values: Iterator[np.ndarray]) -> None:
        plan, r = self.plan, self.range
        assert plan.K is not None and r is not None
        index = 0
        with atomic_folder(plan.folder / FORMATS["ply"]) as folder:
            for rgb, chunk in zip(stream(plan.source, chunk=plan.chunk), values, strict=True):
                for picture, disparity in zip(rgb, chunk, strict=True):
                    where, colors = points(disparity, picture, plan.K, r.low, r.high)
                    save_ply(folder / f"{index:06d}.ply", where, colors, comment=RELATIVE)
                    index += 1


def described(exporter: Exporter) -> dict[str, Any]:
    """What the sidecar says of the values: their range, for disparity."""
    r = exporter.range
    return {} if r is None else {"range": {"least": r.least, "greatest": r.greatest, "colours": [r.low, r.high]}}
