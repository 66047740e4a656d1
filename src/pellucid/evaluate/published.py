"""The rows of the papers' tables, as printed: data, each with the paper and table it is from."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pellucid.evaluate.columns import COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One number of a paper: its value in the units of `pellucid.evaluate.metrics`, and its decimals in our tables."""

    value: float
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """A table of a paper, or the part of it that is about one set."""

    paper: str  # its system's name
    arxiv: str
    table: str
    what: str
    benchmarks: tuple[str, ...]  # of ours that are of the same set
    protocol: str | None  # of ours that comes nearest
    kind: str  # comparison, ablation or speed
    note: str
    rows: tuple[tuple[str, dict[str, Printed]], ...]  # method, and its numbers by metric

    @property
    def citation(self) -> str:
        """Such as DKT (arXiv:2512.23705), Table I."""
        return f"{self.paper} (arXiv:{self.arxiv}), {self.place}"

    @property
    def place(self) -> str:
        """Such as Table I, or Fig. 11."""
        return self.table if self.table.startswith("Fig.") else f"Table {self.table}"

    @property
    def metrics(self) -> list[str]:
        """The metrics it has, in its order."""
        return list(dict.fromkeys(name for _, numbers in self.rows for name in numbers))


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """All of them, from the package's data file."""
    content = json.loads(files("pellucid").joinpath("assets/published.json").read_text(encoding="utf-8"))
    tables = []
    for table in content["tables"]:
        paper, factors = content["papers"][table["paper"]], table["factors"]
        rows = tuple(
            (row["method"], {name: _number(name, row[name], factors[name]) for name in factors if name in row})
            for row in table["rows"]
        )
        tables.append(
            PublishedTable(
                paper=paper["name"], arxiv=paper["arxiv"] + paper["version"], table=table["table"], what=table["what"],
                benchmarks=tuple(table["benchmarks"]), protocol=table["protocol"], kind=table["kind"],
                note=table.get("note", ""), rows=rows,
            )
        )  # fmt: skip
    return tuple(tables)


def published_for(benchmark: str, protocol: str, kind: str = "comparison") -> list[PublishedTable]:
    """The tables about a benchmark whose clips are cut alike, as far as is known."""
    return [
        t for t in published_tables() if benchmark in t.benchmarks and t.kind == kind and t.protocol in (protocol, None)
    ]


def _number(metric: str, printed: str, factor: float) -> Printed:
    """As many digits as were printed, after the change of unit."""
    value, decimals = float(printed) / factor, len(printed.partition(".")[2])
    shown = COLUMNS[metric].factor if metric in COLUMNS else 1.0
    # Factors are powers of ten: printed 0.913 is shown 91.3.
    return Printed(value=value, digits=max(decimals - (len(str(round(shown / factor))) - 1), 0))
