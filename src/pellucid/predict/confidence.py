"""The expected error of one input: more passes of the network, then the spread of their answers by the calibration."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.clip import InputError
from pellucid.model.pipeline import GeometryPipeline, Settings
from pellucid.predict.calibration import Calibration, comparable, load_calibration
from pellucid.predict.model import ChosenModel
from pellucid.predict.plan import PARTIAL, Plan, digest
from pellucid.predict.report import watched
from pellucid.predict.request import Request
from pellucid.predict.run import record
from pellucid.predict.spread import Answers, spreads
from pellucid.predict.views import VIEWS
from pellucid.store import Recording

MEANING = (
    "expected_error: the relative error |depth - truth| / truth to be expected, 0.05 for 5 %, once one scale and shift "
    "of the disparity are fitted for the clip"
)
METRIC_MEANING = f"{MEANING}: that of the depth's shape. What --metric has wrong in scale and shift comes on top"
SOURCE = "the spread over more views of the clip, by the model's calibration"


def calibration_asked(request: Request, model: ChosenModel, network: Path | None) -> Calibration | None:
    """The calibration that `--confidence` needs, if it is asked for; a completion `network` tells its own error.

    Raises InputError when the model has none, or rules complete a sensor, whose error nothing tells.
    """
    if not request.confidence or network is not None:
        return None
    if request.metres.metric == "sensor":
        raise InputError(
            "--confidence: rules do not tell the error of what they keep of a sensor; name a model with a network of "
            "its own by --completion, such as nano, or leave --confidence out"
        )
    return load_calibration(model)


def write_expected_error(plan: Plan, pipe: GeometryPipeline, recording: Recording, errors: Recording) -> dict[str, Any]:
    """Fills the record of the expected error from that of the prediction and from passes over the views; the report.

    Every pass survives a kill like the first. `seconds` of the report are those of all of them.
    """
    if errors.num_frames == plan.source.num_frames:  # by an earlier run
        return errors.meta
    calibration = plan.calibration
    assert calibration is not None
    with ExitStack() as stack:
        records, seconds = [], 0.0
        for view in VIEWS:
            key = digest({"key": plan.key, "view": repr(view)})
            view_record = stack.enter_context(Recording(plan.folder / PARTIAL / view.name, key, plan.tail))
            seconds += record(plan, pipe, view_record, view).seconds["total"]
            records.append(view_record)
        began, total = time.perf_counter(), 0.0

        def answers() -> Iterator[Answers]:
            chunks = zip(recording.chunks(plan.chunk), *(r.chunks(plan.chunk) for r in records), strict=True)
            count = -(-plan.source.num_frames // plan.chunk)
            for prediction, *views in watched(chunks, count, f"{plan.source.stem}: expected error", "chunk"):
                for t, frame in enumerate(prediction):
                    yield frame, [view[t] for view in views]

        for spread in spreads(answers):
            error = calibration.expected_error(spread)
            errors.append(error[None])
            total += float(error.mean(dtype=np.float64))
    report = {
        "meaning": MEANING if plan.anchor is None else METRIC_MEANING,
        "source": SOURCE,
        "mean": total / plan.source.num_frames,
        "views": list(calibration.views),
        "calibrated_on_clips": calibration.clips,
        "least": calibration.errors[0],
        "greatest": calibration.errors[-1],
        "seconds": seconds + time.perf_counter() - began,
        "warnings": warnings(calibration, plan.settings),
    }
    errors.checkpoint({}, report)
    return report


def summary(report: dict[str, Any]) -> str:
    """One sentence of the report."""
    return f"expected relative error {report['mean']:.1%} on average, by {report['source']}"


def warnings(calibration: Calibration, settings: Settings) -> list[str]:
    """A sentence where the model runs otherwise than it was calibrated."""
    now = comparable(settings)
    other = [name for name, value in now.items() if calibration.settings.get(name) != value]
    if not other:
        return []
    told = ", ".join(f"{name} {now[name]} instead of {calibration.settings.get(name)}" for name in other)
    return [f"the expected error was calibrated with other settings ({told}) and may be off"]
