"""Folders that many processes on many machines make, each whole or absent, each with the checksums of its files."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._atomic import disk_errors, sync
from ._lock import _host, is_running

CHECKSUMS = "checksums.json"
_PART = ".part"
ABANDONED = 3600.0  # seconds without a new file, after which another machine's unfinished folder is given up


@contextmanager
def publish(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`: fill it, and it becomes `path`, with checksums, when all of it is on the disk.

    Any number of processes on any machines may do so at once: the first to finish wins, the others discard theirs,
    which hold the same. What a killed process leaves has a hidden name, see `sweep`.
    Raises InputError when the disk is full or the folder cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.{uuid.uuid4().hex[:8]}{_PART}")
        temporary.mkdir()
        try:
            yield temporary
            files = sorted(file for file in temporary.rglob("*") if file.is_file())
            sums = {file.relative_to(temporary).as_posix(): [file.stat().st_size, _sha256(file)] for file in files}
            (temporary / CHECKSUMS).write_text(json.dumps(sums, indent=0) + "\n", encoding="utf-8")
            for file in [*files, temporary / CHECKSUMS, temporary]:
                sync(file)
            if path.exists() and not is_whole(path):
                shutil.rmtree(path)
            try:
                temporary.rename(path)
            except OSError:  # a folder that has content is not replaced
                if not is_whole(path):
                    raise
            sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def is_whole(path: Path) -> bool:
    """Whether a published folder has all its files in their sizes; `damaged_files` reads them too."""
    try:
        sums = json.loads((path / CHECKSUMS).read_text(encoding="utf-8"))
        return all((path / name).stat().st_size == size for name, (size, _) in sums.items())
    except (OSError, ValueError):
        return False


def damaged_files(path: Path) -> list[str]:
    """The files of a published folder that are missing or not what was written."""
    try:
        sums = json.loads((path / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [CHECKSUMS]
    return [name for name, (_, digest) in sums.items() if not (path / name).is_file() or _sha256(path / name) != digest]


def sweep(root: Path, *, all_machines: bool = False) -> int:
    """Removes what killed processes left unfinished in `root`; how many folders.

    Those of this machine go when their process is gone, those of others when nothing was added for an hour, or at
    once with `all_machines`, for when nobody else is at work.
    """
    count = 0
    for left in root.glob(f".*{_PART}"):
        _, machine, process, *_ = left.name.removesuffix(_PART).rsplit(".", 3)
        try:
            if all_machines:
                dead = True
            elif machine == _machine():
                dead = not is_running(int(process))
            else:
                dead = time.time() - left.stat().st_mtime > ABANDONED
        except (FileNotFoundError, ValueError):  # published meanwhile, or not ours
            continue
        if dead:
            shutil.rmtree(left, ignore_errors=True)
            count += 1
    return count


def _machine() -> str:
    return _host().replace(".", "-")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
