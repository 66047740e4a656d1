"""The command line: parsing and wiring only. Exit status 0 is success, 2 bad input, 130 an interruption."""

import contextlib
import errno
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from pellucid.align import Completer
from pellucid.clip import Estimator, InputError
from pellucid.evaluate.request import SPEED_FRAMES, SPEED_SIZE, EvaluateRequest
from pellucid.grasp.request import GraspRequest
from pellucid.predict.request import Request, Task
from pellucid.synth.request import RenderRequest
from pellucid.train.ablation_request import AblationRequest
from pellucid.train.recipes import RECIPES, Recipe

BAD_INPUT, INTERRUPTED = 2, 130
_FRAME = re.compile(r"^│|│$|^╰.*$")
_RULE = re.compile(r"\n[─-]+\n")  # plain where the terminal knows no box characters
_FOOTERS = ("For full helptext", "Argument helptext", "Arguments similar", "Perhaps you meant")

Files = Annotated[Path, tyro.conf.arg(metavar="F")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class Models:
    """List the models that have a name: what they predict, their download, memory and licence."""


@dataclass(frozen=True, kw_only=True)
class ImportDKT:
    """Make a model folder of released DKT weights: Wan2.1-Fun-Control, a LoRA, the VAE and the prompt."""

    transformer: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="F [F ...]")]
    """Wan2.1-Fun-Control transformer in official form: a file, its shards, or their folder."""
    vae: Files
    """Wan2.1 VAE in official form."""
    out: Folder
    """Model folder to make."""
    text_encoder: Files | None = None
    """UMT5 text encoder in official form; with --tokenizer, instead of --prompt-embeds."""
    tokenizer: Folder | None = None
    """Folder of the tokenizer."""
    prompt_embeds: Files | None = None
    """Safetensors file with the prompt's rows, prompt_embeds [1, n, text_dim]."""
    lora: Files | None = None
    """DKT's LoRA, merged into the transformer; without it the transformer's weights stay as they are."""
    config: Files | None = None
    """JSON {"transformer": {...}, "vae": {...}} of diffusers' arguments; by default read off the tensors."""
    task: Task = "depth"
    """What the LoRA was trained to predict."""


