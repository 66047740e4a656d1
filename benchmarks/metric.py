"""Metres from a failing depth camera: `python benchmarks/metric.py --data DIR... [--real DIR]`.

Held-out rendered scenes are seen by the simulated sensor of pellucid.synth.sensor, whose glass and metal fail, and by
a model. Errors in mm against the truth, on glass, on metal, on other things and on what they stand on: of the raw
sensor where it has a value, of the model aligned to it, and of the sensor completed by the model, with parts of the
method left out. Beside the model given, a stand-in that is right but for a smooth error of 2 % and soft outlines shows
what the method does with a better one. With --real also on ClearGrasp's frames, whose truth was measured with painted
twins. Writes benchmarks/results/metric.md and, with --picture, before and after of one scene.
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pellucid import GeometryPipeline
from pellucid.align import (
    Completer,
    Evidence,
    complete_depth,
    depth_from_disparity,
    fit_metric,
    fit_scale_shift,
)
from pellucid.camera import focal_length
from pellucid.data.behind import behind_things, read_behind
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.predict.completion import load_completer
from pellucid.synth.frame import Frame
from pellucid.synth.sensor import simulate_active_stereo
from pellucid.visualize import colorize_disparity

RESULTS = Path(__file__).parent / "results"
METAL, THINGS = 3, 100  # a material, and the first instance that is no thing
FAR = 5.0  # metres: beyond is not scored
PARTS = ("glass", "metal", "other things", "support")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Some frames of a scene: what is there, what the sensor says, and which pixels are of what."""

    name: str
    rgb: np.ndarray
    depth: np.ndarray
    sensor: np.ndarray
    focal: float  # pixels
    parts: dict[str, np.ndarray]


def scenes(data: list[Path], count: int, limit: int | None) -> Iterator[Seen]:
    for sequence in find_sequences(data, "held-out")[:limit]:
        clip = read_sequence(sequence)
        assert clip.depth is not None and clip.normals is not None and clip.K is not None
        assert clip.transparent is not None and clip.T_world_camera is not None
        chosen = np.linspace(0, sequence.num_frames - 1, count).astype(int)
        sensors, labels = [], []
        for t in chosen:
            label = cv2.imread(str(sequence.path / f"label_{t + 1:04d}.png"))[..., ::-1]
            instance = np.ascontiguousarray(label[..., 0])
            if (sequence.path / f"depth_behind_{t + 1:04d}.png").exists():
                behind = read_behind(sequence, t, t + 1)[0][0]
            else:  # scenes of the prototype
                behind = behind_things(clip.depth[t], instance)
            frame = Frame(
                index=int(t), rgb=clip.rgb[t], depth=clip.depth[t], normals=clip.normals[t], instance=instance,
                material=np.ascontiguousarray(label[..., 1]), transparent=clip.transparent[t], depth_behind=behind,
                normals_behind=clip.normals[t], K=clip.K, T_world_camera=clip.T_world_camera[t],
            )  # fmt: skip
            sensors.append(simulate_active_stereo(frame, clip.K, np.random.default_rng([sequence.seed, t])))
            labels.append(label)
        depth, label, glass = clip.depth[chosen], np.stack(labels), clip.transparent[chosen]
        scored = np.isfinite(depth) & (depth < FAR)
        thing = (label[..., 0] > 0) & (label[..., 0] < THINGS)
        metal = (label[..., 1] == METAL) & ~glass
        masks = (glass, metal, thing & ~glass & ~metal, ~thing & ~glass & ~metal)
        parts = {name: mask & scored for name, mask in zip(PARTS, masks, strict=True)}
        yield Seen(
            name=sequence.name,
            rgb=clip.rgb[chosen],
            depth=depth,
            sensor=np.stack(sensors),
            focal=focal_length(clip.K),
            parts=parts,
        )


