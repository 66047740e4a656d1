"""Your own frames of a depth camera: colour, depth in millimetres and, if known, the camera's matrix.

`<name>_rgb.jpg` or `.png`, with `<name>_depth.png`, `<name>_raw_depth.png` or `<name>_depth_mm.png` (uint16,
millimetres, 0 unknown) beside it, registered to colour, and optionally `<name>_K.txt` or `<name>_intrinsics.txt` in any
form that `pellucid.camera.load_intrinsics` reads. Folders may hold folders.

A sensor's depth is no truth on glass, mirrors and metal.
"""

from pathlib import Path

from pellucid.camera import load_intrinsics
from pellucid.clip import Clip
from pellucid.data.frames import MissingFiles, missing, read_depth_png, read_rgb, resize_rgb, stable_seed
from pellucid.data.sequences import Sequence

PER_METRE = 1000
DEPTHS = ("_raw_depth.png", "_depth_mm.png", "_depth.png")
COLOURS = ("_rgb.jpg", "_rgb.png")
INTRINSICS = ("_K.txt", "_intrinsics.txt")


def find(root: Path, split: str | None = None, first: int | None = None) -> list[Sequence]:
    """The frames that have depth, or only the first so many, each a sequence of its own. Raises MissingFiles for colour
    that is missing.
    """
    assert split is None
    found = [file for file in sorted(root.glob("**/*_depth*.png")) if file.name.endswith(DEPTHS)][:first]
    files = {file: _stem(file) for file in found}
    if not files:
        raise missing(root / f"*{DEPTHS[-1]}")
    if absent := [Path(f"{stem}{COLOURS[0]}") for stem in files.values() if _beside(stem, COLOURS) is None]:
        raise MissingFiles(absent)
    names = ["_".join(Path(stem).relative_to(root).parts) for stem in files.values()]
    return [Sequence(f, 1, stable_seed(n), "rgbd", n) for f, n in zip(files, names, strict=True)]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frame as a clip of one, at the size of its depth. Raises InputError when a file cannot be read."""
    assert (start, stop) in ((0, None), (0, 1))
    stem = _stem(sequence.path)
    colour, intrinsics = _beside(stem, COLOURS), _beside(stem, INTRINSICS)
    if colour is None:
        raise missing(Path(f"{stem}{COLOURS[0]}"))
    depth = read_depth_png(sequence.path, PER_METRE)
    return Clip(
        name=sequence.name,
        rgb=resize_rgb(read_rgb(colour), depth.shape)[None],
        K=None if intrinsics is None else load_intrinsics(intrinsics),
        depth=depth[None],
    )


def _stem(depth: Path) -> str:
    return str(depth).removesuffix(next(ending for ending in DEPTHS if depth.name.endswith(ending)))


def _beside(stem: str, endings: tuple[str, ...]) -> Path | None:
    return next((path for ending in endings if (path := Path(stem + ending)).is_file()), None)
