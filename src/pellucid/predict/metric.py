"""Metric depth of one input: a fit over the whole record in one pass, its application in a second, constant memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.align import (
    FARTHER,
    NEARER,
    Completer,
    Evidence,
    MetricFit,
    complete_depth,
    depth_from_disparity,
    fit_metric,
)
from pellucid.camera import focal_length
from pellucid.clip import InputError
from pellucid.predict.anchors import Anchor, Known
from pellucid.predict.completion import load_network
from pellucid.predict.completion_error import CompletionError
from pellucid.predict.plan import Plan
from pellucid.predict.report import say, watched
from pellucid.store import Recording
from pellucid.video import stream

PLANE_GATE = 0.02  # metres by which a sensor may miss a known table and still be believed
FEW = 0.2  # share of inliers below which a fit is doubtful
OVERRULED = 0.2  # share of what a sensor sees above which the model replaces it with a word
MUCH = 3  # residuals by which the depth may drift without a word


def write_metric(plan: Plan, disparity: Recording, depth: Recording, errors: Recording | None) -> dict[str, Any]:
    """Fills the record of depth from that of disparity, and `errors` where a network completes a sensor and so tells
    the error to be expected; the report of how, plain JSON.

    Raises InputError when nothing metric is known, or it cannot be brought together with the disparity.
    """
    anchor, total = plan.anchor, plan.source.num_frames
    assert anchor is not None
    if depth.num_frames == total:  # by an earlier run
        return depth.meta
    fit, by_table, warnings = _fit(plan, anchor, disparity)
    known = trusted = 0
    network = None if by_table else anchor.network
    complete = _completer(plan, anchor, network, by_table)
    expected = None if network is None or errors is None else CompletionError(errors)
    colours, focal = _colours(plan), None if plan.K is None else focal_length(plan.K)
    for index, frame in enumerate(_frames(plan, disparity, "in metres")):
        metres = depth_from_disparity(frame, *fit.lines.at(index))
        if anchor.sensor is not None:
            sensor = anchor.sensor.read(index)
            completed = complete(next(colours), metres, sensor, focal)
            metres, known = completed.depth, known + int(np.isfinite(sensor).sum())
            trusted += int(completed.trusted.sum())
            if expected is not None:
                expected.add(index, completed)
        depth.append(metres[None])
    if known - trusted > OVERRULED * known and not by_table:
        warnings.append(
            f"the model overrules {1 - trusted / known:.0%} of what the sensor sees; where that is neither glass nor "
            "metal the model is wrong; --completion rules with a larger --farther and --nearer keeps more of the sensor"
        )
    for sentence in warnings:
        say(f"  warning: {sentence}")
    lines = zip(fit.lines.knots, fit.lines.scales, fit.lines.shifts, strict=True)
    pixels = total * int(np.prod(plan.tail))
    shares = {"known_share": known / pixels, "trusted_share": trusted / pixels, "filled_share": 1 - trusted / pixels}
    by_rules = {"completion": "rules", "trusted_farther": FARTHER, "trusted_nearer": NEARER}
    report = {
        **anchor.facts,
        **(by_rules if anchor.network is not None and by_table else {}),
        "tolerance_per_metre": fit.tolerance,
        "inlier_share": fit.inliers,
        "residual_mm": fit.residual * 1e3,
        "drift_mm": fit.drift * 1e3,
        "lines": [{"frame": float(knot), "scale": float(a), "shift": float(b)} for knot, a, b in lines],
        **(shares if anchor.sensor is not None else {}),
        "warnings": warnings,
    }
    if expected is not None:
        expected.finish()
    depth.checkpoint({}, report)
    return report


def summary(report: dict[str, Any]) -> str:
    """One sentence of the report."""
    filled = f"; {report['filled_share']:.0%} of all pixels filled by the model" if "filled_share" in report else ""
    return (
        f"metres by {report['anchor']}: {report['inlier_share']:.0%} agree within {report['tolerance_per_metre']:.3g} "
        f"1/m, residual {report['residual_mm']:.1f} mm, drift {report['drift_mm']:.1f} mm{filled}"
    )


def _fit(plan: Plan, anchor: Anchor, disparity: Recording) -> tuple[MetricFit, bool, list[str]]:
    """The fit over the clip, whether it is by the known table against the sensor, and what the user should know."""
    fit, warnings, by_table = _fit_to(plan, anchor, disparity, anchor.known), [], False
    table = anchor.table
    if table is not None:
        other = _fit_to(plan, anchor, disparity, lambda *_: table)
        apart = abs(other.depth_at(other.middle) - fit.depth_at(other.middle))
        if apart > PLANE_GATE:
            fit, by_table = other, True
            warnings.append(
                f"the sensor misses the given plane by {apart * 1e3:.0f} mm, as over glass or a mirror; the plane is "
                "believed" + (", and rules complete the sensor, which tell no expected error" if anchor.network else "")
            )
    if fit.inliers < FEW:
        warnings.append(
            f"only {fit.inliers:.0%} of what is known in metres agrees with the fit: look at the depth before you "
            "rely on it"
        )
    if anchor.request.drift is None and fit.drift > MUCH * fit.residual:
        warnings.append(
            f"depth drifts by {fit.drift * 1e3:.0f} mm over the clip; --drift {max(plan.source.num_frames // 8, 1)} "
            "lets scale and shift follow"
        )
    return fit, by_table, warnings


def _fit_to(plan: Plan, anchor: Anchor, disparity: Recording, known: Known) -> MetricFit:
    total, evidence = plan.source.num_frames, Evidence()
    asked = range(total) if anchor.most_frames is None else np.linspace(0, total - 1, anchor.most_frames).astype(int)
    wanted = set(map(int, asked))
    colours = _colours(plan) if anchor.sees else None
    for index, frame in enumerate(_frames(plan, disparity, "finding the scale")):
        rgb = None if colours is None else next(colours)
        if index in wanted and evidence.wants(index):
            metres = known(index, rgb)
            if metres is not None:
                evidence.add(index, frame, metres)
    request = anchor.request
    if request.metric == "tag" and not evidence.pairs().frames.size:
        family = anchor.facts["tag_family"]
        raise InputError(f"{plan.source.path}: no AprilTag of the family {family} is seen; name another --tag-family")
    try:
        return fit_metric(evidence, tolerance=request.tolerance, spacing=request.drift)
    except InputError as error:
        raise InputError(f"{plan.source.path}: {error}") from error


def _completer(plan: Plan, anchor: Anchor, network: Path | None, by_table: bool) -> Completer:
    """What completes the sensor; metres by a known table are not corrected by a sensor that misses it."""
    if network is not None:
        return load_network(network, plan.placement.device)
    farther, nearer = anchor.request.trust
    return lambda _rgb, model, sensor, _focal: complete_depth(
        model, sensor, farther=farther, nearer=nearer, believe_model=by_table
    )


def _colours(plan: Plan) -> Iterator[np.ndarray]:
    return (rgb for chunk in stream(plan.source, chunk=plan.chunk) for rgb in chunk)


def _frames(plan: Plan, disparity: Recording, what: str) -> Iterator[np.ndarray]:
    chunks = -(-plan.source.num_frames // plan.chunk)
    for chunk in watched(disparity.chunks(plan.chunk), chunks, f"{plan.source.stem}: {what}", "chunk"):
        yield from chunk
