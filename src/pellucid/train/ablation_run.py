"""An ablation from end to end: arm by arm, resumable, one bad arm not stopping the others."""

import hashlib
import json
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pellucid.clip import Estimator, InputError
from pellucid.evaluate.protocol import Item, Protocol
from pellucid.evaluate.run import Job, run
from pellucid.evaluate.sources import Running
from pellucid.model import catalog
from pellucid.store import Lock, atomic, read_json, write_json
from pellucid.train.ablation_clips import BENCHMARK, held_out, protocol_of
from pellucid.train.ablation_page import compared, page
from pellucid.train.ablation_request import AblationRequest
from pellucid.train.ablations import ABLATIONS, Ablation, Arm, shared
from pellucid.train.loop import LATEST
from pellucid.train.recipes import Recipe
from pellucid.train.run import base_model, train

Load = Callable[[str, dict[str, Any]], Estimator]
Rows = dict[str, dict[str, dict[str, float]]]  # clip, region, metric

FRAMES, LONG_FRAMES = 13, 73
FINISHED, PAGE = "finished.json", "ablations.md"
REFERENCE = "the base as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What arms are scored on and by."""

    request: AblationRequest
    ablation: Ablation
    base: str
    size: tuple[int, int] | None
    protocol: Protocol
    items: list[Item]
    load: Load


def run_ablation(request: AblationRequest, load: Load) -> tuple[list[Path], dict[str, str]]:
    """The files made, NAME.json, NAME.md and the page of all ablations in the folder; and why arms were left out.

    `load` gives the estimator of a model's name or folder under settings. An arm that is trained, and a clip that is
    scored, is not done again. Raises InputError for unusable data or an unusable base, or when fewer than two arms
    could be scored.
    """
    ablation = ABLATIONS[request.ablation]
    base = base_model(request.base or ablation.base)
    width = _checked_base(base, ablation)
    arms = ablation.arms(shared(base, request.steps, 0), width)
    frames = request.frames or (LONG_FRAMES if ablation.windows else FRAMES)
    protocol = protocol_of(frames, ablation.windows)
    items = held_out(request.data, request.clips, protocol, ablation.windows)
    trained = next((arm.recipe for arm in arms if arm.recipe is not None), None)
    size = request.size or (trained.sizes[0] if trained else None)
    bench = Bench(request=request, ablation=ablation, base=base, size=size, protocol=protocol, items=items, load=load)
    request.out.mkdir(parents=True, exist_ok=True)
    lock = Lock(request.out / "ablation.lock")
    try:
        scores, left_out = _scored_arms(bench, arms)
        reference = _scored(bench, Arm(name=REFERENCE), 0) if trained else None
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


def _scored_arms(bench: Bench, arms: Any) -> tuple[dict[str, list[Rows]], dict[str, str]]:
    """The scores of each arm, one entry a seed, and why arms are left out: one that fails in a seed is in all."""
    seeds = 1 if bench.ablation.windows else bench.request.seeds
    scores: dict[str, list[Rows]] = {}
    left_out: dict[str, str] = {}
    todo = [(seed, arm) for seed in range(seeds) for arm in arms]
    for count, (seed, arm) in enumerate(todo, 1):
        if arm.name in left_out:
            continue
        _say(f"{bench.request.ablation}: {count} of {len(todo)}: {arm.name}, seed {seed}")
        try:
            scores.setdefault(arm.name, []).append(_scored(bench, arm, seed))
        except InputError as error:
            left_out[arm.name] = " ".join(str(error).split())
            _say(f"pellucid: error: {arm.name}, seed {seed}: {left_out[arm.name]}")
    kept = {name: rows for name, rows in scores.items() if name not in left_out}
    if len(kept) < 2:
        raise InputError(f"{len(kept)} of {len(arms)} arms could be scored; the lines above say why")
    return kept, left_out


def _scored(bench: Bench, arm: Arm, seed: int) -> Rows:
    """The scores of an arm's clips, trained first where that is not done."""
    model, label = bench.base, re.sub(r"[^\w.+-]+", "-", f"{arm.name}-{Path(bench.base).name}-{seed}")
    if arm.recipe is not None:
        folder = _trained(bench.request, replace(arm.recipe, seed=seed))
        model, label = str(folder / "model"), folder.name
    settings = arm.settings | {"device": bench.request.device, "resolution": bench.size, "seed": 1 + seed}
    source = Running(label, bench.load(model, settings))
    job = Job(
        source=source, benchmark=BENCHMARK, protocol_name="short", protocol=bench.protocol, items=bench.items,
        out=bench.request.out / "scores" / ("long" if bench.ablation.windows else "short"),
    )  # fmt: skip
    names = run(job)["clip_names"]
    return {name: read_json(job.folder / "clips" / f"{name}.json")["regions"] for name in names}


def _trained(request: AblationRequest, recipe: Recipe) -> Path:
    """The folder of the finished run of a recipe on the data; trained now, or to its end, where it is not."""
    told = asdict(recipe) | {"data": [str(root.resolve()) for root in request.data]}
    name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    folder = request.out / "arms" / name
    if (folder / FINISHED).is_file():
        return folder
    resume = (folder / LATEST).is_file()
    if folder.exists() and not resume:  # killed before its first checkpoint
        shutil.rmtree(folder)
    cache = (request.cache or request.out / "latents") / f"seed{recipe.seed}"
    train(recipe, request.data, folder, resume=resume, cache=cache, workers=0)
    write_json(folder / FINISHED, {"steps": recipe.steps})
    for checkpoint in folder.glob("checkpoint-*"):  # three times the model, and of no more use
        shutil.rmtree(checkpoint)
    return folder


def _result(
    bench: Bench, arms: Any, scores: dict[str, list[Rows]], reference: Rows | None, left_out: dict[str, str]
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
    """Means over clips of each metric, those of glass alone under names that say so, where every clip has it."""
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


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