def stand_in(depth: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Disparity in [0, 1] of a model with a smooth relative error and outlines two pixels soft."""
    rng = np.random.default_rng(seed)
    frames = []
    for frame in depth:
        inverse = np.where(np.isfinite(frame), 1 / np.maximum(frame, 0.05), 0.1)
        field = cv2.resize(rng.standard_normal((5, 8)), frame.shape[::-1], interpolation=cv2.INTER_CUBIC)
        frames.append(cv2.GaussianBlur(inverse, (0, 0), 1.0) * (1 + share * field / field.std()))
    disparity = np.stack(frames)
    low, high = np.quantile(disparity, (0.02, 0.98))
    return ((disparity - low) / (high - low)).astype(np.float32)


def fitted(disparity: np.ndarray, sensor: np.ndarray) -> np.ndarray:
    evidence = Evidence()
    for index, pair in enumerate(zip(disparity, sensor, strict=True)):
        evidence.add(index, *pair)
    fit = fit_metric(evidence)
    return np.stack([depth_from_disparity(frame, *fit.lines.at(i)) for i, frame in enumerate(disparity)])


def by_least_squares(disparity: np.ndarray, depth: np.ndarray) -> np.ndarray:
    known = np.isfinite(depth) & (depth < FAR)
    return depth_from_disparity(disparity, *fit_scale_shift(disparity, 1 / np.where(known, depth, 1), known))


def completed(model: np.ndarray, sensor: np.ndarray, **options: float) -> tuple[np.ndarray, np.ndarray]:
    frames = [complete_depth(*pair, **options) for pair in zip(model, sensor, strict=True)]
    return np.stack([f.depth for f in frames]), np.stack([f.trusted for f in frames])


def by_network(
    complete: Completer, model: np.ndarray, seen_rgb: np.ndarray, sensor: np.ndarray, focal: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, where it is the sensor's own, and the relative error expected."""
    frames = [complete(*each, focal) for each in zip(seen_rgb, model, sensor, strict=True)]
    errors = [np.zeros_like(f.depth) if f.expected_error is None else f.expected_error for f in frames]
    return np.stack([f.depth for f in frames]), np.stack([f.trusted for f in frames]), np.stack(errors)


def methods(disparity: np.ndarray, seen: Seen, complete: Completer) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Depth by each method, and where it is the sensor's own."""
    none, sensor = np.zeros(seen.depth.shape, bool), seen.sensor
    model = fitted(disparity, sensor)
    flat = np.full_like(model, float(np.nanmedian(sensor)))
    everything = {"farther": 1e3, "nearer": 1e3}
    return {
        "raw sensor, where it has a value": (sensor, np.isfinite(sensor)),
        "raw sensor, holes filled without a model": completed(flat, sensor, **everything),
        "model, least squares on the sensor": (by_least_squares(disparity, sensor), none),
        "model, robust fit": (model, none),
        "model, least squares on the truth": (by_least_squares(disparity, seen.depth), none),
        "completed by network": by_network(complete, model, seen.rgb, sensor, seen.focal)[:2],
        "completed by rules": completed(model, sensor),
        "completed by rules, holes alone": completed(model, sensor, **everything),
        "completed by rules, model not corrected around": completed(model, sensor, believe_model=True),
    }


def measured(
    models: dict[str, Callable[[Seen], np.ndarray]], all_seen: list[Seen], complete: Completer
) -> dict[str, dict[str, list]]:
    """Of each model and method: error in mm and share of the sensor for each part, means over scenes."""
    results: dict[str, dict[str, list]] = {}
    for title, estimate in models.items():
        rows: dict[str, list] = {}
        for seen in all_seen:
            for name, (depth, own) in methods(estimate(seen), seen, complete).items():
                error = np.abs(depth - seen.depth) * 1e3
                cells = []
                for part in PARTS:
                    mask = seen.parts[part]
                    known = mask & np.isfinite(depth)
                    enough = mask.sum() > 100 and known.any()
                    cells.append((error[known].mean(), own[mask].mean()) if enough else (np.nan, np.nan))
                rows.setdefault(name, []).append(cells)
            print(title, seen.name, flush=True)
        results[title] = {name: np.nanmean(cells, axis=0).tolist() for name, cells in rows.items()}
    return results


def real_frames(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]]:
    """Name, colours, sensor, truth, mask and focal length in pixels of ClearGrasp's frames, halved in size."""
    for file in sorted((folder / "cleargrasp_real").glob("*-gt.npz")):
        with np.load(file) as truth:
            depths = [truth[name].astype(np.float32)[::2, ::2] for name in ("depth_transparent_m", "depth_gt_m")]
            mask, focal = truth["mask"][::2, ::2] > 0, focal_length(truth["K"]) / 2
        sensor, depth = (np.where(np.isfinite(d) & (d > 0), d, np.float32(np.nan)) for d in depths)
        picture = cv2.imread(str(file).replace("-gt.npz", "-transparent-rgb-img.jpg"))[..., ::-1]
        rgb = cv2.resize(picture, sensor.shape[::-1], interpolation=cv2.INTER_AREA)
        yield file.name[:9], rgb, sensor, depth, mask, focal


