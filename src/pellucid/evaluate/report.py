"""One page to send to a colleague: a single HTML file with everything in it, which opens offline."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from pellucid.evaluate.columns import COLUMNS
from pellucid.evaluate.tables import REGIONS, Result, Table, comparison_tables, everything
from pellucid.store import atomic, read_json

# Of each clip: region, metric. Those that no clip has are not shown.
_CLIP_COLUMNS = (
    ("all", "abs_rel"), ("all", "rmse"), ("all", "delta_1.05"), ("all", "delta_1.25"),
    ("glass", "abs_rel"), ("glass", "delta_1.05"), ("all", "tae"), ("all", "opw"), ("all", "depth_pro_boundary_f1"),
    ("all", "mean"), ("all", "median"), ("all", "under_11.25"), ("glass", "mean"), ("all", "normal_temporal_diff"),
)  # fmt: skip


def write_report(path: Path, results: Sequence[Result], folder: Path, shown: int) -> None:
    """Writes the page of the results of one benchmark and protocol, with pictures of each estimator's worst clips.

    `folder` holds a folder for each estimator, as `pellucid.evaluate.run` left it; `shown` clips of each are pictured.
    Raises InputError when a file of theirs is missing or the page cannot be written.
    """
    page = files("pellucid").joinpath("assets/report.html").read_text(encoding="utf-8")
    text = json.dumps(_content(results, folder, shown), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with atomic(path) as temporary:  # "<" could end the script that holds the data
        temporary.write_text(page.replace("__DATA__", text.replace("<", "\\u003c")), encoding="utf-8")


def _content(results: Sequence[Result], folder: Path, shown: int) -> dict[str, Any]:
    first = results[0]
    receipt = first["receipt"]
    names = ", ".join(r["estimator"] for r in results)
    return {
        "title": f"{names} on {first['benchmark']}",
        "about": [
            f"{first['title']}. {first['clips']} clips, {first['frames']} frames; protocol {first['protocol_name']}, "
            f"alignment {receipt['protocol']['alignment']}; glass: {receipt['masks']}.",
            f"Pellucid {version('pellucid')}, {receipt['date']}. Data: {receipt['data']['url']}; licence: "
            f"{receipt['data']['licence']}.",
        ],
        "columns": {key: asdict(column) | {"heading": column.heading} for key, column in COLUMNS.items()},
        "tables": [_table(table) for table in comparison_tables(results)],
        "everything": [asdict(grid) for grid in everything(results)],
        "estimators": [_estimator(result, folder / result["estimator"], shown) for result in results],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [column.key for column in table.columns],
        "rows": [
            {
                "name": row.name, "source": row.source, "texts": row.texts, "ours": row.ours,
                "best": [table.is_best(row, i) for i in range(len(row.texts))],
            }
            for row in table.rows
        ],
        "notes": table.notes,
    }  # fmt: skip


def _estimator(result: Result, folder: Path, shown: int) -> dict[str, Any]:
    clips = [read_json(folder / "clips" / f"{name}.json") for name in result["clip_names"]]
    worst_by = "abs_rel" if "abs_rel" in result["regions"]["all"] else "mean"
    ranked = sorted(clips, key=lambda clip: -clip["regions"]["all"][worst_by])
    worst = [clip["clip"] for clip in ranked[:shown]]
    columns = [[a, k, _heading(a, k)] for a, k in _CLIP_COLUMNS if any(k in c["regions"].get(a, {}) for c in clips)]
    return {
        "name": result["estimator"],
        "receipt": result["receipt"],
        "left_out": result["left_out"],
        "regions_left_out": result.get("regions_left_out", {}),
        "frames_left_out": result.get("frames_left_out", {}),
        "clips": [{"name": c["clip"], "frames": c["frames"], "regions": c["regions"]} for c in clips],
        "clip_columns": [*columns, ["all", "frames", "frames"]],
        "order": {"index": 0, "down": True},
        "worst_by": f"{COLUMNS[worst_by].title} of {REGIONS['all'].lower()}",
        "worst": worst,
        "pictures": {name: read_json(folder / "pictures" / f"{name}.json") for name in worst},
    }


def _heading(region: str, key: str) -> str:
    name = f"{COLUMNS[key].title} {COLUMNS[key].unit}".strip()
    return name if region == "all" else f"{region} {name}"
