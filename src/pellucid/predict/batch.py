"""All inputs of one command: checked first, then predicted one by one; a bad one does not stop the others."""

import itertools
import shutil
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pellucid.camera import load_intrinsics
from pellucid.clip import InputError
from pellucid.model.pipeline import GeometryPipeline
from pellucid.predict import sidecar
from pellucid.predict.anchors import depth_of
from pellucid.predict.cloud import RELATIVE
from pellucid.predict.completion import find_network
from pellucid.predict.confidence import calibration_asked, write_expected_error
from pellucid.predict.confidence import summary as confidence_summary
from pellucid.predict.exports import Exporter, described
from pellucid.predict.metric import summary, write_metric
from pellucid.predict.model import ChosenModel, choose
from pellucid.predict.placement import Placement, load, place, repeatable
from pellucid.predict.plan import PARTIAL, Plan, make_plan, make_settings
from pellucid.predict.report import bar, complain, say
from pellucid.predict.request import FORMATS, Request
from pellucid.predict.run import Measured, record
from pellucid.store import Recording, write_json
from pellucid.video import Source, expand, open_source, size_in_bytes


def predict(request: Request) -> int:
    """The number of inputs that failed; each has said why in one line.

    Raises InputError when nothing at all can be done: no such model or device.
    """
    placement = place(request.device, request.dtype, request.offload)
    given_K = load_intrinsics(request.intrinsics) if request.intrinsics else None
    sources, count = read_all(request)
    if not sources:
        return _failed(count, count)
    model = choose(request)
    settings = make_settings(request, model)
    network = completion_network(request, model)
    calibration = calibration_asked(request, model, network)
    plans = []
    for source in sources:
        try:
            depth = depth_of(request.metres.depth, source, alone=count == 1) if request.metres.depth else None
            plans.append(make_plan(request, source, model, placement, settings, given_K, depth, network, calibration))
        except InputError as error:
            complain(error)
    announce(request, model, placement)
    waiting = [plan for plan in plans if not _skipped(plan)]
    done = len(plans) - len(waiting)
    if waiting:
        with repeatable(placement.device):
            pipe = load(model, placement)
            done += sum(_predicted(plan, pipe) for plan in waiting)
    return _failed(count - done, count)


def completion_network(request: Request, model: ChosenModel) -> Path | None:
    """The network that completes a sensor, if one is given and it is not for rules to do.

    Raises InputError when it is to be that of a model that there is not.
    """
    if request.metres.metric != "sensor":
        return None
    name = request.metres.completion
    return find_network(model.name if name is None else name, request.local_files_only)


def read_all(request: Request) -> tuple[list[Source], int]:
    """The inputs that can be read to their last frame, and the number of all; each other one has its line."""
    paths: list[Path] = []
    failures: list[InputError] = []
    for given in request.inputs:
        try:
            paths += [path for path in expand([given]) if path not in paths]
        except InputError as error:
            failures.append(error)
    if paths:
        expand(paths)  # two of them may claim one output folder
    count = len(paths) + len(failures)
    sources = []
    sizes = [size_in_bytes(path) for path in paths]
    with bar(sum(sizes), "checking inputs", "B") as progress:
        for path, end in zip(paths, itertools.accumulate(sizes), strict=True):
            try:
                sources.append(open_source(path, progress.update))
            except InputError as error:
                failures.append(error)
            progress.update(end - progress.n)  # a file is more than its packets
    for failure in failures:
        complain(failure)
    return sources, count


def announce(request: Request, model: ChosenModel, placement: Placement) -> None:
    """Says what will run."""
    method, metric = model.config["method"], request.metres.metric
    what = model.quantity if metric is None else f"depth in metres (by {metric})"
    say(
        f"pellucid {version('pellucid')}: {what} by {model.name} ({method}) on {placement.device} in "
        f"{placement.dtype}; writes {', '.join(FORMATS[name] for name in request.formats)}, {sidecar.NAME}"
    )
    if method == "dvd" and (request.steps or 1) > 1:
        say(f"note: {model.name} is a DVD model and predicts in one pass; --steps {request.steps} changes nothing")


def _skipped(plan: Plan) -> bool:
    if not sidecar.finished(plan, sidecar.read(plan.folder)):
        return False
    say(f"{plan.source.path}: is done already (same input, settings and weights), skipped")
    print(plan.folder)
    return True


