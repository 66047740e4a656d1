"""nano's normals beside baselines on held-out rendered scenes: `python benchmarks/nano_normals.py --data DIR...`.

Baselines on the same clips: the mean normal of the training frames at each pixel, the same for every frame; the
adapter's network untrained, which is nano itself read as normals; and the normals of nano's disparity after its scale
and shift were fitted to the true depth of the clip, seen through the true lens. Writes
benchmarks/results/nano_normals.md.
"""

import argparse
import datetime
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pellucid import GeometryPipeline, align_disparity, metrics
from pellucid.camera import depth_to_normals
from pellucid.clip import Clip
from pellucid.data.sequences import find_sequences, read_sequence

RESULTS = Path(__file__).parent / "results" / "nano_normals.md"
COLUMNS = {
    "mean": "mean °",
    "median": "median °",
    "under_11.25": "11.25° %",
    "under_22.5": "22.5° %",
    "under_30": "30° %",
}
NEAR, FAR = 0.1, 10.0  # metres

Estimate = Callable[[Clip], np.ndarray]


def mean_normals(data: list[Path]) -> Estimate:
    """The mean normal of the training frames at each pixel."""
    total: np.ndarray | float = 0.0
    for sequence in find_sequences(data, "train"):
        normals = read_sequence(sequence, 0, 1).normals
        assert normals is not None
        total = total + np.nan_to_num(normals[0])
    mean = np.asarray(total) / np.linalg.norm(total, axis=-1, keepdims=True)
    return lambda clip: np.broadcast_to(mean.astype(np.float32), (len(clip.rgb), *mean.shape))


def normals_of_disparity(pipe: GeometryPipeline) -> Estimate:
    """The normals of the model's depth; its scale, its shift and the lens are the true ones."""

    def estimate(clip: Clip) -> np.ndarray:
        assert clip.depth is not None and clip.K is not None
        valid = np.isfinite(clip.depth) & (clip.depth > NEAR) & (clip.depth < FAR)
        disparity = np.maximum(pipe(clip.rgb).disparity, 1e-6).astype(np.float32)
        depth = align_disparity(disparity, clip.depth, valid, min_depth=NEAR, max_depth=FAR)
        normals = np.stack([depth_to_normals(frame, clip.K) for frame in depth])
        facing = np.array([0, 0, -1], np.float32)
        return np.where(np.isfinite(normals).all(-1, keepdims=True), normals, facing)

    return estimate


def untrained(name: str) -> Estimate:
    """What the base paints, read as normals."""
    pipe = GeometryPipeline.from_pretrained(name)
    pipe.register_to_config(quantity="normals")
    return lambda clip: pipe(clip.rgb).normals


def score(estimate: Estimate, sequences: list) -> dict[str, dict[str, float]]:
    """Means over clips, on all pixels and on glass alone."""
    rows: dict[str, list[dict[str, float]]] = {"all": [], "glass": []}
    for sequence in sequences:
        clip = read_sequence(sequence)
        assert clip.normals is not None and clip.transparent is not None
        prediction = estimate(clip)
        rows["all"].append(metrics.normal_metrics(prediction, clip.normals))
        if clip.transparent.sum() > 100:
            rows["glass"].append(metrics.normal_metrics(prediction, clip.normals, mask=clip.transparent))
    return {part: {k: float(np.mean([r[k] for r in parts])) for k in COLUMNS} for part, parts in rows.items()}


def table(results: dict[str, dict], part: str) -> str:
    lines = ["| estimator | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, scores in results.items():
        cells = [f"{scores[part][k] * (100 if k.startswith('under') else 1):.1f}" for k in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered sequences")
    parser.add_argument("--model", default="nano-normal")
    options = parser.parse_args()

    sequences = find_sequences(options.data, "held-out")
    model = GeometryPipeline.from_pretrained(options.model)
    estimators: dict[str, Estimate] = {
        "mean of the training frames": mean_normals(options.data),
        "untrained: nano read as normals": untrained("nano"),
        "of nano's disparity, true scale and lens": normals_of_disparity(GeometryPipeline.from_pretrained("nano")),
        options.model: lambda clip: model(clip.rgb).normals,
    }
    results = {name: score(estimate, sequences) for name, estimate in estimators.items()}
    text = (
        f"# nano's normals on {len(sequences)} held-out scenes\n\n"
        f"`python benchmarks/nano_normals.py --data {' '.join(d.name for d in options.data)}`, "
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}. Angle to the true normal in degrees, "
        "and shares of pixels below thresholds; means over clips.\n\n"
        f"## All pixels\n\n{table(results, 'all')}\n\n## Glass pixels\n\n{table(results, 'glass')}\n"
    )
    if options.model == "nano-normal":
        RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
