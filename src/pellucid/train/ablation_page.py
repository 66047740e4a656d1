"""An ablation's result as a page: our arms beside the paper's numbers, and what both orders say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.evaluate.columns import COLUMNS
from pellucid.evaluate.tables import Grid
from pellucid.train.ablation_order import JUDGED, SHOWN
from pellucid.train.ablations import ABLATIONS


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    ablation = ABLATIONS[result["ablation"]]
    lines = [f"## {result['ablation']}: {ablation.title}", "", _about(result), "", _table(result)]
    lines += [f"- {line}" for line in (*_ours(result), *(_beside(p, result) for p in result["published"]))]
    if not result["published"]:
        lines.append(f"- {ablation.paper}: no numbers of it are known to us, so no order is compared.")
    lines += [f"- The paper's words: {ablation.said}"] if ablation.said else []
    lines += [f"- {in_words(ablation.best_said, result)}"] if ablation.best_said else []
    lines.append(f"- What may move the order: {ablation.differs}")
    lines += [f"- Left out: {name}: {why}." for name, why in result["left_out"].items()]
    return "\n".join([*lines, ""])


def _about(result: dict[str, Any]) -> str:
    seeds = len(result["arms"][0]["scores"])
    if result["steps"]:
        recipe = result["recipe"]
        done = (
            f"Each arm is trained for {result['steps']} steps of {recipe['batch_frames']} frames "
            f"({recipe['optimizer']}) from {result['base']}, with {seeds} seeds"
        )
    else:
        done = f"{result['base']} runs" + (f" with {seeds} seeds" if result["repeated_over"] == "seeds" else "")
    size = f", working at {result['size'][0]}x{result['size'][1]}" if result["size"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return (
        f"`{result['command']}`, {result['date']}, {result['machine']}, {versions}. {done}{size}; "
        f"{len(result['clips'])} held-out clips. Protocol {result['protocol']}."
    )


def _table(result: dict[str, Any]) -> str:
    """Means over clips and seeds, ± their standard deviation over seeds; the paper's numbers to the right."""
    keys = [key for key in SHOWN if key in result["orders"]]
    heads = [
        "arm",
        *(_heading(key) for key in keys),
        *(f"{p['place']}, {p['what'].split(':')[0]}" for p in result["published"]),
    ]
    rows = []
    for arm in [*result["arms"], *([result["reference"]] if result["reference"] else [])]:
        cells = [_cell(key, [s[key] for s in arm["scores"] if key in s]) for key in keys]
        theirs = [p["printed"].get(arm["name"]) for p in result["published"]]
        shown = [COLUMNS[JUDGED].shown(value) for value in theirs]
        rows.append([arm["name"], *cells, *shown])
    return Grid(heads=heads, rows=rows).markdown


def _heading(key: str) -> str:
    return COLUMNS[key].heading if key in COLUMNS else f"glass: {COLUMNS[key.removeprefix('glass_')].heading}"


def _cell(key: str, values: Sequence[float]) -> str:
    column = COLUMNS[key.removeprefix("glass_")]
    if not values:
        return column.shown(None)
    spread = f" ± {column.shown(float(np.std(values, ddof=1)))}" if len(values) > 1 else ""
    return column.shown(float(np.mean(values))) + spread


def _ours(result: dict[str, Any]) -> list[str]:
    """What our numbers say by themselves, metric by metric."""
    lines = []
    for key, found in result["orders"].items():
        heading = _heading(key)
        if found["least"] is None:
            lines.append(f"{heading}: best is {found['best']}; one repetition, so the noise is not known.")
            continue
        least = COLUMNS[key.removeprefix("glass_")].shown(found["least"])
        equal = found["equals_of_best"]
        within = f"within the noise of it: {', '.join(equal)}" if equal else "every other is worse beyond the noise"
        over = result["repeated_over"]
        lines.append(f"{heading}: best is {found['best']}; {within} (differences above {least} count, over {over}).")
    return lines


def _beside(p: dict[str, Any], result: dict[str, Any]) -> str:
    """What a paper's table and ours say of each other."""
    means = {name: value for name, value in result["orders"][JUDGED]["means"].items() if name in p["settings"]}
    ours = next(iter(means))
    best = f"best is {p['best']} in both" if ours == p["best"] else f"best is {p['best']} there and {ours} here"
    correlation = p["rank_correlation"]
    ranks = "" if correlation is None else f"; rank correlation {correlation:.2f}"
    pairs = (
        f"of the pairs that differ there, {len(p['same'])} are told apart here in the same order, "
        f"{len(p['opposite'])} in the opposite, {p['untold']} are within our noise"
    )
    return f"{p['citation']}, {p['what']}: the order **{p['verdict']}**: {pairs}; {best}{ranks}." + (
        f" {p['note']}" if p["note"] else ""
    )


def in_words(said: str, result: dict[str, Any]) -> str:
    """What our order says of the arm that the paper's words call the best."""
    found = result["orders"][JUDGED]
    if said not in found["means"]:
        return f"Their best, {said}, is left out here."
    if said != found["best"] and said not in found["equals_of_best"]:
        return f"Their best is {said}, ours is {found['best']}, and the difference is beyond the noise: **disagrees**."
    alone = said == found["best"] and found["least"] is not None and not found["equals_of_best"]
    if alone:
        return f"Their best, {said}, is ours, and every other is worse beyond the noise: **agrees**."
    return f"Their best is {said}, ours is {found['best']}, but not beyond the noise: **cannot be told**."
