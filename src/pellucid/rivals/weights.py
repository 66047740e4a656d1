"""Weights of rivals: a folder or file that is here, or files of a hub repository, and what tells them from others."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pellucid.clip import InputError

_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where weights lie, and either their digest or their revision on the hub."""

    name: str  # as given
    path: Path
    sha256: str | None = None
    revision: str | None = None


def fetch(name: str, patterns: tuple[str, ...], *, local_files_only: bool = False) -> Weights:
    """The weights at a path, or those files of a hub repository that match the patterns, downloaded where need be.

    Raises InputError when there are none, or when offline and not there yet.
    """
    path = Path(name).expanduser()
    if path.exists():
        return Weights(name=name, path=path, sha256=_digest(path))
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        raise InputError(f"{name}: there is no such file or folder, and it is no hub id owner/name")
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, HTTPError

    try:
        folder = huggingface_hub.snapshot_download(
            name, allow_patterns=list(patterns), ignore_patterns=_doubles(patterns), local_files_only=local_files_only
        )
    except (OSError, EntryNotFoundError, HFValidationError, HTTPError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"the weights {name} are not in the hub's cache and cannot be fetched ({why})") from error
    return Weights(name=name, path=Path(folder), revision=Path(folder).name)


def single_file(weights: Weights, suffix: str) -> Path:
    """The one file of that suffix. Raises InputError when there is none, or several."""
    if weights.path.is_file():
        return weights.path
    found = sorted(weights.path.glob(f"*{suffix}"))
    if len(found) != 1:
        held = ", ".join(file.name for file in found) or f"no {suffix} file"
        raise InputError(f"{weights.path} holds {held}; give the one file that is meant")
    return found[0]


def _doubles(patterns: tuple[str, ...]) -> list[str]:
    """Repositories hold the same tensors in halves beside them, which nobody asked for."""
    return [] if any("fp16" in pattern for pattern in patterns) else ["*.fp16.*"]


def _digest(path: Path) -> str:
    """SHA-256 of the names and bytes of the weight files and configurations, in the order of their names."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix in (*_SUFFIXES, ".json"))
    for file in files:
        digest.update((file.name if path.is_file() else file.relative_to(path).as_posix()).encode() + b"\0")
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
