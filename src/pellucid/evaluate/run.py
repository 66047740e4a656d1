"""A benchmark from end to end: clip by clip, resumable, one bad clip not stopping the others."""

import hashlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pellucid.clip import Clip, InputError
from pellucid.evaluate.pictures import pictures
from pellucid.evaluate.protocol import Benchmark, Item, Protocol
from pellucid.evaluate.scoring import NO_MASK, plain, score
from pellucid.evaluate.sources import Source
from pellucid.store import Lock, read_json, write_json

SCORES = 1  # raised when a metric changes: scores of an earlier number are made again
RESULT = "result.json"
_CHOOSES_CLIPS = ("clips", "min_frames", "source")  # of a protocol: what says nothing of one clip's scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One estimator on the clips of a benchmark under one of its protocols."""

    source: Source
    benchmark: Benchmark
    protocol_name: str
    protocol: Protocol
    items: list[Item]
    out: Path

    @property
    def folder(self) -> Path:
        """Where its results go."""
        return self.out / self.source.name

    def key(self, clip: str) -> str:
        """One digest of all that the scores of a clip depend on: equal keys mean equal scores."""
        protocol = {name: value for name, value in json_safe(self.protocol).items() if name not in _CHOOSES_CLIPS}
        named = {
            "scores": SCORES,
            "clip": clip,
            "benchmark": self.benchmark.name,
            "protocol": protocol,
            "receipt": self.source.receipt(clip),
        }
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def run(job: Job, say: Callable[[str], object] = lambda line: tqdm.write(line, file=sys.stderr)) -> dict[str, Any]:
    """The result of the job, also written to `job.folder`/result.json; scores of each clip lie in clips/ beside it.

    A clip that has its scores already, of the same frames and truth and with the same receipt, is not run again. One
    that cannot be scored is said in a line that names it, and listed in the result's `left_out`; a scored one without
    enough glass or background in `regions_left_out`, one of which frames are not read in `frames_left_out`.
    Raises InputError when nothing could be scored, or when another process works in the folder.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    lock = Lock(job.folder / "evaluate.lock")
    try:
        scored: list[dict[str, Any]] = []
        left_out: dict[str, str] = {}
        frames_left_out: dict[str, str] = {}
        earlier = 0
        for item in tqdm(job.items, desc=job.source.name, unit="clip", delay=2, leave=False, file=sys.stderr):
            try:
                key = job.key(item.name)  # before any work: a prediction that is missing shows here
                clip = item.read()
                found = _scored_before(job, key, clip, item.name)
                content = found or _scored(job, key, clip, item.name)
                _require_alike(content, scored)
                earlier += found is not None
                scored.append(content)
                if item.left_out:
                    frames_left_out[item.name] = item.left_out
                    say(f"{item.name}: {item.left_out}")
                for region, why in _unscored(content).items():
                    say(f"{item.name}: its {region} is not scored: {why}")
            except InputError as error:
                left_out[item.name] = " ".join(str(error).split())
                say(f"pellucid: error: {item.name}: {left_out[item.name]}")
        if earlier:
            say(f"{earlier} of {len(job.items)} clips had their scores already (same data and receipt)")
        if not scored:
            raise InputError(f"none of {len(job.items)} clips could be scored; the lines above say why")
        result = _total(job, scored, left_out) | {"frames_left_out": frames_left_out}
        write_json(job.folder / RESULT, result)
        return result
    finally:
        lock.release()


def _require_alike(content: dict[str, Any], before: list[dict[str, Any]]) -> None:
    """Raises InputError when the clip is of normals and those before of depth, or the other way round."""
    of_depth = content["fit"] is not None
    if before and of_depth != (before[0]["fit"] is not None):
        ours, theirs = ("depth", "normals") if of_depth else ("normals", "depth")
        raise InputError(f"the prediction is of {ours}, those of the clips before are of {theirs}; score them apart")


def _unscored(content: dict[str, Any]) -> dict[str, str]:
    """Glass or background, of a clip that has a mask, with the reason why it does not count."""
    return {r: why for r, why in content["left_out"].items() if r in ("glass", "background") and why != NO_MASK}


def _scored_before(job: Job, key: str, clip: Clip, name: str) -> dict[str, Any] | None:
    path = _clip_file(job, name)
    if not path.is_file():
        return None
    try:
        content = read_json(path)
    except InputError:
        return None  # damaged: score again
    same = isinstance(content, dict) and content.get("key") == key and content["clip_sha256"] == _digest(clip)
    return content if same else None


def _scored(job: Job, key: str, clip: Clip, name: str) -> dict[str, Any]:
    prediction, measured = job.source.predict(name, clip.rgb)
    scores = score(prediction, clip, job.protocol)
    content = {
        "clip": name,
        "key": key,
        "frames": len(clip.rgb),
        "size": list(clip.rgb.shape[1:3]),
        "clip_sha256": _digest(clip),
        **plain(scores),
        "measured": measured,
        "receipt": job.source.receipt(name),
    }
    write_json(_pictures_file(job, name), pictures(prediction, clip, scores, measured.get("seams", [])))
    write_json(_clip_file(job, name), content)  # last: it vouches for the pictures too
    return content


def _total(job: Job, scored: list[dict[str, Any]], left_out: dict[str, str]) -> dict[str, Any]:
    """Means over clips by region, of the clips that have the metric, with everything they depend on."""
    regions: dict[str, dict[str, float]] = {}
    for region in ("all", "glass", "background"):
        rows = [clip["regions"][region] for clip in scored if region in clip["regions"]]
        names = dict.fromkeys(name for row in rows for name in row)
        if rows:
            regions[region] = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    floors = [clip["truth_scores"] for clip in scored]
    names = dict.fromkeys(name for row in floors for name in row)
    receipts = [clip["receipt"] for clip in scored]
    same = {key: value for key, value in receipts[0].items() if all(r.get(key) == value for r in receipts)}
    return {
        "estimator": job.source.name,
        "benchmark": job.benchmark.name,
        "title": job.benchmark.title,
        "protocol_name": job.protocol_name,
        "clips": len(scored),
        "frames": sum(clip["frames"] for clip in scored),
        "regions": regions,
        "clips_of_region": {name: sum(name in clip["regions"] for clip in scored) for name in regions},
        "truth_scores": {name: float(np.mean([row[name] for row in floors if name in row])) for name in names},
        "left_out": left_out,
        "regions_left_out": {clip["clip"]: unscored for clip in scored if (unscored := _unscored(clip))},
        "fitted_in": sorted({clip["fit"]["space"] for clip in scored if clip["fit"]}),
        "receipt": {
            **same,
            "scored_by": {"pellucid": version("pellucid"), "scores": SCORES, "numpy": np.__version__},
            "protocol": json_safe(job.protocol),
            "masks": job.benchmark.masks,
            "data": {"url": job.benchmark.url, "licence": job.benchmark.licence},
            "date": datetime.now(UTC).date().isoformat(),
        },
        "clip_names": [clip["clip"] for clip in scored],
    }


def _clip_file(job: Job, clip: str) -> Path:
    return job.folder / "clips" / f"{clip}.json"


def _pictures_file(job: Job, clip: str) -> Path:
    return job.folder / "pictures" / f"{clip}.json"


def _digest(clip: Clip) -> str:
    """SHA-256 of what was seen and the truth as scored."""
    digest = hashlib.sha256()
    for values in (clip.rgb, clip.depth, clip.normals, clip.transparent):
        if values is not None:
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def json_safe(protocol: Protocol) -> dict[str, Any]:
    """The protocol as JSON gives it back: limits that are none become null, pairs become lists."""
    values = {key: None if isinstance(v, float) and math.isinf(v) else v for key, v in asdict(protocol).items()}
    return json.loads(json.dumps(values))
