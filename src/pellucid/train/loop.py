"""The one training loop, top to bottom, on accelerate.

Data order and noise are pure functions of (seed, step), so a resumed run repeats the losses of an uninterrupted one
with nothing saved but weights and optimizer. A loss that is not finite stops the run before the step.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from pellucid.clip import InputError
from pellucid.store import write_json
from pellucid.train.cache import LatentCache
from pellucid.train.muon import Muon
from pellucid.train.objectives import Objective
from pellucid.train.recipes import Recipe

LATEST = "latest.json"


class NonFiniteLoss(InputError):
    """A loss was not finite; the weights are those before the step."""

    def __init__(self, step: int, what: str):
        advice = "lower --learning-rate, then --resume from the last checkpoint"
        super().__init__(f"step {step}: {what}; the step was not taken; {advice}")


@runtime_checkable
class Material(Protocol):
    """What a run learns from: the samples of each step, and what a sample is."""

    def batch(self, step: int) -> list: ...
    def load(self, sample: Any) -> Any: ...


class StepDataset(Dataset):
    """The material of each step: cached latents where there are any, else what is to be encoded or used as it is."""

    def __init__(self, mixture: Material, cache: LatentCache | None, steps: range):
        self.mixture, self.cache, self.steps = mixture, cache, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> list[tuple[Any, Any]]:
        samples = self.mixture.batch(self.steps[index])
        return [(s, (self.cache and self.cache.read(s)) or self.mixture.load(s)) for s in samples]


def as_it_is(batch: list) -> list:
    """The batch untouched: samples differ in kind, and what they need is done where the autoencoder is."""
    return batch


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then constant or half a cosine down to zero."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.learning_rate
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def make_optimizers(recipe: Recipe, model: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW for every trainable weight, or Muon for the matrices inside the blocks and AdamW for the rest."""
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    inner = {name for name, p in named.items() if recipe.optimizer == "muon" and p.ndim == 2 and "blocks." in name}
    outer = [p for name, p in named.items() if name not in inner]
    decayed, plain = [p for p in outer if p.ndim > 1], [p for p in outer if p.ndim <= 1]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            betas=recipe.betas,
        )
    ]
    if inner:
        optimizers.append(
            Muon([p for name, p in named.items() if name in inner], recipe.learning_rate, recipe.weight_decay)
        )
    return optimizers


def fit(
    recipe: Recipe,
    objective: Objective,
    mixture: Material,
    out: Path,
    *,
    prepare: Callable[[list], list],
    cache: LatentCache | None = None,
    validate: Callable[[], dict[str, float]],
    resume: bool,
    workers: int = 1,
) -> None:
    """Train the objective for recipe.steps steps, leaving checkpoints and log.jsonl in `out`.

    Raises NonFiniteLoss before the step that would take it, InputError when there is nothing to resume from.
    """
    accelerator = Accelerator(
        mixed_precision=recipe.mixed_precision,
        gradient_accumulation_steps=recipe.accumulation,
        # attention over a constant context leaves its queries unused
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
    )
    set_seed(recipe.seed)
    weights = [p for p in objective.model.parameters() if p.requires_grad]
    model, *optimizers = accelerator.prepare(objective.model, *make_optimizers(recipe, objective.model))
    objective.attach(model)
    start = load_checkpoint(accelerator, out) if resume else 0
    if accelerator.is_main_process:
        trim_log(out / "log.jsonl", start)

    world, rank = accelerator.num_processes, accelerator.process_index
    micro = range(start * recipe.accumulation * world + rank, recipe.steps * recipe.accumulation * world, world)
    loader = DataLoader(
        StepDataset(mixture, cache, micro),
        batch_size=None,
        collate_fn=as_it_is,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    material = iter(loader)
    log = (out / "log.jsonl").open("a")
    saved = time.monotonic()
    bar = tqdm(range(start, recipe.steps), initial=start, total=recipe.steps, disable=not accelerator.is_main_process)
    model.train()
    for step in bar:
        for group in (g for optimizer in optimizers for g in optimizer.param_groups):
            group["lr"] = learning_rate(recipe, step)
        totals: dict[str, float] = {}
        for part in range(recipe.accumulation):
            batch = prepare(next(material))
            rng = torch.Generator().manual_seed(mixed_seed(recipe.seed, step, part, rank))
            with accelerator.accumulate(model), accelerator.autocast():
                terms = objective.loss(batch, rng)
                values = {name: term.detach().float().item() for name, term in terms.items()}
                if not math.isfinite(values["loss"]):
                    raise NonFiniteLoss(step, f"the loss is {values['loss']} ({values})")
                accelerator.backward(terms["loss"])
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(weights, recipe.clip_norm)
                    if not math.isfinite(float(norm)):
                        raise NonFiniteLoss(step, f"the gradient norm is {norm}")
                for optimizer in optimizers:
                    optimizer.step()
                    optimizer.zero_grad()
            for name, value in values.items():
                totals[name] = totals.get(name, 0.0) + value / recipe.accumulation
        done = step + 1
        record = {"step": step, "lr": learning_rate(recipe, step), **totals}
        if done % recipe.validate_every == 0 or done == recipe.steps:
            model.eval()
            with torch.no_grad():
                record |= {f"held_out/{name}": value for name, value in validate().items()}
            model.train()
            bar.write(f"step {done}: " + ", ".join(f"{k} {v:.4g}" for k, v in record.items() if k != "step"))
        bar.set_postfix(loss=f"{totals['loss']:.4f}")
        if accelerator.is_main_process:
            log.write(json.dumps(record) + "\n")
            log.flush()
        late = time.monotonic() - saved > 60 * recipe.keep_minutes
        if done % recipe.checkpoint_every == 0 or late or done == recipe.steps:
            save_checkpoint(accelerator, out, done)
            saved = time.monotonic()
    log.close()


def mixed_seed(*parts: int) -> int:
    """A seed that differs for every combination of parts; generators look at 32 bits only."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def save_checkpoint(accelerator: Accelerator, out: Path, step: int) -> None:
    """Write the state of a step and point `latest.json` at it; the one before is kept until then."""
    folder = out / f"checkpoint-{step:07d}"
    accelerator.save_state(str(folder), safe_serialization=True)
    if accelerator.is_main_process:
        write_json(out / LATEST, {"step": step, "folder": folder.name})
        for old in sorted(out.glob("checkpoint-*"))[:-2]:
            for file in sorted(old.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            old.rmdir()


def load_checkpoint(accelerator: Accelerator, out: Path) -> int:
    """Load the latest checkpoint; its step."""
    if not (out / LATEST).is_file():
        raise InputError(f"{out}: no checkpoint to resume from; run without --resume to start anew")
    latest = json.loads((out / LATEST).read_text())
    accelerator.load_state(str(out / latest["folder"]))
    return latest["step"]


def trim_log(path: Path, start: int) -> None:
    """Drop the records of steps that will be taken again."""
    if path.is_file():
        lines = [line for line in path.read_text().splitlines() if json.loads(line)["step"] < start]
        path.write_text("".join(line + "\n" for line in lines))
