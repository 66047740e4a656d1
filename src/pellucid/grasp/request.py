"""What a user asks of `grasp`, checked as far as it can be without looking at a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pellucid.clip import InputError
from pellucid.grasp.external import PlannerName
from pellucid.grasp.scenes import CELLS, Cell


@dataclass(frozen=True, kw_only=True)
class GraspRequest:
    """Grasp in simulation on an estimator's depth, the sensor's and the truth, and compare how often it succeeds.

    The same command again goes on where a killed one stopped; with more trials or estimators it adds them.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the table (report.md, report.json), the trials (trials.jsonl), pictures, estimates and the film."""
    estimator: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]")] = ()
    """Models or rivals by name, as for evaluate. Each grasps on its own depth, and completes the sensor's."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 10
    """Trials of each method in each cell, each on a scene of its own; methods share scenes."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Seed of the first scene; the others follow."""
    cells: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CELL [CELL ...]")] = tuple(cell.name for cell in CELLS)
    """What the objects and the table top are made of, such as translucent-on-diffuse or mixed-on-reflective."""
    curve: bool = False
    """Also grasp on the truth made worse by known amounts of bias, noise and blur, on diffuse-on-diffuse."""
    video: bool = False
    """Also write film.mp4: colour, the sensor's depth, the first estimator's, and the grasp, for up to ten trials."""
    planner: PlannerName = "geometry"
    """Ours needs nothing; the others say what they need."""
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="F")] = None
    """Weights of a planner other than ours."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes at once; by default one for each processor."""
    samples: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    """Light paths per pixel of the colour pictures, before the denoiser."""
    blender: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Blender, or a Python that has bpy; by default one that is found, or a private environment, made on first use."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """Where the estimators run: auto, cpu, cuda, cuda:1, mps, ..."""
    dtype: Annotated[str, tyro.conf.arg(metavar="T")] = "auto"
    """Number format of the estimators: auto, float32, bfloat16 or float16."""

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("seed", 0), ("samples", 1), ("workers", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name} {value}: must be at least {least}")
        known = [cell.name for cell in CELLS]
        for name in self.cells:
            if name not in known:
                raise InputError(f"--cells {name}: there is no such cell; available: {', '.join(known)}")
        for name in ("cells", "estimator"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise InputError(f"--{name}: names the same one twice")
        if not self.cells:
            raise InputError("--cells: name at least one")
        if self.planner == "geometry" and self.checkpoint is not None:
            raise InputError("--checkpoint: the planner geometry has no weights; leave it out, or name a --planner")

    @property
    def chosen(self) -> tuple[Cell, ...]:
        """The cells asked for, in the table's order."""
        return tuple(cell for cell in CELLS if cell.name in self.cells)

    @property
    def seeds(self) -> range:
        return range(self.seed, self.seed + self.trials)
