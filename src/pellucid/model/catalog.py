"""The models that have a name: where their parts are published, under which terms, and how they become a local folder.

The shipped nano models lie in the package. An official model is made on first use: its parts are downloaded through
huggingface_hub (whose cache, mirror and offline settings hold) and imported into `$PELLUCID_HOME/models/<name>`.

The text encoder is needed only for the few rows of two constant prompts. It is published as one file, of which all but
the token table (2 of 11 GB) takes part, so it is fetched whole, but once: the rows of all prompts are kept in
`$PELLUCID_HOME/prompts` for every model, and the file may be deleted from the hub's cache.
"""

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pellucid.clip import InputError

Announce = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one hub repository."""

    repo: str
    files: tuple[str, ...]  # patterns
    gigabytes: float  # estimated from the parameter count; the hub is not asked
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A named model. Memory is an estimate for the default window at 16 bits, weights and activations together."""

    name: str
    kind: Literal["bundled", "official"]
    method: Literal["dkt", "dvd"]
    quantity: Literal["disparity", "normals"]
    memory_gigabytes: float
    parts: dict[str, Part] = field(default_factory=dict)
    is_base: bool = False  # to train from; predicts nothing of its own

    @property
    def download_gigabytes(self) -> float:
        return sum(part.gigabytes for part in self.parts.values())

    @property
    def licence(self) -> str:
        return "; ".join(f"{role}: {part.licence}" for role, part in self.parts.items()) or "Apache-2.0"


class Row(NamedTuple):
    """One line of `pellucid models`."""

    name: str
    method: str
    quantity: str
    download: str
    memory: str
    licence: str
    cached: bool


_CARD = "see model card"
_WAN = "Wan-AI/Wan2.1-T2V-1.3B"
_VAE = Part(_WAN, ("Wan2.1_VAE.pth",), 0.5, "Apache-2.0")
_TEXT_ENCODER = Part(_WAN, ("models_t5_umt5-xxl-enc-bf16.pth",), 11.4, "Apache-2.0")
_TOKENIZER = Part(_WAN, ("google/umt5-xxl/*",), 0.02, "Apache-2.0")
_ANY = "*.safetensors"


def _dkt(name: str, quantity: Literal["disparity", "normals"], lora: str | None, size: Literal["1.3B", "14B"]) -> Entry:
    """DKT, or without a LoRA the base that it is trained from, with the prompt of its quantity."""
    small = size == "1.3B"
    adapter = {} if lora is None else {"lora": Part(f"Daniellesry/{lora}", (_ANY,), 0.4 if small else 1.2, _CARD)}
    return Entry(
        name=name,
        kind="official",
        method="dkt",
        quantity=quantity,
        memory_gigabytes=12.0 if small else 48.0,
        parts={
            "transformer": Part(
                f"alibaba-pai/Wan2.1-Fun-{size}-Control",
                ("diffusion_pytorch_model*",),
                3.1 if small else 32.8,
                "Apache-2.0" if small else _CARD,
            ),
            **adapter,
            "vae": _VAE,
            "text_encoder": _TEXT_ENCODER,
            "tokenizer": _TOKENIZER,
        },
        is_base=lora is None,
    )


def _dvd(name: str, checkpoint: Part, *, is_base: bool = False) -> Entry:
    return Entry(
        name=name,
        kind="official",
        method="dvd",
        quantity="disparity",
        memory_gigabytes=10.0,
        parts={"checkpoint": checkpoint, "vae": _VAE},
        is_base=is_base,
    )


def _released_dvd(file: str) -> Part:
    return Part("FayeHongfeiZhang/DVD", (file,), 4.3, "CC BY-NC 4.0 (non-commercial use only)")


def _bundled(name: str, method: Literal["dkt", "dvd"], quantity: Literal["disparity", "normals"]) -> Entry:
    return Entry(name=name, kind="bundled", method=method, quantity=quantity, memory_gigabytes=1.5)


