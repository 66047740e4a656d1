"""What a benchmark is: which clips of which data, and how they are scored. Printed beside every number."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pellucid.clip import Clip

Alignment = Literal["disparity", "disparity-robust", "disparity-per-frame", "depth", "scale", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How clips are cut and scored. Sizes are (height, width) in pixels, depths metres.

    `alignment` says what is fitted before scoring: one scale and shift for the whole clip in disparity (by least
    squares, or robustly), one for each frame, one in depth, a scale alone, or nothing.
    """

    split: str | None = None  # part of the set, in the words of its reader in `pellucid.data`
    clips: int | None = None  # the first so many; None: all
    min_frames: int = 1  # clips with fewer, after start and stride, are left out
    frames: int | None = None  # of each clip, after start and stride; None: all
    start: int = 0  # first frame of a clip
    stride: int = 1
    view: tuple[int, int] | None = None  # part of the picture that is shown, at its bottom and middle; None: all
    size: tuple[int, int] | None = None  # that colour and truth are then brought to; None: as the set ships
    crop: tuple[int, int, int, int] | None = None  # top, bottom, left, right of what is scored
    min_depth: float = 0.0  # the truth is scored between these, not at them
    max_depth: float = float("inf")
    invalid: str = "not finite or not positive"  # which values of the truth are not scored
    alignment: Alignment = "disparity"
    source: str  # the paper's section or the code that says so, and what is our choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One clip to score. Its truth is NaN where the protocol does not score it.

    `left_out` says how many of its frames on the disk are not read, and why.
    """

    name: str
    read: Callable[[], Clip]
    left_out: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A set with its protocols: "short", "long" or "image". `find` raises InputError that names what is missing."""

    name: str
    title: str
    protocols: dict[str, Protocol]
    find: Callable[[Path, Protocol], list[Item]]
    masks: str = "none"  # what `Clip.transparent` marks
    url: str  # where to get the set
    licence: str
