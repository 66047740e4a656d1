"""prediction.json: what the numbers beside it are, and from what they were made."""

from pathlib import Path
from typing import Any

from pellucid.align import Seam
from pellucid.clip import InputError
from pellucid.predict.cloud import FARTHEST, METRES, NEAREST, RELATIVE
from pellucid.predict.plan import Plan
from pellucid.predict.request import FORMATS
from pellucid.predict.run import Measured
from pellucid.store import read_json

NAME = "prediction.json"


def compose(
    plan: Plan,
    measured: Measured,
    metric: dict[str, Any] | None,
    confidence: dict[str, Any] | None,
    values: dict[str, Any],
    formats: list[str],
) -> dict[str, Any]:
    """The sidecar's content; `metric` reports of the fit to metres, `confidence` of the expected error, if any."""
    source, size = plan.source, plan.framing.size
    reports = {name: report for name, report in (("metric", metric), ("confidence", confidence)) if report}
    affine = {"meaning": f"{RELATIVE}; larger is nearer"} if plan.invariance == "affine" else {}
    relative = {"units": RELATIVE, "nearest": NEAREST, "farthest": FARTHEST}
    clouds = {"cloud": {"units": METRES} if metric else relative} if {"ply", "pcd"} & set(formats) else {}
    return {
        "quantity": plan.quantity,
        "invariance": plan.invariance,
        **affine,
        "frame_count": source.num_frames,
        "size": {"height": source.height, "width": source.width},
        "fps": float(source.fps),
        "fps_exact": f"{source.fps.numerator}/{source.fps.denominator}",
        "input": source.path.name,
        **plan.facts,
        "offload": plan.placement.offload,
        "network_size": {"height": size.padded_height, "width": size.padded_width},
        "windows": plan.num_windows,
        "intrinsics": None if plan.K is None else plan.K.tolist(),
        **values,
        **{
            name: {key: value for key, value in report.items() if key != "warnings"} for name, report in reports.items()
        },
        **clouds,
        "seams": [_seam(seam) for seam in measured.seams],
        "warnings": warnings(measured.seams) + [words for report in reports.values() for words in report["warnings"]],
        "files": [FORMATS[name] for name in formats],
        "key": plan.result_key,
        "seconds": {part: round(seconds, 3) for part, seconds in measured.seconds.items()},
        "peak_memory_bytes": measured.peak_memory_bytes,
    }


def warnings(seams: list[Seam]) -> list[str]:
    """One sentence for each pair of windows that does not agree on what it shares."""
    return [
        f"at frame {seam.start} two windows disagree on what they share (residual {seam.residual:.2f}): a jump may "
        "show there; a larger --overlap may help"
        for seam in seams
        if seam.large
    ]


def read(folder: Path) -> dict[str, Any] | None:
    """The sidecar of a finished prediction in the folder, if there is a readable one."""
    if not (folder / NAME).is_file():
        return None
    try:
        content = read_json(folder / NAME)
    except InputError:
        return None  # damaged: not finished
    return content if isinstance(content, dict) else None


def finished(plan: Plan, content: dict[str, Any] | None) -> bool:
    """Whether this very prediction is there, with every format asked for."""
    return set(plan.formats) <= set(still_right(plan, content))


def still_right(plan: Plan, content: dict[str, Any] | None) -> list[str]:
    """The formats in the folder that this very prediction would write again."""
    camera = None if plan.K is None else plan.K.tolist()
    if content is None or content.get("key") != plan.result_key or content.get("intrinsics") != camera:
        return []
    return [name for name in FORMATS if FORMATS[name] in content["files"] and (plan.folder / FORMATS[name]).exists()]


def _seam(seam: Seam) -> dict[str, Any]:
    return {
        "start": seam.start,
        "overlap": seam.overlap,
        "scale": seam.scale,
        "shift": seam.shift,
        "residual": seam.residual,
        "large": seam.large,
    }
