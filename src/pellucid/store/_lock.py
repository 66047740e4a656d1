"""One process at a time in a folder, on any system."""

import os
import time
from pathlib import Path

import psutil

from pellucid.clip import InputError

_GRACE = 5.0  # seconds in which the process that made a lock file has surely written its name into it


class Lock:
    """A file that names the process that holds it; taken over when that process is gone.

    Raises InputError when another process, or this one, already holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = f"{os.getpid()} {psutil.Process().create_time():.2f} {_host()}"
        while True:
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                _remove_if_stale(path)
                continue
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._owner)
            return

    def release(self) -> None:
        """Removes the file, if it is still ours."""
        if _read(self._path) == self._owner:
            self._path.unlink(missing_ok=True)


def is_running(process: int, started: float | None = None) -> bool:
    """Whether that process lives; with its start time, whether it is the same and not a later one of that number."""
    try:
        created = psutil.Process(process).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return started is None or abs(created - started) < 1


def _remove_if_stale(path: Path) -> None:
    """Returns when the lock may be tried again; raises InputError when it is held."""
    content = _read(path)
    if content is None:  # released meanwhile
        return
    try:
        process, started, host = content.split(" ", 2)
        held = host != _host() or is_running(int(process), float(started))
    except ValueError:  # just being written, or its writer died before it could
        held, process, host = False, "", ""
        try:
            if time.time() - path.stat().st_mtime < _GRACE:
                time.sleep(0.05)
                return
        except FileNotFoundError:
            return
    if held:
        where = "" if host == _host() else f" on {host}"
        raise InputError(
            f"{path.parent}: in use by process {process}{where}; wait for it, choose another output folder, "
            f"or delete {path.name} if that process is gone"
        )
    # Two processes may both find it stale. Only one rename of one file succeeds; if it caught a fresh lock that the
    # other made meanwhile, the lock goes back.
    caught = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.rename(caught)
    except FileNotFoundError:
        return
    if _read(caught) == content:
        caught.unlink()
    else:
        caught.rename(path)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "?")
