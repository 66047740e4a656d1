"""Which model runs, known by its folder before its weights load."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.clip import InputError, Quantity
from pellucid.model import catalog
from pellucid.predict.report import bar, say
from pellucid.predict.request import Request, Task

QUANTITY: dict[Task, Quantity] = {"depth": "disparity", "normal": "normals"}
SUGGESTED: dict[Task, str] = {"depth": "nano", "normal": "nano-normal"}
INDEX = "model_index.json"
CALIBRATION = "confidence.json"
COMPLETION = "completion"
_BESIDE = {CALIBRATION, COMPLETION}  # in a model's folder, but no part of what decides its answers
_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenModel:
    """A model on disk and the digest of everything that decides its answers."""

    name: str  # as the user named it
    folder: Path
    config: dict[str, Any] = field(repr=False)
    weights_sha256: str  # of the index and the safetensors files
    configs_sha256: str  # of the JSON files
    weights_bytes: int
    packed: int  # frames of the video in a latent frame

    @property
    def quantity(self) -> Quantity:
        return self.config["quantity"]

    @property
    def task(self) -> Task:
        return "normal" if self.quantity == "normals" else "depth"


def choose(request: Request) -> ChosenModel:
    """The model asked for, downloaded where need be, hashed.

    Raises InputError when there is none, or when it predicts another quantity than asked.
    """
    name = request.model or SUGGESTED[request.task or "depth"]
    if name in catalog.CATALOG:  # before gigabytes are fetched
        _require_task(name, catalog.CATALOG[name].quantity, request)
    return find(name, request.local_files_only, lambda quantity: _require_task(name, quantity, request))


def find(
    name: str, local_files_only: bool = False, check: Callable[[Quantity], object] = lambda _: None
) -> ChosenModel:
    """The model of that name, folder or hub id, downloaded where need be, hashed once `check` passed its quantity.

    Raises InputError when there is none.
    """
    folder = catalog.resolve(name, local_files_only=local_files_only, announce=say)
    parts = with_bases(folder)
    config = {key: value for part in reversed(parts) for key, value in _index(part).items() if key[0] != "_"}
    missing = [key for key in ("method", "quantity", "window", "overlap", "height", "width") if key not in config]
    if missing:
        raise InputError(f"{folder}: is no model of pellucid ({INDEX} has no {missing[0]}); see `pellucid models`")
    check(config["quantity"])
    weights = [(part, file) for part in parts for file in [part / INDEX, *_files(part, "*.safetensors")]]
    configs = [(part, file) for part in parts for file in _files(part, "*.json")]
    size = sum(file.stat().st_size for _, file in weights)
    with bar(size, "hashing the weights", "B") as progress:
        return ChosenModel(
            name=name,
            folder=folder,
            config=config,
            weights_sha256=_digest(weights, progress.update),
            configs_sha256=_digest(configs, lambda _: None),
            weights_bytes=size,
            packed=_packed(parts[-1] / "vae" / "config.json"),
        )


def _files(part: Path, pattern: str) -> list[Path]:
    return [file for file in sorted(part.rglob(pattern)) if file.relative_to(part).parts[0] not in _BESIDE]


def _packed(config: Path) -> int:
    try:
        return json.loads(config.read_text())["scale_factor_temporal"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{config}: missing or damaged, the model cannot be loaded; get it again") from error


def _digest(files: list[tuple[Path, Path]], advance: Callable[[int], object]) -> str:
    """SHA-256 of the files' names within their folders and their bytes, in the order given."""
    digest = hashlib.sha256()
    for folder, file in files:
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                advance(len(chunk))
    return digest.hexdigest()


def _require_task(name: str, quantity: str, request: Request) -> None:
    task: Task = "normal" if quantity == "normals" else "depth"
    if request.task not in (None, task):
        other = SUGGESTED[request.task]
        raise InputError(
            f"--task {request.task}: the model {name} predicts {quantity}; use --task {task}, or --model {other}"
        )
    if task == "normal":
        request.require_depth(f"{name} predicts normals: name another --model,")


def with_bases(folder: Path) -> list[Path]:
    """The folder and, where it is an adapter, the folder of its base, and so on."""
    parts = [folder]
    while base := _index(parts[-1]).get("_adapter_of"):
        parts.append(catalog.resolve(base))
        if parts[-1] in parts[:-1]:
            raise InputError(f"{folder}: is an adapter on itself")
    return parts


def _index(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / INDEX}: cannot be read as a model ({error}); import or train it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{folder / INDEX}: is not a model's index; import or train the model again")
    return content
