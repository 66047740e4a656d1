"""The network over one input, frame by frame into a record that survives a kill."""

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import torch

from pellucid.align import Seam
from pellucid.clip import InputError
from pellucid.model.pipeline import GeometryPipeline
from pellucid.predict.placement import memory_errors
from pellucid.predict.plan import Plan
from pellucid.predict.report import bar, say
from pellucid.predict.views import View
from pellucid.store import Recording
from pellucid.video import stream

CHECKPOINT_SECONDS = 20.0
CHUNK = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the sidecar tells of a run, added up over all its sessions."""

    seams: list[Seam]
    seconds: dict[str, float]  # encode, network, decode, total
    peak_memory_bytes: dict[str, int]  # main, and device where there is one


@torch.no_grad()
def record(plan: Plan, pipe: GeometryPipeline, recording: Recording, view: View | None = None) -> Measured:
    """Predicts what the recording lacks, and leaves it whole and checkpointed.

    With a view, what is said of it, brought back onto the pixels of the frames.
    """
    source = plan.source
    if recording.num_frames == source.num_frames:
        return remembered(recording.meta)
    began = time.perf_counter()
    settings = plan.settings if view is None else view.settings(plan.settings)
    geometry = pipe.start(source.num_frames, source.height, source.width, settings)
    earlier = recording.meta
    if recording.state:
        geometry.load_state(recording.state)
        say(f"  goes on after {geometry.frames_read} of {source.num_frames} frames read, from an earlier run")
    if plan.placement.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(plan.placement.device)

    def measured() -> Measured:
        now = geometry.seconds | {"total": time.perf_counter() - began}
        before = earlier.get("seconds", {})
        peaks, old = peak_memory(plan.placement.device), earlier.get("peak_memory_bytes", {})
        return Measured(
            seams=geometry.seams,
            seconds={part: before.get(part, 0.0) + seconds for part, seconds in now.items()},
            peak_memory_bytes={part: max(old.get(part, 0), peak) for part, peak in peaks.items()},
        )

    saved = time.monotonic()
    what = source.stem if view is None else f"{source.stem}: {view.name}"
    with bar(source.num_frames, what, "frame", done=geometry.frames_read) as progress, memory_errors():
        for frames in stream(source, chunk=CHUNK, start=geometry.frames_read):
            maps = geometry.push(frames if view is None else view.of(frames))
            if not np.isfinite(maps).all():
                raise InputError(f"{source.path}: the network gave values that are not finite; try --dtype float32")
            recording.append(maps if view is None else view.back(maps))
            progress.update(len(frames))
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                checkpoint(recording, geometry.state(), measured())
                saved = time.monotonic()
        checkpoint(recording, geometry.state(), measured())
    assert recording.num_frames == source.num_frames
    return measured()


def checkpoint(recording: Recording, state: dict[str, Any], measured: Measured) -> None:
    """Makes the record durable up to here, with what was measured."""
    seams = [[s.start, s.overlap, s.scale, s.shift, s.residual] for s in measured.seams]
    meta = {"seconds": measured.seconds, "peak_memory_bytes": measured.peak_memory_bytes, "seams": seams}
    recording.checkpoint(state, meta)


def remembered(meta: dict[str, Any]) -> Measured:
    """What the last checkpoint measured, for a record that is whole already."""
    seams = [
        Seam(start=start, overlap=overlap, scale=scale, shift=shift, residual=residual)
        for start, overlap, scale, shift, residual in meta["seams"]
    ]
    return Measured(seams=seams, seconds=meta["seconds"], peak_memory_bytes=meta["peak_memory_bytes"])


def peak_memory(device: str) -> dict[str, int]:
    """The most memory in use so far, in bytes: of this process, and of the device where it tells."""
    if sys.platform == "win32":
        peaks = {"main": int(psutil.Process().memory_info().peak_wset)}
    else:
        import resource  # not on Windows

        unit = 1 if sys.platform == "darwin" else 1024
        peaks = {"main": unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    if device.startswith("cuda"):
        peaks["device"] = int(torch.cuda.max_memory_allocated(device))
    return peaks
