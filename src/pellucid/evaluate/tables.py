"""Results as tables, in Markdown and LaTeX, beside the rows that the papers print."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.evaluate.columns import COLUMNS, DEPTH_COLUMNS, NORMAL_COLUMNS, Column
from pellucid.evaluate.published import Printed, PublishedTable, published_for

Result = dict[str, Any]  # what `pellucid.evaluate.run` writes

REGIONS = {"all": "All pixels", "glass": "Glass alone", "background": "Without glass"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: the numbers as text, and the values to compare."""

    name: str
    source: str
    texts: list[str]
    values: list[float | None]
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Lines under columns, with what must be known to read them."""

    title: str
    about: str  # the set
    columns: list[Column]
    rows: list[Row]
    notes: list[str]

    def is_best(self, row: Row, index: int) -> bool:
        """Whether the row has the best value of a column in which there is something to compare, as it is printed."""
        known = [(value, r.texts[index]) for r in self.rows if (value := r.values[index]) is not None]
        if len(known) < 2 or row.values[index] is None:
            return False
        best = (min if self.columns[index].better == "lower" else max)(known)
        return row.texts[index] == best[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A plain table of text."""

    heads: list[str]
    rows: list[list[str]]

    @property
    def markdown(self) -> str:
        """The first column to the left, the others to the right."""
        lines = [self.heads, ["---"] + ["---:"] * (len(self.heads) - 1), *self.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def comparison_tables(results: Sequence[Result]) -> list[Table]:
    """For each region one table of the estimators, that of all pixels with the papers' comparisons below ours.

    The results are of one benchmark and protocol. Estimators of depth and of normals have tables of their own.
    """
    tables = []
    for columns, group in _by_quantity(results):
        benchmark, protocol = group[0]["benchmark"], group[0]["protocol_name"]
        published = [t for t in published_for(benchmark, protocol) if set(t.metrics) & (set(columns) | _edges(columns))]
        named = [*columns, *(m for t in published for m in t.metrics if m not in columns)]
        shown = [COLUMNS[key] for key in named]
        for region, title in REGIONS.items():
            rows = [_own_row(result, region, shown) for result in group if region in result["regions"]]
            if not rows:
                continue
            theirs = published if region == "all" else []
            rows += [_printed_row(method, t, numbers, shown) for t in theirs for method, numbers in t.rows]
            notes = _notes(group, region)
            if theirs:
                cited = ", ".join(dict.fromkeys(t.citation for t in theirs))
                notes.append(f"Rows from papers as printed, their clips may be cut otherwise: {cited}.")
            notes += [f"{t.citation}, {t.what}: {t.note}" for t in theirs if t.note]
            kind = f"Normals, {title.lower()}" if columns == NORMAL_COLUMNS else title
            tables.append(Table(title=kind, about=group[0]["title"], columns=shown, rows=rows, notes=notes))
    return tables


def everything(results: Sequence[Result]) -> list[Grid]:
    """Every metric of every estimator and region, and what the truth itself scores in those that know no truth."""
    grids = []
    for _, group in _by_quantity(results):
        heads = [(r, region) for r in group for region in REGIONS if region in r["regions"]]
        rows = []
        for key, column in COLUMNS.items():
            if any(key in r["regions"][region] for r, region in heads):
                floor = group[0]["truth_scores"].get(key)
                cells = [column.shown(r["regions"][region].get(key)) for r, region in heads]
                rows.append([column.heading, *cells, "" if floor is None else column.shown(floor)])
        names = [f"{r['estimator']}: {REGIONS[region].lower()}" for r, region in heads]
        grids.append(Grid(heads=["metric", *names, "the truth itself"], rows=rows))
    return grids


def ablations(results: Sequence[Result]) -> list[Table]:
    """The papers' other tables about this benchmark, by themselves."""
    result = results[0]
    tables = []
    for t in published_for(result["benchmark"], result["protocol_name"], "ablation"):
        columns = [COLUMNS[m] for m in t.metrics]
        rows = [_printed_row(method, t, numbers, columns) for method, numbers in t.rows]
        tables.append(
            Table(title=t.citation, about=t.what, columns=columns, rows=rows, notes=[t.note] if t.note else [])
        )
    return tables


def markdown(table: Table) -> str:
    """A table that Markdown shows, the best of each column bold."""
    lines = [
        f"### {table.title}: {table.about}",
        "",
        f"| method | from | {' | '.join(c.heading for c in table.columns)} |",
    ]
    lines.append("|---|---" + "|---:" * len(table.columns) + "|")
    for row in table.rows:
        name = f"**{row.name}**" if row.ours else row.name
        cells = [f"**{text}**" if table.is_best(row, i) else text for i, text in enumerate(row.texts)]
        lines.append(f"| {name} | {row.source} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes), ""])


def latex(table: Table) -> str:
    r"""A table for LaTeX with the package booktabs, the best of each column bold, a rule between ours and theirs."""
    lines = [r"\begin{table}", r"  \centering", rf"  \caption{{{_tex(f'{table.about}: {table.title}')}}}"]
    lines += [rf"  \begin{{tabular}}{{ll{'r' * len(table.columns)}}}", r"    \toprule"]
    lines.append(f"    method & from & {' & '.join(_tex(c.heading) for c in table.columns)} \\\\")
    lines.append(r"    \midrule")
    for before, row in zip([None, *table.rows], table.rows, strict=False):
        if before is not None and before.ours and not row.ours:
            lines.append(r"    \midrule")
        cells = [rf"\textbf{{{_tex(t)}}}" if table.is_best(row, i) else _tex(t) for i, t in enumerate(row.texts)]
        lines.append(f"    {_tex(row.name)} & {_tex(row.source)} & {' & '.join(cells)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    lines += [r"  \par\smallskip\raggedright\footnotesize " + _tex(" ".join(table.notes))] if table.notes else []
    return "\n".join([*lines, r"\end{table}", ""])


def _by_quantity(results: Sequence[Result]) -> list[tuple[tuple[str, ...], list[Result]]]:
    groups: list[tuple[tuple[str, ...], list[Result]]] = []
    for columns in (DEPTH_COLUMNS, NORMAL_COLUMNS):
        group = [r for r in results if columns[0] in r["regions"].get("all", {})]
        if group:
            groups.append((columns, group))
    return groups


def _edges(columns: Sequence[str]) -> set[str]:
    """The metrics of edges, which papers print beside depth."""
    return {"dvd_boundary_f1", "dvd_boundary_recall"} if "abs_rel" in columns else set()


def _own_row(result: Result, region: str, columns: list[Column]) -> Row:
    values = [result["regions"][region].get(c.key) for c in columns]
    texts = [c.shown(v) for c, v in zip(columns, values, strict=True)]
    return Row(name=result["estimator"], source="this run", texts=texts, values=values, ours=True)


def _printed_row(method: str, table: PublishedTable, numbers: dict[str, Printed], columns: list[Column]) -> Row:
    found = [numbers.get(c.key) for c in columns]
    texts = ["–" if n is None else f"{c.factor * n.value:.{n.digits}f}" for c, n in zip(columns, found, strict=True)]
    values = [None if n is None else n.value for n in found]
    return Row(name=method, source=f"{table.paper} {table.place}", texts=texts, values=values, ours=False)


def _notes(results: Sequence[Result], region: str) -> list[str]:
    notes = []
    for r in results:
        clips = r["clips_of_region"].get(region, 0)
        out = f", {len(r['left_out'])} left out" if r["left_out"] else ""
        few = sum(region in regions for regions in r.get("regions_left_out", {}).values())
        out += f", {few} with too little of it" if few else ""
        short = len(r.get("frames_left_out", {}))
        out += f", {short} without some of their frames" if short else ""
        alignment = r["receipt"]["protocol"]["alignment"]
        fitted = f"; fitted in {' and '.join(r['fitted_in'])}" if r["fitted_in"] and alignment != "none" else ""
        notes.append(f"{r['estimator']}: {clips} clips{out}, means over clips; alignment {alignment}{fitted}.")
    return [*notes, f"Protocol {results[0]['protocol_name']}: {results[0]['receipt']['protocol']['source']}."]


_TEX = {
    "\\": r"\textbackslash{}", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "<": "$<$", ">": "$>$", "–": "--",
    "δ": r"$\delta$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "°": r"$^\circ$", "²": "$^2$", "³": "$^3$",
}  # fmt: skip


def _tex(text: str) -> str:
    for plain, coded in _TEX.items():
        text = text.replace(plain, coded)
    return text