def _predicted(plan: Plan, pipe: GeometryPipeline) -> bool:
    """Whether one input came through; if not, its line is told."""
    began = time.perf_counter()
    source, size, settings = plan.source, plan.framing.size, plan.settings
    steps = f", steps: {settings.num_inference_steps}" if plan.model.config["method"] == "dkt" else ""
    say(
        f"{source.path}: {source.num_frames} frames of {source.width}x{source.height} at {float(source.fps):.4g} "
        f"frames/s; network {size.padded_width}x{size.padded_height}, windows: {plan.num_windows} of up to "
        f"{settings.window}, overlap {settings.overlap}{steps}"
    )
    try:
        _predict(plan, pipe)
    except InputError as error:
        complain(error)
        _sweep(plan.folder)
        return False
    say(f"  done in {time.perf_counter() - began:.1f} s, results in:")
    print(plan.folder, flush=True)
    return True


def _predict(plan: Plan, pipe: GeometryPipeline) -> None:
    with Recording(plan.folder / PARTIAL, plan.key, plan.tail) as recording:
        measured = record(plan, pipe, recording)
        warnings = sidecar.warnings(measured.seams)
        if warnings:
            more = f" (and {len(warnings) - 1} more such seams, see {sidecar.NAME})" if len(warnings) > 1 else ""
            say(f"  warning: {warnings[0]}{more}")
        with ExitStack() as stack:

            def beside(name: str) -> Recording:
                return stack.enter_context(Recording(plan.folder / PARTIAL / name, plan.result_key, plan.tail))

            values, metric, confidence = recording, None, None
            errors = beside("expected_error") if plan.tells_error else None
            if plan.anchor is not None:
                values = beside("metric")
                metric = write_metric(plan, recording, values, errors)
                say(f"  {summary(metric)}")
            elif {"ply", "pcd"} & set(plan.formats):
                say(f"  the point clouds are {RELATIVE}")
            if errors is not None:
                confidence = _confidence(plan, pipe, measured, recording, errors)
            content = _export(plan, measured, values, metric, confidence, errors if confidence else None)
        write_json(plan.folder / sidecar.NAME, content)
        for left in [path for path in (plan.folder / PARTIAL).iterdir() if path.is_dir()]:
            shutil.rmtree(left)  # records of views, and those that an earlier run with other options left
        recording.discard()


def _confidence(
    plan: Plan, pipe: GeometryPipeline, measured: Measured, recording: Recording, errors: Recording
) -> dict[str, Any] | None:
    """The report of the expected error on record, which more passes fill if no completion network did; None where
    nothing tells it."""
    if plan.calibration is None:
        confidence = errors.meta  # none by a network that the known table overruled
    else:
        confidence = write_expected_error(plan, pipe, recording, errors)
        seconds = confidence.pop("seconds")
        measured.seconds.update(views=seconds, total=measured.seconds["total"] + seconds)
    if not confidence:
        return None
    for sentence in confidence["warnings"]:
        say(f"  warning: {sentence}")
    say(f"  {confidence_summary(confidence)}")
    return confidence


def _export(
    plan: Plan,
    measured: Measured,
    recording: Recording,
    metric: dict[str, Any] | None,
    confidence: dict[str, Any] | None,
    errors: Recording | None,
) -> dict[str, Any]:
    """Writes every format from the record; the sidecar that vouches for them."""
    began = time.perf_counter()
    earlier = sidecar.read(plan.folder)
    (plan.folder / sidecar.NAME).unlink(missing_ok=True)  # while files are replaced, nothing vouches for them
    kept = sidecar.still_right(plan, earlier)
    _remove_others(plan, earlier, kept)
    exporter = Exporter(plan, recording, errors)
    for name in plan.formats:
        exporter.write(name)
    formats = [name for name in FORMATS if name in (*plan.formats, *kept)]
    export = time.perf_counter() - began
    measured.seconds.update(export=export, total=measured.seconds["total"] + export)
    return sidecar.compose(plan, measured, metric, confidence, described(exporter), formats)


def _remove_others(plan: Plan, earlier: dict[str, Any] | None, kept: list[str]) -> None:
    """Removes the files of an earlier prediction that this one neither replaces nor vouches for."""
    for name in [name for name in FORMATS if name not in (*plan.formats, *kept)]:
        path = plan.folder / FORMATS[name]
        if FORMATS[name] not in (earlier or {}).get("files", []):
            continue
        say(f"  removes {path}: it belongs to an earlier prediction with other settings")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what a failed input left, if it is worth nothing: a record without a checkpoint, empty folders."""
    partial = folder / PARTIAL
    if partial.is_dir() and not (partial / "recording.state").exists() and not (partial / "recording.lock").exists():
        shutil.rmtree(partial)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _failed(failures: int, count: int) -> int:
    if failures and count > 1:
        say(f"pellucid: {failures} of {count} inputs failed")
    return failures
