"""nano beside its baselines on held-out rendered scenes: `python benchmarks/nano.py --data DIR...`.

Baselines on the same clips: one constant plane (the mean disparity of the training frames, the same for every frame),
nano untrained, nano itself given one frame at a time, and the per-frame network of the recipe nano_frames (same size
and start as nano's last run, on stills alone: docs/training.md). Every estimator's disparity is aligned with one scale
and shift per clip. Writes benchmarks/results/nano.md and nano.json.
"""

import argparse
import datetime
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import WanTransformer3DModel

from pellucid import GeometryPipeline, align_disparity, metrics
from pellucid.clip import Clip
from pellucid.data.sequences import find_sequences, read_sequence

RESULTS = Path(__file__).parent / "results"
COLUMNS = {
    "abs_rel": "REL %",
    "rmse": "RMSE m",
    "delta_1.05": "δ1.05 %",
    "delta_1.10": "δ1.10 %",
    "delta_1.25": "δ1.25 %",
}
ALONE = "nano, one frame at a time"
NEAR, FAR = 0.1, 10.0  # metres


def constant_plane(data: list[Path]) -> Callable[[np.ndarray], np.ndarray]:
    """The plane in pixels that fits the mean normalised disparity of the training frames best."""
    total, count = 0.0, 0
    for sequence in find_sequences(data, "train"):
        depth = read_sequence(sequence, 0, 1).depth[0]
        disparity = np.where(np.isfinite(depth), 1 / depth, 0)
        low, high = np.quantile(disparity, [0.02, 0.98])
        total, count = total + np.clip((disparity - low) / (high - low), 0, 1), count + 1
    mean = total / count
    rows, columns = (x.ravel() / n for x, n in zip(np.indices(mean.shape), mean.shape, strict=True))
    solution = np.linalg.lstsq(np.stack([rows, columns, np.ones_like(rows)], 1), mean.ravel(), rcond=None)[0]

    def estimate(rgb: np.ndarray) -> np.ndarray:
        t, h, w = rgb.shape[:3]
        rows, columns = np.indices((h, w)) / np.array([h, w]).reshape(2, 1, 1)
        plane = np.maximum(rows * solution[0] + columns * solution[1] + solution[2], 1e-3)
        return np.broadcast_to(plane.astype(np.float32), (t, h, w))

    return estimate


def network(pipe: GeometryPipeline, one_by_one: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    def estimate(rgb: np.ndarray) -> np.ndarray:
        if not one_by_one:
            return pipe(rgb).disparity
        return np.concatenate([pipe(rgb[t : t + 1]).disparity for t in range(len(rgb))])

    return estimate


def untrained(pipe: GeometryPipeline) -> GeometryPipeline:
    torch.manual_seed(0)
    fresh = WanTransformer3DModel(**{k: v for k, v in pipe.transformer.config.items() if not k.startswith("_")})
    return GeometryPipeline(fresh, pipe.vae, pipe.scheduler, **{k: pipe.config[k] for k in CONFIG})


CONFIG = ("method", "quantity", "height", "width", "window", "overlap", "num_inference_steps")


def aligned(estimate: Callable[[np.ndarray], np.ndarray], clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Depth after one scale and shift for the clip, and the pixels that count."""
    assert clip.depth is not None
    valid = np.isfinite(clip.depth) & (clip.depth > NEAR) & (clip.depth < FAR)
    prediction = np.maximum(estimate(clip.rgb), 1e-6).astype(np.float32)
    return align_disparity(prediction, clip.depth, valid, min_depth=NEAR, max_depth=FAR), valid


def score(estimate: Callable[[np.ndarray], np.ndarray], sequences: list) -> dict[str, dict[str, float]]:
    """Means over clips, on all pixels and on glass alone."""
    rows: dict[str, list[dict[str, float]]] = {"all": [], "glass": []}
    for sequence in sequences:
        clip = read_sequence(sequence)
        depth, valid = aligned(estimate, clip)
        rows["all"].append(metrics.depth_metrics(depth, clip.depth, valid))
        if (valid & clip.transparent).sum() > 100:
            rows["glass"].append(metrics.depth_metrics(depth, clip.depth, valid, mask=clip.transparent))
    return {
        part: {k: float(np.mean([r[k] for r in parts])) for k in (*COLUMNS, "relative_temporal_diff") if k in parts[0]}
        for part, parts in rows.items()
    }


def table(results: dict[str, dict], part: str) -> str:
    lines = ["| estimator | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, scores in results.items():
        cells = [f"{scores[part][k] * (1 if k == 'rmse' else 100):.{3 if k == 'rmse' else 1}f}" for k in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(results: dict[str, dict], part: str, model: str) -> str:
    """In which columns the model is ahead of every baseline, and in which not."""
    names = ["constant plane", "nano untrained", ALONE, "per-frame network"]
    baselines = [results[n][part] for n in names if n in results]
    ahead, behind = [], []
    for key, title in COLUMNS.items():
        sign = 1 if key.startswith("delta") else -1
        wins = all(sign * results[model][part][key] > sign * b[key] for b in baselines)
        (ahead if wins else behind).append(title)
    first, second = (", ".join(names) or "nothing" for names in (ahead, behind))
    return f"{model} is ahead of every baseline in: {first}; not in: {second}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered sequences")
    parser.add_argument("--frames-model", help="the per-frame rival: runs/nano_frames/model")
    parser.add_argument("--split", default="held-out", choices=["held-out", "train"])
    parser.add_argument("--limit", type=int, help="first so many scenes")
    parser.add_argument("--models", nargs="*", default=["nano"])
    options = parser.parse_args()

    sequences = find_sequences(options.data, options.split)[: options.limit]
    estimators: dict[str, Callable] = {"constant plane": constant_plane(options.data)}
    pipes = {name: GeometryPipeline.from_pretrained(name) for name in options.models}
    first = next(iter(pipes.values()))
    estimators["nano untrained"] = network(untrained(first))
    estimators[ALONE] = network(first, one_by_one=True)
    if options.frames_model:
        rival = GeometryPipeline.from_pretrained(options.frames_model).to(torch.float32)
        estimators["per-frame network"] = network(rival, one_by_one=True)
    estimators |= {name: network(pipe) for name, pipe in pipes.items()}
    results = {}
    for name, estimate in estimators.items():
        results[name] = score(estimate, sequences)
        print(name, json.dumps(results[name]), flush=True)
    command = f"python benchmarks/nano.py --data {' '.join(d.name for d in options.data)}"
    if options.frames_model:
        command += " --frames-model runs/nano_frames/model"
    all_pixels, glass = ("\n".join(verdict(results, part, m) for m in options.models) for part in ("all", "glass"))
    text = (
        f"# nano on {len(sequences)} {options.split} scenes\n\n`{command}`, {datetime.date.today()}, "
        f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}. "
        "One scale and shift per clip, fitted in disparity; depths of "
        f"{NEAR} to {FAR:.0f} m; means over clips.\n\n## All pixels\n\n{table(results, 'all')}\n\n"
        f"{all_pixels}\n\n"
        f"## Glass pixels\n\n{table(results, 'glass')}\n\n{glass}\n"
    )
    if options.split == "held-out" and options.limit is None:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "nano.json").write_text(json.dumps(results, indent=2) + "\n")
        (RESULTS / "nano.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
