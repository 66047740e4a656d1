"""What a user asks of `evaluate`, checked as far as it can be without looking at a file."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pellucid.camera import NormalFrame
from pellucid.clip import InputError, Invariance, Quantity
from pellucid.evaluate.benchmarks import BENCHMARKS
from pellucid.evaluate.protocol import Alignment, Benchmark, Protocol
from pellucid.store import PredictionFormat

SPEED_SIZE = (480, 832)  # of the papers' tables of time
SPEED_FRAMES = 21
_OF_FILES = ("quantity", "invariance", "metres_per_level", "normal_frame")


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Score an estimator on a benchmark: JSON of each clip and in total, tables beside the papers' rows, a report page.

    The same command again goes on where a killed one stopped. Several estimators with one --out share its tables and
    report. With --speed it measures time and memory instead. With --ablation NAME it varies one choice of the papers,
    with training, and takes other arguments: see `pellucid evaluate --ablation tau --help`.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results: a folder for each estimator, table.md, table.tex, report.html."""
    benchmark: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What to score on; a wrong name lists them all."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of the benchmark's data, as its authors ship it."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME|DIR")] = None
    """Estimator: a model's name (see `pellucid models`), its folder or hub id, or a rival's name."""
    predictions: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Instead of --model: predictions by the names of the clips, DIR/NAME.npz, DIR/NAME.npy or a folder DIR/NAME with
    prediction.npz or pictures (EXR, 16 bit PNG)."""
    quantity: Quantity | None = None
    """What --predictions are, where neither names nor sidecars say it."""
    invariance: Invariance | None = None
    """Up to what --predictions are defined; by default affine for disparity and none, metres, for depth."""
    metres_per_level: Annotated[float | None, tyro.conf.arg(metavar="M")] = None
    """Metres of one level of 16 bit PNG: 0.001 for millimetres."""
    normal_frame: NormalFrame | None = None
    """Axes of normals in --predictions: opencv, the default, opengl (x right, y up, z to the viewer) or dsine (x left,
    y up, z to the viewer)."""
    name: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What to call it in tables, such as to compare settings; by default the model's name or its
    last two folders', or that of the folder of predictions."""
    protocol: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """How clips are cut: short, long or image, as far as the benchmark has them; by default its first."""
    alignment: Alignment | None = None
    """What is fitted to the truth before scoring; by default the protocol's."""
    clips: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Only the first so many clips."""
    frames: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Only the first so many frames of each clip; with --speed, frames of the test clip (21)."""
    shown: Annotated[int, tyro.conf.arg(metavar="N")] = 6
    """Clips with pictures in the report, the worst of each estimator."""
    speed: bool = False
    """Measure encode, network, decode and total milliseconds a frame and peak memory, of --model or all at hand."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Denoising steps; by default the estimator's."""
    window: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Frames the network sees at once, as in `pellucid predict`."""
    overlap: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Frames that neighbouring windows share."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Seed of the noise that a diffusion model starts from."""
    resolution: Annotated[str | None, tyro.conf.arg(metavar="HxW")] = None
    """Area the network works at; by default the model's. With --speed also the size of the frames (480x832)."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """auto (cuda, else mps, else cpu), or one of these, or cuda:N."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights, as in `pellucid predict`."""
    stitching: Literal["robust", "reference"] = "robust"
    """How windows are joined; reference repeats the released code."""
    offload: Literal["none", "model", "sequential"] = "none"
    """Keep what is not in use in main memory (cuda only)."""
    local_files_only: bool = False
    """Never use the network: the weights must be here already."""

    def __post_init__(self) -> None:
        for name, least in (("clips", 1), ("frames", 1), ("steps", 1), ("window", 1), ("overlap", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name} {value}: must be at least {least}")
        if self.shown < 0:
            raise InputError(f"--shown {self.shown}: must be at least 0")
        if self.network_size is not None and min(self.network_size) < 16:
            raise InputError(f"--resolution {self.resolution}: each side must be at least 16")
        told = [name for name in _OF_FILES if getattr(self, name) is not None]
        if told and self.predictions is None:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in told)
            raise InputError(f"{options}: speaks of the files of --predictions, which is not given")
        if self.speed:
            self._require_speed()
        else:
            self._require_scores()

    def _require_speed(self) -> None:
        given = [f"--{name}" for name in ("benchmark", "data", "predictions", "name", "protocol", "alignment", "clips")
                 if getattr(self, name) is not None]  # fmt: skip
        if given:
            raise InputError(f"--speed measures a test clip: {', '.join(given)} mean nothing with it, leave them out")

    def _require_scores(self) -> None:
        if (self.model is None) == (self.predictions is None):
            raise InputError("what is to be scored? give either --model NAME|DIR or --predictions DIR")
        if self.benchmark not in BENCHMARKS:
            given = "--benchmark is missing" if self.benchmark is None else f"there is no benchmark {self.benchmark!r}"
            raise InputError(f"{given}; available: {', '.join(BENCHMARKS)}")
        protocols = BENCHMARKS[self.benchmark].protocols
        if self.protocol is not None and self.protocol not in protocols:
            raise InputError(f"--protocol {self.protocol}: {self.benchmark} has {', '.join(protocols)}")
        if self.data is None:
            raise InputError(f"--data is missing: the folder of {self.benchmark}, {BENCHMARKS[self.benchmark].url}")

    @property
    def chosen(self) -> tuple[Benchmark, str, Protocol]:
        """The benchmark, and its protocol by name with the changes that were asked for."""
        assert self.benchmark is not None
        benchmark = BENCHMARKS[self.benchmark]
        name = self.protocol or next(iter(benchmark.protocols))
        asked = {key: value for key in ("alignment", "clips", "frames") if (value := getattr(self, key)) is not None}
        return benchmark, name, replace(benchmark.protocols[name], **asked)

    @property
    def label(self) -> str:
        """The name of the row, fit for a folder's: different for other weights of the same rival or run."""
        given = self.name or (_told_apart(self.model) if self.model else Path(str(self.predictions)).resolve().name)
        return re.sub(r"[^\w.+-]+", "-", given).strip("-.") or "estimator"

    @property
    def prediction_format(self) -> PredictionFormat:
        """How --predictions are read."""
        return PredictionFormat(
            quantity=self.quantity, invariance=self.invariance, metres_per_level=self.metres_per_level,
            normal_frame=self.normal_frame or "opencv",
        )  # fmt: skip

    @property
    def network_size(self) -> tuple[int, int] | None:
        """(height, width), if given. Raises InputError when it is not HxW."""
        if self.resolution is None:
            return None
        found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", self.resolution.strip())
        if not found:
            raise InputError(f"--resolution {self.resolution}: must be HEIGHTxWIDTH in pixels, such as 480x832")
        return int(found[1]), int(found[2])

    @property
    def settings(self) -> dict[str, Any]:
        """How the estimator runs."""
        names = ("device", "dtype", "offload", "steps", "window", "overlap", "stitching", "seed", "local_files_only")
        return {name: getattr(self, name) for name in names} | {"resolution": self.network_size}


def _told_apart(model: str) -> str:
    """A model's folder with the one it lies in, since each run of training leaves a folder `model`; all of other names.

    A folder of something else that is called like a model, such as its results, is not what is loaded.
    """
    is_model = (Path(model) / "model_index.json").is_file()
    return "/".join(Path(model).resolve().parts[-2:]) if is_model else model
