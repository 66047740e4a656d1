"""How well a model knows its error: `python benchmarks/confidence.py --data DIR... [--fit]`.

The spread of a model's answers to mirrored and shifted frames is turned into the relative error of depth that is to be
expected. --fit measures that curve on every second held-out rendered scene and writes it beside the model's weights
(confidence.json), as `pellucid predict --confidence` needs it. Always, the curve is then tried on the other held-out
scenes: mean expected against mean actual error in ten bins of equal size, on all pixels and on glass; rank correlation;
and sparsification: the mean error of the pixels that are left when those of the greatest expected error go first,
beside going by the true error (the best there is) and by chance. Errors are relative errors of depth after the
benchmark alignment, one scale and shift of disparity a clip. Of nano, writes benchmarks/results/confidence.md and
docs/images/confidence.svg.
"""

import argparse
import datetime
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from pellucid import align_disparity
from pellucid.data.sequences import Sequence, find_sequences, read_sequence
from pellucid.model.pipeline import GeometryPipeline, Settings
from pellucid.predict.calibration import Calibration, comparable, fit_curve, load_calibration, save_calibration
from pellucid.predict.model import find
from pellucid.predict.spread import spreads
from pellucid.predict.views import VIEWS

ROOT = Path(__file__).parent
NEAR, FAR = 0.1, 10.0  # metres
BINS = 10
COLOURS = {"all pixels": "#00796b", "glass": "#c2185b"}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The pixels of a clip whose depth is known."""

    name: str
    spread: np.ndarray
    error: np.ndarray  # relative
    glass: np.ndarray


def is_fitted_on(sequence: Sequence) -> bool:
    """Every second of the held-out scenes, whose seeds are seven apart."""
    return sequence.seed // 7 % 2 == 0


@torch.no_grad()
def scored(pipe: GeometryPipeline, settings: Settings, sequence: Sequence, frames: int) -> Scored:
    clip = read_sequence(sequence, 0, min(sequence.num_frames, frames))
    assert clip.depth is not None and clip.transparent is not None

    def predict(rgb: np.ndarray, how: Settings) -> np.ndarray:
        return pipe.start(*rgb.shape[:3], how).push(rgb)

    disparity = predict(clip.rgb, settings)
    seen = [view.back(predict(view.of(clip.rgb), view.settings(settings))) for view in VIEWS]
    spread = np.stack(list(spreads(lambda: ((d, [v[t] for v in seen]) for t, d in enumerate(disparity)))))
    valid = np.isfinite(clip.depth) & (clip.depth > NEAR) & (clip.depth < FAR)
    depth = align_disparity(np.maximum(disparity, 1e-6), clip.depth, valid, min_depth=NEAR, max_depth=FAR)
    truth = clip.depth[valid].astype(np.float64)
    return Scored(
        name=sequence.name, spread=spread[valid], error=np.abs(depth[valid] - truth) / truth,
        glass=clip.transparent[valid],
    )  # fmt: skip


def reliability(expected: np.ndarray, error: np.ndarray) -> list[tuple[float, float]]:
    """Mean expected and mean actual error in bins of equal size."""
    bins = np.array_split(np.argsort(expected, kind="stable"), BINS)
    return [(float(expected[part].mean()), float(error[part].mean())) for part in bins]


def sparsified(order: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Mean error of what is left when the greatest of `order` go first, for 0 to 95 % gone; of the mean of all."""
    left = error[np.argsort(order, kind="stable")].cumsum() / np.arange(1, error.size + 1)
    shares = 1 - np.linspace(0, 0.95, 20)
    return left[np.maximum((shares * error.size).astype(int) - 1, 0)] / error.mean()