CATALOG = {
    entry.name: entry
    for entry in (
        _bundled("nano", "dvd", "disparity"),
        _bundled("nano-normal", "dvd", "normals"),
        _bundled("nano-dkt", "dkt", "disparity"),
        _dkt("dkt-depth-1.3b", "disparity", "DKT-Depth-1-3B-v1.1", "1.3B"),
        _dkt("dkt-depth-14b", "disparity", "DKT-Depth-14B", "14B"),
        _dkt("dkt-normal-14b", "normals", "DKT-Normal-14B", "14B"),
        _dvd("dvd-1.0", _released_dvd("model.safetensors")),
        _dvd("dvd-1.1", _released_dvd("dvd_1.1.safetensors")),
        _dkt("wan2.1-fun-1.3b-control", "disparity", None, "1.3B"),
        _dkt("wan2.1-fun-1.3b-control-normal", "normals", None, "1.3B"),
        _dkt("wan2.1-fun-14b-control", "disparity", None, "14B"),
        _dkt("wan2.1-fun-14b-control-normal", "normals", None, "14B"),
        _dvd("wan2.1-t2v-1.3b", Part(_WAN, ("diffusion_pytorch_model*",), 2.8, "Apache-2.0"), is_base=True),
    )
}


def resolve(name_or_path: str | Path, *, local_files_only: bool = False, announce: Announce = print) -> Path:
    """The local pipeline folder for a catalogue name, a folder, or a hub id `owner/name`; downloaded where need be."""
    name = str(name_or_path)
    if name in CATALOG:
        return _named(CATALOG[name], local_files_only, announce)
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _checked(path)
    if path.exists():
        raise InputError(f"{path} is a file; a model is a folder, made of released files by `pellucid import`")
    if isinstance(name_or_path, str) and re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        pipeline = Part(name, (), 0.0, _CARD)
        return _checked(_download(pipeline, local_files_only, hint="; nor is there such a folder here"))
    close = difflib.get_close_matches(name, CATALOG, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    raise InputError(
        f"no model is called {name!r} and no such folder exists. {guess}Available: {', '.join(CATALOG)}; "
        "or a folder, or a hub id owner/name"
    )


def describe() -> list[Row]:
    """What `pellucid models` prints, in the catalogue's order."""
    return [
        Row(
            name=entry.name,
            method=entry.method,
            quantity="base to train from" if entry.is_base else entry.quantity,
            download="none, shipped" if entry.kind == "bundled" else f"about {entry.download_gigabytes:.0f} GB",
            memory=f"about {entry.memory_gigabytes:g} GB",
            licence=entry.licence,
            cached=_is_model(_folder(entry)),
        )
        for entry in CATALOG.values()
    ]


def home() -> Path:
    """Where imported models are kept: `$PELLUCID_HOME`, by default `~/.cache/pellucid`."""
    return Path(os.environ.get("PELLUCID_HOME") or Path.home() / ".cache" / "pellucid").expanduser()


def _named(entry: Entry, local_files_only: bool, announce: Announce) -> Path:
    folder = _folder(entry)
    if _is_model(folder):
        return folder
    if entry.kind == "bundled":
        raise InputError(f"{entry.name} is not in this installation ({folder} is missing); reinstall pellucid")
    if not local_files_only:
        announce(
            f"{entry.name} is made on first use: about {entry.download_gigabytes:.0f} GB to download (what the hub's "
            f"cache holds is not fetched again), about {entry.memory_gigabytes:g} GB of memory to run"
        )
        for role, part in entry.parts.items():
            announce(f"  {role}: {part.repo} ({part.gigabytes:.1f} GB), licence: {part.licence}")
    _import(entry, folder, local_files_only, announce)
    announce(f"{entry.name} is ready in {folder}")
    return folder


def _import(entry: Entry, folder: Path, local_files_only: bool, announce: Announce) -> None:
    from pellucid.model.weights import import_dkt, import_dvd  # diffusers: slow to import, not needed to list names

    def fetch(role: str) -> Path:
        return _files(entry, role, local_files_only)

    if entry.method == "dvd":
        import_dvd(checkpoint=fetch("checkpoint"), vae=fetch("vae"), out=folder)
        return
    task = "normal" if entry.quantity == "normals" else "depth"
    transformer, vae = fetch("transformer"), fetch("vae")
    lora = None if entry.is_base else fetch("lora")
    prompts = _prompt_rows(entry, task, local_files_only, announce)
    import_dkt(transformer=transformer, lora=lora, vae=vae, prompt_embeds=prompts, task=task, out=folder)


def _prompt_rows(entry: Entry, task: str, local_files_only: bool, announce: Announce) -> Path:
    """The file with the prompt's rows; the text encoder runs, for all tasks at once, only where it is not there yet."""
    from pellucid.model.files import read_tensors
    from pellucid.model.text import PROMPTS, encode_prompt, write_prompt_embeds
    from pellucid.model.weights import build_text_encoder

    folder = home() / "prompts"
    if not (folder / f"{task}.safetensors").is_file():
        weights, tokenizer = (_files(entry, role, local_files_only) for role in ("text_encoder", "tokenizer"))
        encoder = build_text_encoder(read_tensors(weights))
        for each, prompt in PROMPTS.items():
            write_prompt_embeds(folder / f"{each}.safetensors", encode_prompt(prompt, encoder, tokenizer))
        announce(f"the prompts are kept in {folder}; {weights} is not needed any more and may be deleted")
    return folder / f"{task}.safetensors"


def _files(entry: Entry, role: str, local_files_only: bool) -> Path:
    """The one file or folder that a part of a model is, in the hub's cache."""
    part = entry.parts[role]
    hint = f"; or fetch the files elsewhere and run `{_command(entry)}`"
    snapshot = _download(part, local_files_only, hint)
    found = sorted(path for pattern in part.files for path in snapshot.glob(pattern))
    if not found:
        raise InputError(f"{part.repo} has no {' or '.join(part.files)} in {snapshot}{hint}")
    if role == "tokenizer":
        return found[0].parent
    weights = [path for path in found if path.suffix in (".safetensors", ".pth")]
    if role == "transformer":  # perhaps in shards: their folder says
        return weights[0] if len(weights) == 1 else snapshot
    if len(weights) != 1:
        raise InputError(f"{part.repo} holds {', '.join(p.name for p in weights)}; choose one{hint}")
    return weights[0]


def _download(part: Part, local_files_only: bool, hint: str) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, HTTPError

    patterns = list(part.files) or None
    try:
        return Path(
            huggingface_hub.snapshot_download(part.repo, allow_patterns=patterns, local_files_only=local_files_only)
        )
    except (OSError, EntryNotFoundError, HTTPError, HFValidationError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        wanted = f"{', '.join(part.files)} of {part.repo}" if part.files else part.repo
        raise InputError(f"{wanted} is not in the hub's cache and cannot be fetched ({why}){hint}") from error


def _command(entry: Entry) -> str:
    if entry.method == "dvd":
        return f"pellucid import dvd --checkpoint {entry.parts['checkpoint'].files[0]} --vae Wan2.1_VAE.pth --out DIR"
    return (
        "pellucid import dkt --transformer diffusion_pytorch_model.safetensors --lora LORA.safetensors "
        "--vae Wan2.1_VAE.pth --text-encoder models_t5_umt5-xxl-enc-bf16.pth --tokenizer google/umt5-xxl --out DIR"
    )


def _folder(entry: Entry) -> Path:
    if entry.kind == "bundled":
        return Path(__file__).parents[1] / "assets" / "nano" / entry.name
    return home() / "models" / entry.name


def _is_model(folder: Path) -> bool:
    return (folder / "model_index.json").is_file()


def _checked(folder: Path) -> Path:
    if not _is_model(folder):
        raise InputError(f"{folder} has no model_index.json; a model folder is made by `pellucid import`")
    return folder
