"""The error to be expected of a completed sensor, as its network says it: the record and the report of it."""

from typing import Any

import numpy as np

from pellucid.align import Completed
from pellucid.store import Recording

MEANING = "expected_error: the relative error |depth - truth| / truth to be expected, 0.05 for 5 %, scale included"
SOURCE = "the network that completes the sensor"


class CompletionError:
    """Fills the record frame by frame, and adds up what is expected where the sensor is kept and where it is not."""

    def __init__(self, record: Recording) -> None:
        self._record = record
        self._sums, self._counts = np.zeros(2), np.zeros(2, np.int64)  # filled, kept

    def add(self, index: int, completed: Completed) -> None:
        """Takes frame `index`; they must come in order."""
        error, kept = completed.expected_error, completed.trusted
        assert error is not None
        for which, where in enumerate((~kept, kept)):
            self._sums[which] += error[where].sum(dtype=np.float64)
            self._counts[which] += where.sum()
        if index >= self._record.num_frames:  # else a run was killed between this checkpoint and the depth's
            self._record.append(error[None])

    def finish(self) -> None:
        """Makes the record durable with its report, plain JSON: means over all pixels, the kept and the filled."""
        filled, kept = (
            float(total / count) if count else None for total, count in zip(self._sums, self._counts, strict=True)
        )
        report: dict[str, Any] = {
            "meaning": MEANING,
            "source": SOURCE,
            "mean": float(self._sums.sum() / self._counts.sum()),
            "mean_kept": kept,
            "mean_filled": filled,
            "warnings": [],
        }
        self._record.checkpoint({}, report)
