"""The results of several estimators in one folder, as tables and one report: one benchmark, one protocol."""

from pathlib import Path
from typing import Any

from pellucid.clip import InputError
from pellucid.evaluate.report import write_report
from pellucid.evaluate.run import RESULT, Job, json_safe
from pellucid.evaluate.tables import Result, ablations, comparison_tables, everything, latex, markdown
from pellucid.store import atomic, read_json

TABLE, LATEX, REPORT = "table.md", "table.tex", "report.html"


def find_results(out: Path) -> list[Result]:
    """The results of all estimators in the folder, by name."""
    return [read_json(path) for path in sorted(out.glob(f"*/{RESULT}"))]


def require_comparable(job: Job) -> None:
    """Raises InputError when the folder holds another estimator's results of other data or another protocol.

    Only the alignment may differ: it is noted in the tables.
    """
    for result in find_results(job.out):
        if result["estimator"] == job.source.name:
            continue  # will be replaced
        ours = (job.benchmark.name, job.protocol_name, _cut(json_safe(job.protocol)))
        if (result["benchmark"], result["protocol_name"], _cut(result["receipt"]["protocol"])) != ours:
            raise InputError(
                f"{job.out}: holds results of {result['estimator']} on {result['benchmark']}, protocol "
                f"{result['protocol_name']}, that are not of the same clips; choose another --out"
            )


def write_tables_and_report(out: Path, shown: int) -> list[Path]:
    """Writes table.md, table.tex and report.html of all results in the folder; their paths.

    `shown` clips of each estimator are pictured, the worst. Raises InputError when a file cannot be read or written.
    """
    results = find_results(out)
    tables = comparison_tables(results)
    first = results[0]
    head = f"# {first['benchmark']}, protocol {first['protocol_name']}\n\n{first['title']}.\n\n"
    other = ablations(results)
    sections = [head + "\n".join(markdown(t) for t in tables)]
    sections += ["### Every metric\n\n" + grid.markdown for grid in everything(results)]
    if other:
        sections.append("## What the papers vary\n\n" + "\n".join(markdown(t) for t in other))
    _write(out / TABLE, "\n".join(sections))
    _write(out / LATEX, "% needs \\usepackage{booktabs}\n" + "\n".join(latex(t) for t in tables))
    write_report(out / REPORT, results, out, shown)
    return [out / name for name in (TABLE, LATEX, REPORT)]


def _cut(protocol: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in protocol.items() if key not in ("alignment", "source")}


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