@dataclass(frozen=True, kw_only=True)
class ImportDVD:
    """Make a model folder of a released DVD checkpoint and the Wan2.1 VAE."""

    checkpoint: Files
    """DVD's checkpoint: model.safetensors or dvd_1.1.safetensors."""
    vae: Files
    """Wan2.1 VAE in official form."""
    out: Folder
    """Model folder to make."""
    config: Files | None = None
    """JSON {"transformer": {...}, "vae": {...}} of diffusers' arguments; by default read off the tensors."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """One recipe on folders of data; any field of the recipe can be given as --field value."""

    data: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]
    """Folders of clips."""
    out: Folder
    """Folder of the run: checkpoints, log, and the trained model."""
    resume: bool = False
    """Go on from the last checkpoint in --out."""
    cache: Folder | None = None
    """Where latents are kept; by default in --out. Runs with one autoencoder and data may share it."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processes that load data."""
    recipe: tyro.conf.OmitArgPrefixes[Recipe]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status. Errors of the user's are one line on the error stream, without a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"pellucid {version('pellucid')}")
        return 0
    try:
        return _run(_parse(arguments or ["--help"]))
    except InputError as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("\npellucid: interrupted; the same command goes on from its last checkpoint", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stdout = None
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _fail(f"{error.filename or 'a file'}: {error.strerror}; free some space, or choose another folder")
    except SystemExit as end:  # tyro's way to end after help and after a mistake
        return end.code if isinstance(end.code, int) else 0


def _run(command: Any) -> int:
    match command:
        case Request():
            from pellucid.predict.batch import predict  # torch: slow to import, not needed to show help

            return BAD_INPUT if predict(command) else 0
        case Models():
            print(_table())
        case ImportDKT() | ImportDVD():
            print(_import(command))
        case RenderRequest():
            print(*_render(command), sep="\n")
        case GraspRequest():
            print(*_grasp(command), sep="\n")
        case EvaluateRequest():
            return _speed(command) if command.speed else _evaluate(command)
        case AblationRequest():
            return _ablate(command)
        case Train():
            from pellucid.train.run import train

            train(
                command.recipe, command.data, command.out,
                resume=command.resume, cache=command.cache, workers=command.workers,
            )  # fmt: skip
            print(command.out / "model")
    return 0


def _parse(arguments: list[str]) -> Any:
    """The command as a dataclass. Help goes to standard output; a mistake raises InputError in one line."""
    name = arguments[0]
    if name not in COMMANDS and not name.startswith("-"):
        raise InputError(f"there is no command {name!r}; available: {', '.join(COMMANDS)}")
    prog = "pellucid"
    if name in COMMANDS:
        prog, kind, arguments = f"pellucid {name}", COMMANDS[name](), arguments[1:]
    else:
        kind = _overview()
    if name == "evaluate" and any(a.partition("=")[0] == "--ablation" for a in arguments):
        kind = AblationRequest  # it trains, so it takes little of what scoring does
    if name == "train" and arguments and not arguments[0].startswith("-"):
        recipe = arguments[0].replace("-", "_")
        if recipe not in RECIPES:
            raise InputError(f"there is no recipe {arguments[0]!r}; available: {', '.join(RECIPES)}")
        arguments = [recipe, *arguments[1:]]
    # A recipe's fields may be None and its switches may be on: they keep all spellings.
    markers = () if name == "train" else (tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)
    return _told(lambda: tyro.cli(kind, prog=prog, args=arguments, config=markers), prog)


def _told(parse: Callable[[], Any], prog: str) -> Any:
    """What `parse` returns; tyro's framed page of complaints becomes one line."""
    page = io.StringIO()
    try:
        with contextlib.redirect_stderr(page):
            return parse()
    except SystemExit as end:
        if end.code in (None, 0):
            raise
        raise InputError(f"{_one_line(page.getvalue())}; see `{prog} --help`") from None


def _one_line(page: str) -> str:
    """The paragraphs of a framed page, but for its title and its footers."""
    lines = [_FRAME.sub("", line).strip() for line in page.splitlines()]
    paragraphs = [" ".join(p.split()) for p in _RULE.split("\n" + "\n".join(lines[1:]))]
    line = "; ".join(p for p in paragraphs if p and not p.startswith(_FOOTERS)).rstrip(".")
    line = re.sub(r"^Error parsing (\w+\.?\w*|__tyro\S+): ", "", line)  # a dataclass has checked itself
    line = re.sub(r"no type matching (\S+) could be instantiated from \[(.*?)\]\. Got errors.*", r"\2 is no \1", line)
    return re.sub(r"invalid literal for int\(\) with base 10: (.*)$", r"\1 is no INT", line)


def _overview() -> Any:
    """All commands, for `pellucid --help` alone."""
    about: dict[str, Any] = {"predict": Request, "models": Models, "render": RenderRequest, "grasp": GraspRequest}
    about |= {"evaluate": EvaluateRequest}
    pages = {name: (kind.__doc__ or "").split("\n")[0] for name, kind in about.items()}
    pages |= {"import": "Make a model folder of released weights.", "train": "Train a model by a recipe."}
    kinds = [
        Annotated[type(name, (Models,), {}), tyro.conf.subcommand(name, description=page)]
        for name, page in pages.items()
    ]
    return Union[tuple(kinds)]  # noqa: UP007 (of a computed tuple)


def _imports() -> Any:
    return Annotated[ImportDKT, tyro.conf.subcommand("dkt")] | Annotated[ImportDVD, tyro.conf.subcommand("dvd")]


def _recipes() -> Any:
    kinds = []
    for name, make in RECIPES.items():
        recipe = ("recipe", tyro.conf.OmitArgPrefixes[Recipe], field(default=make()))
        kind = make_dataclass(name, [recipe], bases=(Train,), frozen=True, kw_only=True)
        kinds.append(Annotated[kind, tyro.conf.subcommand(name, description=make.__doc__)])
    return Union[tuple(kinds)]  # noqa: UP007 (of a computed tuple)


COMMANDS: dict[str, Callable[[], Any]] = {
    "predict": lambda: Request,
    "models": lambda: Models,
    "import": _imports,
    "render": lambda: RenderRequest,
    "train": _recipes,
    "evaluate": lambda: EvaluateRequest,
    "grasp": lambda: GraspRequest,
}


def _import(command: ImportDKT | ImportDVD) -> Path:
    from pellucid.model.weights import import_dkt, import_dvd  # torch and diffusers

    given = dict(vars(command))
    if isinstance(command, ImportDVD):
        return import_dvd(**given)
    files = list(given.pop("transformer"))
    return import_dkt(transformer=files[0] if len(files) == 1 else files, **given)


def _render(request: RenderRequest) -> list[Path]:
    """What was made: the folder of the scenes, the contact sheet, the tars."""
    from tqdm import tqdm

    from pellucid.data.tars import export_tars
    from pellucid.synth.contact_sheet import save_contact_sheet
    from pellucid.synth.run import render_scenes

    made = [render_scenes(request)] if request.scenes is not None else []
    if request.contact_sheet:
        made.append(save_contact_sheet(request.out))
    if request.tars is not None:
        made += tqdm(export_tars(request.out, request.tars), desc="exporting", unit="scene", delay=2, leave=False)
    return made


def _grasp(request: GraspRequest) -> list[Path]:
    """The files made."""
    from pellucid.grasp.run import run_grasps

    def load(name: str) -> Estimator:
        from pellucid.predict.estimators import load_estimator  # torch: not needed for the sensor and the truth

        return load_estimator(name, device=request.device, dtype=request.dtype)

    return run_grasps(request, load, partial(_completer, device=request.device))


def _completer(name: str, device: str) -> Completer:
    from pellucid.predict.completion import load_completer  # in the processes that need it

    return load_completer(name, device=device)


def _evaluate(request: EvaluateRequest) -> int:
    from pellucid.evaluate.benchmarks.items import IncompleteSet
    from pellucid.evaluate.collection import require_comparable, write_tables_and_report
    from pellucid.evaluate.run import Job, run
    from pellucid.evaluate.sources import Running, Saved

    benchmark, name, protocol = request.chosen
    assert request.data is not None
    try:
        items = benchmark.find(request.data, protocol)  # before gigabytes of weights load
    except IncompleteSet as error:
        raise error.listed(request.out) from error
    if request.predictions is not None:
        source: Running | Saved = Saved(request.label, request.predictions, request.prediction_format)
    else:
        source = Running(request.label, _load(str(request.model), request.settings))
    job = Job(source=source, benchmark=benchmark, protocol_name=name, protocol=protocol, items=items, out=request.out)
    require_comparable(job)
    result = run(job)
    left_out = len(result["left_out"])
    short = len(result["frames_left_out"])
    some = f"; without some frames of {short} of them, the lines above say which" if short else ""
    print(f"{result['clips']} of {len(items)} clips scored, {left_out} left out{some}", file=sys.stderr)
    print(job.folder, *write_tables_and_report(request.out, request.shown), sep="\n")
    return BAD_INPUT if left_out else 0


def _ablate(request: AblationRequest) -> int:
    from pellucid.train.ablation_run import run_ablation  # torch

    files, left_out = run_ablation(request, _load)
    print(*files, sep="\n")
    return BAD_INPUT if left_out else 0


def _speed(request: EvaluateRequest) -> int:
    from pellucid.evaluate.speed import measure_each, write_speed
    from pellucid.rivals import RIVALS

    size, frames = request.network_size or SPEED_SIZE, request.frames or SPEED_FRAMES
    loads = {}
    for name in [request.model] if request.model else _at_hand():
        # What is not named must be here already. Rivals choose the size they work at.
        settings = request.settings | {"local_files_only": request.local_files_only or not request.model}
        settings["resolution"] = None if name.partition(":")[0] in RIVALS else size
        loads[name] = partial(_load, name, settings)
    print(*write_speed(request.out, measure_each(loads, frames, size)), sep="\n")
    return 0


def _at_hand() -> list[str]:
    """Our models that are here, and the rivals whose package is: whether their weights are, loading them shows."""
    from pellucid.model.catalog import CATALOG, describe
    from pellucid.rivals import RIVALS

    ours = [row.name for row in describe() if row.cached and not CATALOG[row.name].is_base]
    return ours + [rival.name for rival in RIVALS.values() if find_spec(rival.package) is not None]


def _load(name: str, settings: dict[str, Any]) -> Estimator:
    from pellucid.predict.estimators import load_estimator  # torch

    return load_estimator(name, **settings)


def _table() -> str:
    from pellucid.model.catalog import Row, describe

    rows = [tuple(name.replace("_", " ") for name in Row._fields)]
    rows += [tuple("yes" if cell is True else "no" if cell is False else cell for cell in row) for row in describe()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _fail(error: object) -> int:
    print(f"pellucid: error: {' '.join(str(error).split())}", file=sys.stderr)
    return BAD_INPUT
