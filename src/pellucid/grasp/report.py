"""The table of success and the curve of what errors cost, for people (report.md) and programs (report.json)."""

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pellucid.grasp.chart import curve_chart
from pellucid.grasp.disturbance import AMOUNTS, BLOB, CURVE, CURVE_CELL
from pellucid.grasp.methods import ORACLE, RAW, Method
from pellucid.grasp.request import GraspRequest
from pellucid.grasp.scenes import RESOLUTION, Cell
from pellucid.grasp.success import mcnemar, wilson
from pellucid.grasp.trials import Row
from pellucid.store import atomic, write_json

# Success on table tops of each kind, Table VI of DKT (arXiv:2512.23705): a real arm and AnyGrasp, trial counts not
# given. Its mean is over all trials, not over the columns.
PAPER = {
    "RAW": (0.47, 0.18, 0.56, 0.384),
    "DAv2": (0.60, 0.27, 0.56, 0.46),
    "DepthCrafter": (0.67, 0.23, 0.625, 0.48),
    "DKT-1.3B": (0.80, 0.59, 0.81, 0.73),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of some trials of one method. Errors are medians over trials, millimetres."""

    trials: int
    successes: int
    outcomes: dict[str, int]
    known: float
    error_mm: float | None
    bias_mm: float | None
    versus_raw: float | None  # McNemar's p, on the scenes that both tried

    def rate(self) -> tuple[float, float, float]:
        """The share of successes, and the ends of its interval."""
        return self.successes / self.trials, *wilson(self.successes, self.trials)

    def shown(self) -> str:
        rate, low, high = self.rate()
        return f"{rate:.2f} [{low:.2f}, {high:.2f}]"

    def encoded(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}  # type: ignore[attr-defined]
        return fields | dict(zip(("rate", "low", "high"), self.rate(), strict=True))


def tally(rows: list[Row], raw: list[Row]) -> Tally:
    """Of one method's rows; `raw` are RAW's, of any scenes. Raises ValueError when there is no row."""
    theirs = {(row.cell, row.seed): row.outcome == "success" for row in raw}
    pairs = Counter(
        (row.outcome == "success", theirs[row.cell, row.seed]) for row in rows if (row.cell, row.seed) in theirs
    )
    return Tally(
        trials=len(rows),
        successes=sum(row.outcome == "success" for row in rows),
        outcomes=dict(sorted(Counter(row.outcome for row in rows).items())),
        known=median(row.known for row in rows),
        error_mm=_median(row.error_mm for row in rows),
        bias_mm=_median(row.bias_mm for row in rows),
        versus_raw=mcnemar(pairs[True, False], pairs[False, True]) if pairs else None,
    )


def save_report(request: GraspRequest, methods: list[Method], rows: Iterable[Row]) -> list[Path]:
    """Writes report.md and report.json of the methods, cells and seeds asked for, and curve.svg if there is one; their
    paths."""
    asked = [row for row in rows if row.seed in request.seeds]
    of = {method.name: _chosen(asked, method) for method in methods}
    cells: dict[str, dict[str, Tally]] = {}
    for name, own in of.items():
        groups = {cell.name: [row for row in own if row.cell == cell.name] for cell in request.chosen}
        groups["all"] = [row for row in own if row.cell in groups]
        cells[name] = {group: tally(found, of[RAW.name]) for group, found in groups.items()}
    curve = {}
    if request.curve:
        for disturbance in CURVE:
            own = _chosen(asked, Method(source="oracle", disturbance=disturbance))
            if own:
                curve[disturbance.name] = tally(own, [])
    command = _command(request)
    pages = [request.out / "report.md", request.out / "report.json"]
    with atomic(pages[0]) as temporary:
        temporary.write_text(_page(command, request, cells, curve), encoding="utf-8")
    content = {"command": command, "planner": request.planner, "paper": PAPER}
    content["table"] = {name: {group: t.encoded() for group, t in own.items()} for name, own in cells.items()}
    content["curve"] = {name: t.encoded() for name, t in curve.items()}
    write_json(pages[1], content)
    if curve:
        pages.append(request.out / "curve.svg")
        with atomic(pages[-1]) as temporary:
            temporary.write_text(_chart(cells[ORACLE.name][CURVE_CELL], curve), encoding="utf-8")
    return pages


def _chart(oracle: Tally, curve: dict[str, Tally]) -> str:
    """The curve as a picture; the truth itself is the error of 0."""
    points = {kind: [(0.0, *oracle.rate())] for kind in AMOUNTS}
    for disturbance in CURVE:
        if disturbance.name in curve:
            points[disturbance.kind].append((disturbance.amount, *curve[disturbance.name].rate()))
    return curve_chart(points)


def _chosen(rows: list[Row], method: Method) -> list[Row]:
    return [row for row in rows if (row.method, row.identity) == (method.name, method.version)]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _command(request: GraspRequest) -> str:
    """The command that makes this report again, but for what only changes how fast."""
    words = ["pellucid", "grasp"]
    if request.estimator:
        words += ["--estimator", *request.estimator]
    words += ["--trials", str(request.trials), "--seed", str(request.seed)]
    default = type(request)(out=request.out)
    for name in ("cells", "planner", "samples"):
        value = getattr(request, name)
        if value != getattr(default, name):
            words += [f"--{name}", *(value if isinstance(value, tuple) else [str(value)])]
    words += ["--curve"] if request.curve else []
    return f"{shlex.join(words)} --out DIR"


def _page(command: str, request: GraspRequest, cells: dict[str, dict[str, Tally]], curve: dict[str, Tally]) -> str:
    columns = [_title(cell) for cell in request.chosen] + (["all"] if len(request.chosen) > 1 else [])
    shown = {name: list(own.values())[: len(columns)] for name, own in cells.items()}
    parts = [
        f"# Grasping\n\n`{command}`\n",
        f"Success with its 95 % confidence interval, {request.trials} trials of each method in each column, all "
        "methods on the same scenes. A success is the object that was to be grasped, still held after lift "
        "and shake.\n",
        _table(["method", *columns], [[name, *(t.shown() for t in own)] for name, own in shown.items()]),
        "p of a difference from RAW on the same scenes (McNemar, exact):\n",
        _table(
            ["method", *columns],
            [[name, *(_p(t.versus_raw) for t in own)] for name, own in shown.items() if name != RAW.name],
        ),
        "What the target's pixels have: share with a depth, median absolute error and median error (positive is too "
        "far) in mm, medians over scenes:\n",
        _table(["method", *columns], [[name, *(_errors(t) for t in own)] for name, own in shown.items()]),
        "What came of all trials:\n",
        _table(
            ["method", *OUTCOMES],
            [[name, *(str(own["all"].outcomes.get(o, 0)) for o in OUTCOMES)] for name, own in cells.items()],
        ),
        "The paper's Table VI (a real arm, AnyGrasp; columns are table tops; trial counts not given):\n",
        _table(
            ["method", "translucent table", "reflective table", "diffuse table", "mean"],
            [[name, *(f"{value:g}" for value in values)] for name, values in PAPER.items()],
        ),
    ]
    if curve:
        parts += [
            "## What an error costs\n",
            "Success on the truth made worse, diffuse objects on a diffuse table: all of it moved away by so many mm; "
            f"smooth noise of that standard deviation, hills {BLOB} pixels wide; a Gaussian blur of so many pixels of "
            f"the depth image, which is {RESOLUTION[1]} wide. Things are about 0.6 m away.\n",
            "![Success over the amount of each error](curve.svg)\n",
            _table(
                ["error", "success", "median error on the target, mm"],
                [[name, t.shown(), _number(t.error_mm)] for name, t in curve.items()],
            ),
        ]
    return "\n".join(parts)


OUTCOMES = ("success", "collision", "missed", "slipped", "wrong object", "no grasp")


def _title(cell: Cell) -> str:
    return f"{cell.table} table" if cell.objects == "mixed" else f"{cell.objects} objects"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def _errors(t: Tally) -> str:
    bias = "none" if t.bias_mm is None else f"{t.bias_mm:+.1f}"
    return f"{t.known:.2f}, {_number(t.error_mm)}, {bias}"
