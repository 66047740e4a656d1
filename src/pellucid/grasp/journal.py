"""The trials so far: `trials.jsonl`, one line each, in a folder that is one process's while it works."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.clip import InputError
from pellucid.grasp.trials import Row
from pellucid.store import Lock, disk_errors, read_json, write_json

TRIALS, SETTINGS, LOCK = "trials.jsonl", "grasp.json", "grasp.lock"


class Journal:
    """Rows by their keys. `settings` is all that a trial depends on besides its key; it fits in JSON.

    A line that a kill tore is cut off. Raises InputError when another process is at work in the folder, or when it
    holds trials made with other settings.
    """

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self._path = out / TRIALS
        self.rows: dict[tuple[str, str, str, int], Row] = {}
        with disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(out / LOCK)
            try:
                self._claim(out / SETTINGS, settings)
                self._read()
            except BaseException:
                self._lock.release()
                raise

    def add(self, rows: Iterable[Row]) -> None:
        """Notes rows for good."""
        rows = list(rows)
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
        self.rows.update({row.key: row for row in rows})

    def close(self) -> None:
        self._lock.release()

    def _claim(self, path: Path, settings: dict[str, Any]) -> None:
        if path.exists():
            earlier = read_json(path)
            for name, value in settings.items():
                if earlier.get(name) != value:
                    raise InputError(
                        f"{path.parent}: holds trials made with {name} {earlier.get(name)}, not {value}; give the same "
                        "to go on, or another --out"
                    )
        else:
            write_json(path, settings)

    def _read(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        for line in whole.decode().splitlines():
            fields = json.loads(line)
            row = Row(**fields)
            self.rows[row.key] = row
