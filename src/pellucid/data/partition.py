"""Where the scenes of a set of stills belong, by the folders of its authors."""

from pathlib import Path
from typing import Literal

from pellucid.data.sequences import split_of

Part = Literal["train", "held-out", "test"]


def partition(root: Path, scenes: list[Path]) -> dict[Path, Part]:
    """What each folder of the set is for, in the order given: `val` is held out, `test` is not trained on.

    A folder, or one above it up to the root, says so by its name or the end of it (`cup-val`). Where none says val,
    scenes whose number, the last one in the name, is 1 modulo 7 are held out.
    """
    words = {scene: _word(root, scene) for scene in scenes}
    authors = "val" in words.values()
    return {
        scene: "test"
        if word == "test"
        else "held-out"
        if word == "val" or (not authors and split_of(_number(scene.name)) == "held-out")
        else "train"
        for scene, word in words.items()
    }


def _word(root: Path, scene: Path) -> str | None:
    parts = (root.resolve().name, *scene.relative_to(root).parts)
    ends = [part.rpartition("-")[2] for part in reversed(parts)]
    return next((end for end in ends if end in ("train", "val", "test")), None)


def _number(name: str) -> int:
    digits = "".join(c if c.isdecimal() else " " for c in name).split()
    return int(digits[-1]) if digits else 0
