"""Tensors from released files: safetensors, sharded safetensors and torch pickles, read without being copied.

Files are mapped into memory, so a tensor costs physical memory only when it is touched. Pickles are read with
`weights_only=True`: a file that wants to run code is refused. Whatever is wrong with a file is an `InputError`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from pellucid.clip import InputError

_SAFETENSORS = (".safetensors",)
_PICKLES = (".pth", ".pt", ".bin", ".ckpt")
_INDEX = ".safetensors.index.json"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})\.safetensors")
_WRAPPERS = ("model_state", "state_dict")


def read_tensors(source: Path | Sequence[Path]) -> dict[str, torch.Tensor]:
    """The named tensors of one model.

    `source` is a `.safetensors` or `.pth` file, any one shard or the index of a sharded model, a folder that holds one
    of these, or the list of all shards.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise InputError("no weight file was given; give a .safetensors or .pth file")
    files = shards(given[0]) if len(given) == 1 else [Path(file) for file in given]
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        part = _read_file(file)
        if twice := sorted(tensors.keys() & part.keys()):
            raise InputError(f"{file} holds {first_few(twice)} once more; the given files are not shards of one model")
        tensors |= part
    return tensors


def shards(source: str | Path) -> list[Path]:
    """Every file of the model that `source` (a file, a shard, an index or a folder) stands for."""
    path = Path(source)
    if path.is_dir():
        return shards(_only_model_in(path))
    if path.name.endswith(_INDEX):
        return _indexed(path)
    if match := _SHARD.fullmatch(path.name):
        total = match["total"]
        files = [path.with_name(f"{match['stem']}-{n:05d}-of-{total}.safetensors") for n in range(1, int(total) + 1)]
        return _present(files, f"{path.name} is one of {int(total)} shards")
    return [path]


def first_few(names: Sequence[str], count: int = 3) -> str:
    """The first names and how many more there are, for a message of one line."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _only_model_in(folder: Path) -> Path:
    if indices := sorted(folder.glob(f"*{_INDEX}")):
        candidates = indices
    else:
        files = sorted(folder.glob("*.safetensors"))
        stems = {match["stem"] if (match := _SHARD.fullmatch(f.name)) else f.name: f for f in files}
        candidates = list(stems.values())
    if len(candidates) != 1:
        held = first_few([c.name for c in candidates]) if candidates else "no .safetensors file"
        raise InputError(f"{folder} holds {held}; give the one file, or the index of the shards, that is meant")
    return candidates[0]


def _indexed(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except FileNotFoundError:
        raise InputError(f"{index} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is not an index of safetensors shards ({type(error).__name__})") from error
    if outside := [name for name in names if Path(str(name)).name != name]:
        raise InputError(f"{index} points outside its own folder: {outside[0]}")
    return _present([index.with_name(name) for name in names], f"{index.name} lists {len(names)} shards")


def _present(files: list[Path], why: str) -> list[Path]:
    missing = [f.name for f in files if not f.is_file()]
    if missing:
        raise InputError(f"{why}, but {first_few(missing)} is missing in {files[0].parent}; download it again")
    return files


def _read_file(file: Path) -> dict[str, torch.Tensor]:
    if not file.is_file():
        raise InputError(f"{file} does not exist")
    if file.suffix not in _SAFETENSORS + _PICKLES:
        raise InputError(f"{file} is not a weight file; allowed: {', '.join(_SAFETENSORS + _PICKLES)}")
    if file.stat().st_size == 0:
        raise InputError(f"{file} is empty (0 bytes); download it again")
    return _read_safetensors(file) if file.suffix in _SAFETENSORS else _read_pickle(file)


def _read_safetensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(file, framework="pt") as content:
            return {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"{file} is not a whole safetensors file ({why}); download it again") from error


def _read_pickle(file: Path) -> dict[str, torch.Tensor]:
    try:
        with file.open("rb") as stream:
            is_zip = stream.read(4) == b"PK\x03\x04"  # the form torch has written since 1.6; only it can be mapped
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a damaged pickle can raise anything at all; nothing is swallowed
        unsafe = "weights_only" in str(error).lower().replace(" ", "_")
        why = "it holds code or objects, not only tensors" if unsafe else "damaged or not a torch file"
        raise InputError(f"{file} cannot be read as weights: {why}") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content or not all(isinstance(t, torch.Tensor) for t in content.values()):
        raise InputError(f"{file} holds no dictionary of named tensors")
    return content
