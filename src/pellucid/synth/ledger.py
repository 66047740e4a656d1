"""What became of each seed of a job: `manifest.jsonl`, one line each, written by one process alone."""

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.clip import InputError
from pellucid.store import CHECKSUMS, Lock, disk_errors, read_json, sweep, write_json
from pellucid.synth.tasks import Outcome, described, scene_name

MANIFEST, JOB, STATUS, LOCK = "manifest.jsonl", "render.json", "status.json", "render.lock"


class Ledger:
    """The outcomes so far, in `out`, which is this process's until `close`.

    `job` is everything that a scene depends on besides its seed; it fits in JSON. What an earlier process left is taken
    up: its outcomes, its scenes, and its unfinished folders, which are removed. Seeds that failed get another chance.
    Raises InputError when another process is at work there, or when the folder holds scenes of another job.
    """

    def __init__(self, out: Path, job: dict[str, Any]) -> None:
        self._out = out
        self.outcomes: dict[int, Outcome] = {}
        with disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(out / LOCK)
            try:
                self._claim(json.loads(json.dumps(job)))
                sweep(out)
                self._read()
            except BaseException:
                self._lock.release()
                raise

    def add(self, outcome: Outcome) -> None:
        """Notes an outcome for good."""
        self.outcomes[outcome.seed] = outcome
        with disk_errors(self._out), (self._out / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def adopt(self, seeds: Iterable[int]) -> None:
        """Notes scenes that are there without a line, because the process was killed between the two."""
        for seed in seeds:
            path = self._out / scene_name(seed)
            if seed not in self.outcomes and (path / CHECKSUMS).exists():
                self.add(described(path, seed, "done"))

    def count(self, state: str) -> int:
        """How many seeds ended so."""
        return sum(outcome.state == state for outcome in self.outcomes.values())

    @property
    def seconds(self) -> float:
        """Of work, all outcomes and all sessions together."""
        return sum(outcome.seconds for outcome in self.outcomes.values())

    def close(self) -> None:
        """Gives the folder free; a job that came to nothing leaves no trace. No task may be at work any more."""
        sweep(self._out, all_machines=True)
        failed_or_done = any(outcome.state != "rejected" for outcome in self.outcomes.values())
        if failed_or_done or any(self._out.glob("s[0-9]*")):
            self._lock.release()
            return
        for name in (JOB, STATUS, MANIFEST):
            (self._out / name).unlink(missing_ok=True)
        self._lock.release()
        with contextlib.suppress(OSError):  # the user's own files may lie there
            self._out.rmdir()

    def _claim(self, job: dict[str, Any]) -> None:
        path = self._out / JOB
        if not path.exists():
            if any(self._out.glob("s[0-9]*/camera.json")):
                raise InputError(f"{self._out}: holds scenes that another program made; give an empty folder")
            write_json(path, job)
            return
        earlier = read_json(path)
        other = [name for name in job if earlier.get(name) != job[name]]
        if other:
            name = other[0]
            raise InputError(
                f"{self._out}: holds scenes rendered with {name} {earlier.get(name)}, not {job[name]}; give the same "
                "settings to go on, or another folder"
            )

    def _read(self) -> None:
        """Takes up the lines of the manifest; one that a kill tore is cut off."""
        path = self._out / MANIFEST
        if not path.exists():
            return
        text = path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(path, len(whole))
        for line in whole.decode().splitlines():
            outcome = Outcome(**json.loads(line))
            self.outcomes[outcome.seed] = outcome
        for seed, outcome in list(self.outcomes.items()):
            lost = outcome.state == "done" and not (self._out / scene_name(seed) / CHECKSUMS).exists()
            if lost or outcome.state == "failed":
                del self.outcomes[seed]
