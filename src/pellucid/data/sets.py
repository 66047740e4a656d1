"""What a --data folder holds, and how each kind of it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data import cleargrasp, dreds, hiss, hypersim, sequences, tartanair, transphy3d, vkitti
from pellucid.data.sequences import Sequence, Split


@dataclass(frozen=True, slots=True)
class DataSet:
    """One kind of set: what in a folder betrays it, and how its sequences are found and read.

    trained_depth is what training makes of the truth's depth, where the released loaders change it.
    """

    signs: tuple[str, ...]
    find: Callable[[Path, Split], list[Sequence]]
    read: Callable[[Sequence, int, int | None], Clip]
    trained_depth: Callable[[np.ndarray], np.ndarray] | None = None


SETS = {
    "rendered": DataSet(("*/camera.json",), sequences.list_sequences, sequences.read_sequence),
    "transphy3d": DataSet(transphy3d.SIGNS, transphy3d.find, transphy3d.read),
    "hypersim": DataSet(("ai_[0-9]*_[0-9]*",), hypersim.find, hypersim.read),
    "tartanair": DataSet(tartanair.TRAJECTORIES, tartanair.find, tartanair.read, tartanair.trained_depth),
    "vkitti": DataSet(("Scene[0-9][0-9]",), vkitti.find, vkitti.read, vkitti.trained_depth),
    "dreds": DataSet(dreds.SIGNS, dreds.find, dreds.read),
    "hiss": DataSet(hiss.SIGNS, hiss.find, hiss.read),
    "cleargrasp": DataSet(cleargrasp.SIGNS, cleargrasp.find, cleargrasp.read),
}
ALLOWED = (
    "rendered sequences (*/camera.json), TransPhy3D (*.tar), Hypersim (ai_*_*), TartanAir (*/Easy/P*), "
    "Virtual KITTI 2 (Scene*), DREDS (*/NNNN_depth_120.exr), HISS (*/NNNN_depth.exr) or ClearGrasp "
    "(*/depth-imgs-rectified)"
)


def kinds_of(root: Path) -> list[str]:
    """The sets that a folder holds. Raises InputError when it holds none."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; --data takes folders of {ALLOWED}")
    found = [kind for kind, s in SETS.items() if any(any(root.glob(sign)) for sign in s.signs)]
    if not found:
        raise InputError(f"{root}: holds none of what --data takes: {ALLOWED}")
    return found


def find_data(roots: list[Path], split: Split = "all") -> list[Sequence]:
    """All sequences of a split under the roots, set after set, in a fixed order.

    Raises InputError when a root is missing, holds no set or an incomplete one, or when the split is empty.
    """
    holds = [(root, kinds_of(root)) for root in roots]
    found = [s for kind, of in SETS.items() for root, kinds in holds if kind in kinds for s in of.find(root, split)]
    if not found:
        given = ", ".join(str(r) for r in roots)
        raise InputError(
            f"{given}: no {split} sequences; add scenes of that split (docs/training.md says which) or another folder"
        )
    return found


def read_clip(sequence: Sequence, start: int, stop: int) -> Clip:
    """The frames [start, stop) of a sequence of any set. Raises InputError when they cannot be read."""
    return SETS[sequence.kind].read(sequence, start, stop)
