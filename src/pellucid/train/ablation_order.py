"""The order of our arms, and how it is beside each of the paper's tables."""

from dataclasses import asdict
from typing import Any

from pellucid.evaluate.columns import COLUMNS
from pellucid.evaluate.published import PublishedTable, published_tables
from pellucid.evaluate.trend import agreement, order
from pellucid.train.ablations import Ablation

JUDGED = "abs_rel"  # the metric that every table of the papers has
SHOWN = (JUDGED, "delta_1.05", "delta_1.25", "tae", "glass_abs_rel")


def compared(
    ablation: Ablation, arms: list[dict[str, Any]], repetitions: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """The order of the arms in each shown metric, and the agreement with each of the paper's tables, as plain JSON."""
    orders = {}
    for key in SHOWN:
        # Repetitions in which an arm lacks the metric, as clips without glass do, count for none.
        kept = [k for k, rows in enumerate(zip(*repetitions.values(), strict=True)) if all(key in row for row in rows)]
        if kept:
            scores = {name: [rows[k][key] for k in kept] for name, rows in repetitions.items()}
            orders[key] = order(scores, COLUMNS[key.removeprefix("glass_")].better)
    published = []
    for table in _tables(ablation):
        printed = {arm["name"]: n for arm in arms if (n := _number(table, arm["printed"])) is not None}
        found = agreement(orders[JUDGED], printed)
        if found is not None:
            cited = {"what": table.what, "place": f"{table.paper} {table.place}", "citation": table.citation}
            told = {"note": table.note, "printed": printed, "verdict": found.verdict}
            published.append(cited | told | asdict(found))
    shown = {
        key: {"means": o.means, "least": o.least, "best": o.best, "equals_of_best": o.equals_of_best}
        for key, o in orders.items()
    }
    return {"orders": shown, "published": published}


def _tables(ablation: Ablation) -> list[PublishedTable]:
    tables = [t for t in published_tables() if t.kind == "ablation" and t.paper == ablation.paper]
    return [t for t in tables if t.table in ablation.tables]


def _number(table: PublishedTable, method: str) -> float | None:
    numbers = dict(table.rows).get(method, {})
    return numbers[JUDGED].value if JUDGED in numbers else None
