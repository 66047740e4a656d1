"""Time and memory of estimators: one process for each, so that their peaks do not mix."""

import multiprocessing
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from jaxtyping import UInt8
from tqdm import tqdm

from pellucid.clip import Estimator, InputError
from pellucid.evaluate.published import published_tables
from pellucid.store import atomic, write_json

STAGES = ("encode", "network", "decode", "total")
TABLE, RESULT = "speed.md", "speed.json"

Load = Callable[[], Estimator]  # must be picklable: it runs in the other process


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of one estimator: milliseconds a frame by stage, as far as it tells them, and peak memory with its weights."""

    name: str
    device: str
    frames: int
    size: tuple[int, int]  # height, width of the frames
    milliseconds: dict[str, float]
    peak_memory_bytes: dict[str, int]  # main, and device where there is one
    receipt: dict[str, Any]


def measure_each(loads: Mapping[str, Load], frames: int, size: tuple[int, int]) -> list[Speed]:
    """The speed of each estimator that can be measured; of each other one a line says why not.

    Raises InputError when there is none.
    """
    speeds = []
    for name, load in tqdm(loads.items(), desc="measuring", unit="estimator", delay=2, leave=False, file=sys.stderr):
        try:
            speeds.append(measure(name, load, frames, size))
        except InputError as error:
            if len(loads) == 1:
                raise
            tqdm.write(f"{name} is not measured: {' '.join(str(error).split())}", file=sys.stderr)
    if not speeds:
        raise InputError("none of the estimators at hand could be measured")
    return speeds


def measure(name: str, load: Load, frames: int, size: tuple[int, int]) -> Speed:
    """Loads the estimator in a process of its own and runs it twice on a moving pattern; the second time counts.

    Raises InputError as loading and running do, or when the process dies.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(theirs, name, load, frames, size), daemon=True)
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = None
    process.join()
    if answer is None:
        raise InputError(f"{name}: the process that measured it ended with status {process.exitcode}; is memory short?")
    if isinstance(answer, str):
        raise InputError(answer)
    return answer


def write_speed(out: Path, speeds: Sequence[Speed]) -> list[Path]:
    """Writes speed.json and speed.md, with the papers' rows below ours; their paths."""
    write_json(out / RESULT, {"estimators": [asdict(speed) for speed in speeds]})
    lines = [
        f"# Time and memory on {', '.join(dict.fromkeys(speed.device for speed in speeds))}", "",
        "| estimator | frames | encode ms | network ms | decode ms | total ms | peak memory GB | on the device GB |",
        "|---|---|---:|---:|---:|---:|---:|---:|", *map(_own_line, speeds),
    ]  # fmt: skip
    lines += [
        "",
        "Milliseconds a frame, of the second of two runs; a dash: not told apart. Peak memory of the process.",
    ]
    for table in (t for t in published_tables() if t.kind == "speed"):
        lines += ["", f"{table.citation}: {table.what}. {table.note}", ""]
        lines += ["| method | encode | network | decode | total |", "|---|---:|---:|---:|---:|"]
        for method, numbers in table.rows:
            cells = [f"{numbers[s].value:.{numbers[s].digits}f}" if s in numbers else "–" for s in STAGES]
            lines.append(f"| {method} | {' | '.join(cells)} |")
    with atomic(out / TABLE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [out / TABLE, out / RESULT]


def _own_line(speed: Speed) -> str:
    times = [f"{speed.milliseconds[stage]:.1f}" if stage in speed.milliseconds else "–" for stage in STAGES]
    memory = [f"{p / 1e9:.2f}" if (p := speed.peak_memory_bytes.get(k)) else "–" for k in ("main", "device")]
    height, width = speed.size
    return f"| {speed.name} | {speed.frames} of {width}×{height} | {' | '.join(times + memory)} |"


def _measure(answer: Connection, name: str, load: Load, frames: int, size: tuple[int, int]) -> None:
    """In the other process: sends a Speed, or the line of an InputError."""
    try:
        estimator = load()
        rgb = _pattern(frames, size)
        for _ in range(2):  # the first run compiles, allocates and fills caches
            began = time.perf_counter()
            estimator(rgb)
            total = time.perf_counter() - began
    except InputError as error:
        answer.send(str(error))
        return
    receipt = dict(getattr(estimator, "receipt", dict)())
    stages = {**receipt.pop("seconds", {}), "total": total}
    answer.send(
        Speed(
            name=name,
            device=_device(),
            frames=frames,
            size=size,
            milliseconds={stage: 1000 * seconds / frames for stage, seconds in stages.items() if stage in STAGES},
            peak_memory_bytes=_peak_memory(),
            receipt=receipt,
        )
    )


def _pattern(frames: int, size: tuple[int, int]) -> UInt8[np.ndarray, "T H W 3"]:
    """A texture that moves by two pixels a frame."""
    height, width = size
    wide = np.random.default_rng(0).integers(0, 256, (height, width + 2 * frames, 3), np.uint8)
    return np.stack([wide[:, 2 * t : 2 * t + width] for t in range(frames)])


def _peak_memory() -> dict[str, int]:
    """The most in use so far: of this process, and of CUDA where the estimator's own torch has it."""
    if sys.platform == "linux":  # not getrusage, which also counts the parent's memory up to exec
        peaks = {"main": 1024 * int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0])}
    elif sys.platform == "win32":
        peaks = {"main": int(psutil.Process().memory_info().peak_wset)}
    else:
        import resource  # not on Windows

        peaks = {"main": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    if cuda := _cuda():
        peaks["device"] = int(cuda.max_memory_allocated())
    return peaks


def _device() -> str:
    if cuda := _cuda():
        return cuda.get_device_name()
    return f"{os.cpu_count()} processor cores ({platform.machine()})"


def _cuda() -> Any:
    """torch.cuda if the estimator has brought torch and runs on it; scoring itself never loads it."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None
