"""The arms of an ablation, trained and scored one by one: what is done stays, one that fails stops no other."""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pellucid.clip import Estimator, InputError
from pellucid.evaluate.protocol import Item, Protocol
from pellucid.evaluate.run import Job, run
from pellucid.evaluate.sources import Running
from pellucid.store import read_json, write_json
from pellucid.train.ablation_clips import BENCHMARK
from pellucid.train.ablation_request import AblationRequest
from pellucid.train.ablations import Ablation, Arm
from pellucid.train.loop import LATEST
from pellucid.train.recipes import Recipe
from pellucid.train.run import train

Load = Callable[[str, dict[str, Any]], Estimator]  # a model's name or folder, settings
Rows = dict[str, dict[str, dict[str, float]]]  # clip, region, metric

FINISHED = "finished.json"


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


def scored_arms(bench: Bench, arms: Sequence[Arm]) -> tuple[dict[str, list[Rows]], dict[str, str]]:
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
            scores.setdefault(arm.name, []).append(scored(bench, arm, seed))
        except InputError as error:
            left_out[arm.name] = " ".join(str(error).split())
            _say(f"pellucid: error: {arm.name}, seed {seed}: {left_out[arm.name]}")
    kept = {name: rows for name, rows in scores.items() if name not in left_out}
    if len(kept) < 2:
        raise InputError(f"{len(kept)} of {len(arms)} arms could be scored; the lines above say why")
    return kept, left_out


def scored(bench: Bench, arm: Arm, seed: int) -> Rows:
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


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)
