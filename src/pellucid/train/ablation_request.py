"""What a user asks of `evaluate --ablation`, checked as far as it can be without looking at a file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pellucid.clip import InputError
from pellucid.train.ablations import ABLATIONS


@dataclass(frozen=True, kw_only=True)
class AblationRequest:
    """Vary one choice of the papers, train where that is needed, and score on held-out rendered scenes.

    Our numbers stand beside the paper's, with what their order says. The same command again goes on where a killed
    one stopped; ablations with one --out share what they have trained, and their page.
    """

    ablation: Annotated[str, tyro.conf.arg(metavar="NAME")]
    """lora, rank, steps, tau, gradients, overlap, window, joint or method."""
    data: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]
    """Folders of rendered scenes: training scenes train, held-out ones are scored."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for what is trained, scores, NAME.json, NAME.md, and ablations.md of all in it."""
    base: Annotated[str | None, tyro.conf.arg(metavar="NAME|DIR")] = None
    """Model that arms start from or run: a name, a folder, or a run of `pellucid train`. By default nano; for
    steps, which needs a model of DKT's, nano-dkt."""
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 60
    """Training steps of an arm."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Runs of each arm; they tell what is noise."""
    clips: Annotated[int, tyro.conf.arg(metavar="N")] = 6
    """Held-out clips to score, evenly from all."""
    frames: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Frames of each; by default 13, for overlap and window 73."""
    resolution: Annotated[str | None, tyro.conf.arg(metavar="HxW")] = None
    """Area the network works at when it is scored; by default the model's."""
    cache: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where latents are kept, a folder for each seed; by default in --out."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """Where scoring runs, as in `pellucid predict`; training takes the GPU that is there."""

    def __post_init__(self) -> None:
        if self.ablation not in ABLATIONS:
            raise InputError(f"there is no ablation {self.ablation!r}; available: {', '.join(ABLATIONS)}")
        for name, least in (("steps", 1), ("seeds", 1), ("clips", 1), ("frames", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name} {value}: must be at least {least}")
        if self.size is not None and min(self.size) < 16:
            raise InputError(f"--resolution {self.resolution}: each side must be at least 16")

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width), if given. Raises InputError when it is not HxW."""
        if self.resolution is None:
            return None
        found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", self.resolution.strip())
        if not found:
            raise InputError(f"--resolution {self.resolution}: must be HEIGHTxWIDTH in pixels, such as 480x832")
        return int(found[1]), int(found[2])
