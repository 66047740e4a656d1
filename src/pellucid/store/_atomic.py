"""Files that appear whole or not at all."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.clip import InputError

from ._lock import is_running

# What the user can mend: space, quota, permissions, a name that is taken or too long, a disk that went away.
_PLACE_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
_DISK_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, *_PLACE_ERRORS))


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary name in the folder of `path` (made if missing): write there, and it becomes `path` when whole.

    On success the content is on the disk before the name is. On an exception, or when the process is killed, `path`
    is what it was before; what a killed process left is swept up by the next write of the same name.
    Raises InputError when the disk is full or the folder cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        try:
            yield temporary
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """The same for a folder of files, given empty. An earlier folder of that name is replaced as a whole.

    File systems cannot exchange two folders in one step: a crash between the two renames leaves the earlier folder
    under its temporary name and nothing at `path`, never a mixture.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            raise NotADirectoryError(errno.ENOTDIR, "a file has this name")
        temporary = _temporary(path)
        temporary.mkdir()
        try:
            yield temporary
            for file in [*temporary.iterdir(), temporary]:
                sync(file)
            if path.exists():
                earlier = _temporary(path, "old")
                path.rename(earlier)
                try:
                    temporary.rename(path)
                except OSError:
                    earlier.rename(path)
                    raise
                shutil.rmtree(earlier, ignore_errors=True)
            else:
                temporary.rename(path)
            sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what a disk may refuse into an InputError that names `path`; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free some space, or choose a folder you may write to"
        ) from error


def write_json(path: Path, obj: Any) -> None:
    """Writes `obj` for people and programs: indented, UTF-8, keys in the order given. NaN raises ValueError."""
    text = json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises InputError when it is missing or holds something else."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error}); write it again") from error


def _temporary(path: Path, suffix: str = "part") -> Path:
    """A name no other process uses; earlier ones of dead processes are removed."""
    for left in path.parent.glob(f".{_escaped(path.name)}.*.{suffix}"):
        process = left.name.split(".")[-2]
        if process.isdecimal() and (int(process) == os.getpid() or not is_running(int(process))):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.{suffix}")


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def sync(path: Path) -> None:
    """Waits until the content is on the disk. Windows cannot do so for folders, and has no need to."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
