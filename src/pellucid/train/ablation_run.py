"""An ablation from end to end: arms, their order, the page beside the paper's numbers."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.clip import InputError
from pellucid.data.sets import find_data
from pellucid.model import catalog
from pellucid.store import Lock, atomic, read_json, write_json
from pellucid.train.ablation_arms import Bench, Load, Rows, scored, scored_arms
from pellucid.train.ablation_clips import held_out, protocol_of
from pellucid.train.ablation_order import compared
from pellucid.train.ablation_page import page
from pellucid.train.ablation_request import AblationRequest
from pellucid.train.ablations import ABLATIONS, Ablation, Arm, shared
from pellucid.train.run import base_model

FRAMES, LONG_FRAMES = 13, 73
PAGE = "ablations.md"
REFERENCE = "the base as it is"


def run_ablation(request: AblationRequest, load: Load) -> tuple[list[Path], dict[str, str]]:
    """The files made, NAME.json, NAME.md and the page of all ablations in the folder; and why arms were left out.

    `load` gives the estimator of a model's name or folder under settings. An arm that is trained, and a clip that is
    scored, is not done again. Raises InputError for unusable data or an unusable base, or when fewer than two arms
    could be scored.
    """
    ablation = ABLATIONS[request.ablation]
    named = request.base or ablation.base
    assert named is not None  # the request has seen to it
    base = base_model(named)
    width = _checked_base(base, ablation)
    arms = ablation.arms(shared(base, request.steps, 0), width)
    frames = request.frames or (LONG_FRAMES if ablation.windows else FRAMES)
    protocol = protocol_of(frames, ablation.windows)
    items = held_out(request.data, request.clips, protocol, ablation.windows)
    trained = next((arm.recipe for arm in arms if arm.recipe is not None), None)
    if trained:
        find_data(list(request.data), "train")  # or each arm would say that there is none
    size = request.size or (trained.sizes[0] if trained else None)
    bench = Bench(request=request, ablation=ablation, base=base, size=size, protocol=protocol, items=items, load=load)
    request.out.mkdir(parents=True, exist_ok=True)
    lock = Lock(request.out / "ablation.lock")
    try:
        scores, left_out = scored_arms(bench, arms)
        reference = scored(bench, Arm(name=REFERENCE), 0) if trained else None
    finally:
        lock.release()
    result = _result(bench, arms, scores, reference, left_out)
    files = [request.out / f"{request.ablation}.json", request.out / f"{request.ablation}.md", request.out / PAGE]
    write_json(files[0], result)
    _write(files[1], page(result))
    made = [request.out / f"{name}.json" for name in ABLATIONS]
    _write(files[2], "\n".join(["# Ablations\n", *(page(read_json(file)) for file in made if file.is_file())]))
    return files, left_out


def _checked_base(base: str, ablation: Ablation) -> int:
    """The width of the base's transformer. Raises InputError when arms cannot start from the base, or run it."""
    folder = catalog.resolve(base)
    index = read_json(folder / "model_index.json")
    if (index["method"], index["quantity"]) != (ablation.method, "disparity") and not ablation.windows:
        raise InputError(
            f"--base {base}: is a model of {index['method']} for {index['quantity']}; this ablation takes one of "
            f"{ablation.method} for disparity"
        )
    if ablation.windows or ablation.method == "dkt":
        return 0
    if "_adapter_of" in index:
        raise InputError(f"--base {base}: is an adapter; arms are trained from a whole model, name another")
    config = read_json(folder / "transformer" / "config.json")
    return config["num_attention_heads"] * config["attention_head_dim"]


def _result(
    bench: Bench, arms: Sequence[Arm], scores: dict[str, list[Rows]], reference: Rows | None, left_out: dict[str, str]
) -> dict[str, Any]:
    """Everything that the page shows, as plain JSON."""
    request = bench.request
    lists = [rows for runs in scores.values() for rows in runs] + ([reference] if reference else [])
    common = [item.name for item in bench.items if all(item.name in rows for rows in lists)]
    if not common:
        raise InputError("no clip could be scored by all arms; the lines above say why")
    values = {name: [_means(rows, common) for rows in runs] for name, runs in scores.items()}
    repetitions = values
    if bench.ablation.windows:
        repetitions = {name: [_means(runs[0], [clip]) for clip in common] for name, runs in scores.items()}
    recipe = next((asdict(arm.recipe) for arm in arms if arm.recipe is not None), None)
    kept = [{"name": a.name, "printed": a.printed, "scores": values[a.name]} for a in arms if a.name in scores]
    return {
        "ablation": request.ablation,
        "command": _command(request),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{cpu_count()} cores, {platform.machine()}",
        "versions": {name: version(name) for name in ("pellucid", "torch")},
        "base": Path(request.base or bench.ablation.base).name,
        "steps": request.steps if recipe else None,
        "recipe": recipe and {k: recipe[k] for k in ("batch_frames", "sizes", "optimizer")},
        "size": bench.size,
        "clips": common,
        "frames": bench.protocol.frames,
        "protocol": bench.protocol.source,
        "repeated_over": "clips" if bench.ablation.windows else "seeds",
        "arms": kept,
        "reference": None if reference is None else {"name": REFERENCE, "scores": [_means(reference, common)]},
        "left_out": left_out | {i.name: "could not be scored by all arms" for i in bench.items if i.name not in common},
        **compared(bench.ablation, kept, repetitions),
    }


def _means(rows: Rows, clips: list[str]) -> dict[str, float]:
    """Means of each metric over clips; of glass alone, over those with glass, under names that say so."""
    means = {}
    for region, prefix in (("all", ""), ("glass", "glass_")):
        parts = [rows[clip][region] for clip in clips if region in rows[clip]]
        for key in parts[0] if parts else ():
            if all(key in part for part in parts):
                means[prefix + key] = float(np.mean([part[key] for part in parts]))
    return means


def _command(request: AblationRequest) -> str:
    """The command, with the last part of folders' names."""
    words = ["pellucid evaluate --ablation", request.ablation, "--data", *(root.name for root in request.data)]
    words += ["--out", request.out.name]
    for name in ("base", "steps", "seeds", "clips", "frames", "resolution"):
        value, default = getattr(request, name), AblationRequest.__dataclass_fields__[name].default
        if value != default:
            words += [f"--{name}", Path(value).name if name == "base" else str(value)]
    return " ".join(words)


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
