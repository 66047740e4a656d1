"""nano-dkt, nano's adapter for DKT, on held-out rendered scenes: `python benchmarks/nano_dkt.py --data DIR...`.

Beside it on the same clips, scored as in benchmarks/nano.py: a constant plane, nano, and the adapter with other numbers
of Euler steps. DKT starts from noise; how far it follows the noise is the change of depth from one seed to another,
the mean of |a - b| / a over the pixels, each prediction aligned by itself. Writes benchmarks/results/nano_dkt.md.
"""

import argparse
import datetime
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nano import FAR, NEAR, aligned, constant_plane, network, score, table
from pellucid import GeometryPipeline
from pellucid.data.sequences import find_sequences, read_sequence

RESULTS = Path(__file__).parent / "results" / "nano_dkt.md"
STEPS = (1, 2, 5)
SEEDS = (1, 2)


def sampler(pipe: GeometryPipeline, steps: int, seed: int = SEEDS[0]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rgb: pipe(rgb, num_inference_steps=steps, seed=seed).disparity


def change_between_seeds(pipe: GeometryPipeline, steps: int, sequences: list) -> float:
    """Mean relative difference of depth between two seeds, over clips."""
    changes = []
    for sequence in sequences:
        clip = read_sequence(sequence)
        (a, valid), (b, _) = (aligned(sampler(pipe, steps, seed), clip) for seed in SEEDS)
        changes.append(float(np.mean((np.abs(a - b) / a)[valid])))
    return float(np.mean(changes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered sequences")
    parser.add_argument("--model", default="nano-dkt")
    parser.add_argument("--limit", type=int, help="first so many scenes")
    options = parser.parse_args()

    sequences = find_sequences(options.data, "held-out")[: options.limit]
    pipe = GeometryPipeline.from_pretrained(options.model)
    estimators = {
        "constant plane": constant_plane(options.data),
        "nano": network(GeometryPipeline.from_pretrained("nano")),
    } | {f"{options.model}, {n} step{'s' * (n > 1)}": sampler(pipe, n) for n in STEPS}
    results = {name: score(estimate, sequences) for name, estimate in estimators.items()}
    steps = pipe.config.num_inference_steps
    text = (
        f"# nano-dkt on {len(sequences)} held-out scenes\n\n"
        f"`python benchmarks/nano_dkt.py --data {' '.join(d.name for d in options.data)}`, {datetime.date.today()}, "
        f"{os.cpu_count()} cores, {platform.machine()}. One scale and shift per clip, fitted in disparity; depths of "
        f"{NEAR} to {FAR:.0f} m; means over clips. Steps by default: {steps}.\n\n"
        f"## All pixels\n\n{table(results, 'all')}\n\n## Glass pixels\n\n{table(results, 'glass')}\n\n"
        "From one seed to another, by default, depth changes by "
        f"{100 * change_between_seeds(pipe, steps, sequences):.1f} % (mean over pixels and clips).\n"
    )
    if options.model == "nano-dkt" and options.limit is None:
        RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