def by_clip(clips: list[Scored], calibration: Calibration, part: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for clip in clips:
        where = clip.glass if part == "glass" else np.ones(clip.error.size, bool)
        if where.sum() > 100:
            yield calibration.expected_error(clip.spread[where]), clip.error[where]


def measured(clips: list[Scored], calibration: Calibration, part: str) -> dict:
    """Every figure of one part of the pixels; intervals by drawing clips anew."""
    pairs = list(by_clip(clips, calibration, part))
    expected, error = (np.concatenate(x) for x in zip(*pairs, strict=True))
    bins = reliability(expected, error)
    curve, best = sparsified(expected, error), sparsified(error, error)
    rng = np.random.default_rng(1)
    thin = [(e[::17], a[::17]) for e, a in pairs]
    drawn = [[thin[i] for i in rng.integers(0, len(thin), len(thin))] for _ in range(200)]
    ranks = [spearmanr(*(np.concatenate(x) for x in zip(*some, strict=True))).statistic for some in drawn]
    within = [spearmanr(e, a).statistic for e, a in thin if np.ptp(e) > 0]
    return {
        "clips": len(pairs),
        "pixels": error.size,
        "bins": bins,
        "expected": expected.mean(),
        "actual": error.mean(),
        "calibration": np.mean([abs(e - a) for e, a in bins]),
        "rank": spearmanr(expected, error).statistic,
        "interval": np.quantile(ranks, (0.025, 0.975)),
        "within": np.mean(within),
        "curve": curve,
        "best": best,
        "ause": (curve - best).mean(),
        "chance": (1 - best).mean(),
        "kept": sparsified(expected, error)[10],
    }


def page(results: dict[str, dict], command: str, model: str, calibration: Calibration, frames: int) -> str:
    text = (
        f"# How well {model} knows its error\n\n`{command}`, {datetime.date.today()}, {os.cpu_count()} cores, "
        f"{platform.machine()}. The curve was fitted on {calibration.clips} held-out rendered scenes and is tried here "
        f"on others, {frames} frame{'s' * (frames > 1)} of each; {1 + len(calibration.views)} passes of the network. "
        "Relative error of depth after one scale and shift of disparity a clip.\n"
    )
    for part, r in results.items():
        text += f"\n## {part[0].upper()}{part[1:]}\n\n{r['clips']} clips, {r['pixels'] / 1e6:.1f} million pixels.\n\n"
        text += "| pixels, surest first | expected error % | actual error % |\n|---|---|---|\n"
        for number, (expected, actual) in enumerate(r["bins"]):
            step = 100 // BINS
            text += f"| {number * step} to {(number + 1) * step} % | {expected * 100:.1f} | {actual * 100:.1f} |\n"
        low, high = r["interval"]
        text += (
            f"| **all** | **{r['expected'] * 100:.1f}** | **{r['actual'] * 100:.1f}** |\n\n"
            f"- Mean difference of expected and actual over the bins: {r['calibration'] * 100:.1f} points.\n"
            f"- Rank correlation of expected and actual error: {r['rank']:.2f} over all pixels (95 % interval "
            f"{low:.2f} to {high:.2f}, clips drawn anew); {r['within']:.2f} within a clip, on average.\n"
            f"- Sparsification, area above the best order (AUSE) relative to the mean error: {r['ause']:.3f}; by "
            f"chance {r['chance']:.3f}, best 0. The surer half has {r['kept']:.2f} of the mean error, by chance 1, "
            f"at best {r['best'][10]:.2f}.\n"
        )
    return text


def plot(results: dict[str, dict]) -> str:
    """Reliability to the left, sparsification to the right."""
    top = max(x for r in results.values() for pair in r["bins"] for x in pair) * 1.1
    ticks = np.arange(0, top, 0.1)
    svg = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 380" font-family="sans-serif" font-size="13">',
        '<rect width="760" height="380" fill="#fff"/>',
    ]

    def line(points: list[tuple[float, float]], x0: float, across: float, up: float, style: str) -> str:
        where = " ".join(f"{x0 + x / across * 280:.1f},{310 - y / up * 270:.1f}" for x, y in points)
        return f'<polyline points="{where}" fill="none" {style}/>'

    def words(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333" {more}>{text}</text>'

    grey = 'stroke="#999" stroke-dasharray="5 4"'
    for x0, across, label in (
        (70, "expected relative error", "actual relative error"),
        (450, "share of pixels left out, least sure first", "error left, of the mean"),
    ):
        svg += [line([(0, 1), (0, 0), (1, 0)], x0, 1, 1, 'stroke="#333"'), words(x0 + 140, 350, across)]
        svg += [words(x0 - 45, 175, label, more=f'transform="rotate(-90 {x0 - 45} 175)"')]
    for tick in ticks:
        svg += [
            words(70 + tick / top * 280, 328, f"{tick:.0%}"),
            words(62, 314 - tick / top * 270, f"{tick:.0%}", "end"),
        ]
    for tick in (0, 0.5, 1):
        svg += [words(450 + tick * 280, 328, f"{tick:.0%}"), words(442, 314 - tick / 1.1 * 270, f"{tick:g}", "end")]
    svg += [line([(0, 0), (top, top)], 70, top, top, grey), line([(0, 1), (1, 1)], 450, 1, 1.1, grey)]
    gone = np.linspace(0, 0.95, 20)
    for number, (part, r) in enumerate(results.items()):
        colour = f'stroke="{COLOURS[part]}" stroke-width="2.5"'
        svg.append(line(r["bins"], 70, top, top, colour))
        svg += [
            f'<circle cx="{70 + x / top * 280:.1f}" cy="{310 - y / top * 270:.1f}" r="4" fill="{COLOURS[part]}"/>'
            for x, y in r["bins"]
        ]
        svg.append(line(list(zip(gone, r["curve"], strict=True)), 450, 1, 1.1, colour))
        svg.append(line(list(zip(gone, r["best"], strict=True)), 450, 1, 1.1, colour + ' stroke-dasharray="2 3"'))
        svg.append(words(90, 60 + 20 * number, part, "start", f'style="fill:{COLOURS[part]}"'))
    svg += [words(720, 58, "dashed: chance", "end"), words(720, 90, "solid: by the expected error", "end")]
    svg += [words(720, 108, "dotted: the best order", "end"), "</svg>"]
    return "\n".join(svg) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered sequences")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--fit", action="store_true", help="calibrate; writes confidence.json into the model's folder")
    parser.add_argument("--frames", type=int, default=1, help="at most, of each scene")
    parser.add_argument("--limit", type=int, help="first so many scenes; then nothing is written")
    options = parser.parse_args()

    model = find(options.model)
    pipe = GeometryPipeline.from_pretrained(options.model)
    settings = Settings().completed(model.config)
    sequences = find_sequences(options.data, "held-out")[: options.limit]
    if not options.fit:
        calibration = load_calibration(model)
        sequences = [sequence for sequence in sequences if not is_fitted_on(sequence)]
    clips = []
    for number, sequence in enumerate(sequences, 1):
        clips.append((is_fitted_on(sequence), scored(pipe, settings, sequence, options.frames)))
        print(f"{number} of {len(sequences)}: {sequence.name}", flush=True)
    if options.fit:
        used = [clip for fitted, clip in clips if fitted and clip.error.size]
        curve = fit_curve([clip.spread for clip in used], [clip.error for clip in used])
        calibration = Calibration(
            weights_sha256=model.weights_sha256, views=tuple(view.name for view in VIEWS),
            settings=comparable(settings), clips=len(used), spreads=curve[0], errors=curve[1],
        )  # fmt: skip
        if options.limit is None:
            save_calibration(model.folder, calibration)
    others = [clip for fitted, clip in clips if not fitted and clip.error.size]
    results = {part: measured(others, calibration, part) for part in COLOURS}
    names = " ".join(folder.name for folder in options.data)
    command = f"python benchmarks/confidence.py --data {names}{' --fit' * options.fit}"
    text = page(results, command, options.model, calibration, options.frames)
    print(text)
    if options.limit is None and options.model == "nano":
        (ROOT / "results" / "confidence.md").write_text(text)
        (ROOT.parent / "docs" / "images" / "confidence.svg").write_text(plot(results))


if __name__ == "__main__":
    main()