def on_real(pipe: GeometryPipeline, complete: Completer, name: str, folder: Path) -> str:
    lines = ["| frame | model | depth | glass, mean | glass, median | rest, mean |", "|---" * 6 + "|"]
    for frame, rgb, sensor, depth, mask, focal in real_frames(folder):
        filled = np.where(np.isfinite(depth), depth, np.nanmedian(depth))
        rest = ~cv2.dilate(mask.astype(np.uint8), np.ones((15, 15))).astype(bool)
        for title, disparity in ((name, pipe(rgb[None]).disparity), ("stand-in, 2 %", stand_in(filled[None], 0.02, 1))):
            model = fitted(disparity, sensor[None])
            rows = {
                "raw sensor": sensor,
                "model, robust fit": model[0],
                "completed by network": by_network(complete, model, rgb[None], sensor[None], focal)[0][0],
                "completed by rules": completed(model, sensor[None])[0][0],
            }
            for row, values in rows.items():
                error = np.abs(values - depth) * 1e3
                glass = error[mask & np.isfinite(error)]
                other = error[rest & np.isfinite(error)]
                cells = f"{glass.mean():.1f} | {np.median(glass):.1f} | {other.mean():.1f}"
                lines.append(f"| {frame} | {title if row != 'raw sensor' else '-'} | {row} | {cells} |")
    return "\n".join(dict.fromkeys(lines))


def table(rows: dict[str, list]) -> str:
    lines = ["| depth | " + " | ".join(PARTS) + " |", "|---" * (len(PARTS) + 1) + "|"]
    for name, cells in rows.items():
        share = [f" ({own:.0%})" if own > 0 else "" for _, own in cells]
        lines.append(
            f"| {name} | " + " | ".join(f"{mm:.1f}{s}" for (mm, _), s in zip(cells, share, strict=True)) + " |"
        )
    return "\n".join(lines)


def picture(seen: Seen, disparity: np.ndarray, complete: Completer, path: Path) -> None:
    """Colours, sensor, aligned model and the completed sensor of a scene's middle frame, one colour range."""
    t = len(seen.depth) // 2
    model = fitted(disparity, seen.sensor)
    whole = complete(seen.rgb[t], model[t], seen.sensor[t], seen.focal).depth
    shown = [seen.sensor[t], model[t], whole, seen.depth[t]]
    low, high = np.nanquantile(1 / seen.sensor[t], (0.02, 0.98))
    panels = [seen.rgb[t]]
    panels += [colorize_disparity(1 / np.maximum(d, 1e-3)[None], low, high)[0] for d in shown]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(panels, axis=1)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of rendered sequences")
    parser.add_argument("--real", type=Path, help="folder of real frames, with cleargrasp_real in it")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--completion", help="the model whose network completes; by default the same")
    parser.add_argument("--frames", type=int, default=3, help="of each scene")
    parser.add_argument("--limit", type=int, help="first so many scenes; then no page is written")
    parser.add_argument("--picture", type=Path, help="a picture of before and after to write")
    parser.add_argument("--scene", help="which the picture shows; by default the first")
    options = parser.parse_args()

    pipe = GeometryPipeline.from_pretrained(options.model)
    complete = load_completer(options.completion or options.model)
    all_seen = list(scenes(options.data, options.frames, options.limit))
    models = {
        options.model: lambda seen: pipe(seen.rgb).disparity,
        "stand-in, 2 %": lambda seen: stand_in(seen.depth, 0.02, int(seen.name.strip("s"))),
    }
    results = measured(models, all_seen, complete)
    vga = cv2.resize(all_seen[0].sensor[0], (640, 480), interpolation=cv2.INTER_NEAREST)
    began = time.process_time()
    for _ in range(5):
        complete_depth(np.full_like(vga, float(np.nanmedian(vga))), vga)
    took = (time.process_time() - began) / 5
    command = f"python benchmarks/metric.py --data {' '.join(d.name for d in options.data)}"
    command += f" --real {options.real.name}" * bool(options.real)
    text = (
        f"# Metres from a failing depth camera\n\n`{command}`, {datetime.date.today()}, {os.cpu_count()} cores, "
        f"{platform.machine()}. {len(all_seen)} held-out rendered scenes of {options.frames} frames, the simulated "
        "sensor of `pellucid.synth.sensor`; mean absolute error in mm, mean over scenes; in brackets the share of "
        "pixels that are the sensor's own. The raw sensor is scored only where it has a value.\n"
    )
    for title, rows in results.items():
        text += f"\n## {title}\n\n{table(rows)}\n"
    if options.real:
        text += (
            "\n## Real frames\n\nClearGrasp's D435 frames; the truth was measured with the glass replaced by painted "
            f"twins. Error in mm.\n\n{on_real(pipe, complete, options.model, options.real)}\n"
        )
    text += f"\nCompleting one frame of 640x480 takes {took * 1e3:.0f} ms of one core.\n"
    print(text)
    if options.limit is None:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "metric.md").write_text(text)
    if options.picture:
        seen = next((s for s in all_seen if s.name == options.scene), all_seen[0])
        picture(seen, models[options.model](seen), complete, options.picture)


if __name__ == "__main__":
    main()
