"""The depth that a sensor recorded beside a video, frame by frame, in metres."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Shaped

from pellucid.clip import InputError

from ._pictures import KINDS, natural, read_picture

NEAREST, FARTHEST = 0.02, 100.0  # metres; a median beyond them is no depth camera's but a mistake in the unit
_MILLIMETRE = 1e-3
_ALLOWED = "16 bit png in millimetres, or metres as exr or npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthFiles:
    """A checked recording of depth, brought to the pixels of its video. Cheap to hold, no file stays open."""

    path: Path
    files: tuple[Path, ...] = field(repr=False)  # one for each frame, or one .npy for all
    num_frames: int
    height: int  # of the video
    width: int
    own_size: tuple[int, int]  # height and width of the recording
    unit: float | None  # metres a step; None: a millimetre for whole numbers, a metre for others
    sha256: str

    def read(self, index: int) -> Float32[np.ndarray, "H W"]:
        """Depth of one frame in metres, NaN where unknown (0, negative, NaN or infinite in the file).

        A recording of another size is sampled at the nearest pixel, so that no depth is averaged over an edge.
        """
        depth = _metres(_frame(self.files, index), self.unit)
        if depth.shape != (self.height, self.width):
            depth = cv2.resize(depth, (self.width, self.height), interpolation=cv2.INTER_NEAREST_EXACT)
        return depth


def open_depths(path: Path, num_frames: int, height: int, width: int, unit: float | None = None) -> DepthFiles:
    """The depth at `path`, as many frames as the video of that size: a folder of files, or one file.

    One file is a picture (for a video of one frame) or a .npy array [T, H, W] or [H, W]; a folder's files are taken in
    natural order. All of it is read once. `unit` is metres a step.
    Raises InputError when anything is missing, damaged, of another shape, not depth or in another unit, or when all of
    it is unknown.
    """
    files = _files(path)
    digest, sizes, count = hashlib.sha256(), set(), 0
    medians: list[float] = []
    for file in files:
        array = _load(file)
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
        count += len(array) if array.ndim == 3 else 1
        sizes.add(array.shape[-2:])
        for frame in array if array.ndim == 3 else [array]:
            depth = _metres(frame, unit)
            known = depth[np.isfinite(depth)]
            medians += [float(np.median(known))] if known.size else []
    if len(sizes) > 1:
        raise InputError(f"{path}: holds depth of different sizes, {_sizes(sizes)}; the frames of one video have one")
    if count != num_frames:
        raise InputError(f"{path}: holds {count} frames of depth for a video of {num_frames}; give one for each frame")
    H, W = next(iter(sizes))
    if abs(H / W - height / width) > 0.01 * height / width:
        raise InputError(
            f"{path}: is {W}x{H} but the video {width}x{height} (width x height); depth must be aligned to the colour "
            "camera, as a depth camera's software does on request"
        )
    if not medians:
        raise InputError(f"{path}: holds no depth: every pixel is 0, negative, infinite or NaN")
    _require_metres(path, float(np.median(medians)), array.dtype.kind != "f", unit)
    return DepthFiles(
        path=path, files=files, num_frames=num_frames, height=height, width=width, own_size=(H, W), unit=unit,
        sha256=digest.hexdigest(),
    )  # fmt: skip


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in KINDS and p.name[0] != "." and p.is_file()]
        if not found:
            raise InputError(f"{path}: is a folder without depth in it; allowed are {_ALLOWED}")
        return tuple(sorted(found, key=lambda p: natural(p.name)))
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a folder or a file of depth: {_ALLOWED}")
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{path}: is no depth that can be read; allowed are {_ALLOWED}")
    return (path,)


def _frame(files: tuple[Path, ...], index: int) -> Shaped[np.ndarray, "H W"]:
    if len(files) > 1:
        return _load(files[index])
    array = _load(files[0])
    return array[index] if array.ndim == 3 else array


def _load(file: Path) -> Shaped[np.ndarray, "*T H W"]:
    """The numbers in a file as they are. A .npy file is only mapped into memory."""
    if file.suffix.lower() == ".npy":
        try:
            array = np.load(file, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{file}: is no array of numpy ({error}); allowed are {_ALLOWED}") from error
    else:
        array = read_picture(file, "depth")[1]
    whole = array.ndim == 2 or (array.ndim == 3 and file.suffix.lower() == ".npy")
    if not whole or array.size == 0 or array.dtype.kind not in "uif" or array.dtype.itemsize == 1:
        raise InputError(f"{file}: holds {array.dtype} {array.shape}, which is no depth; allowed are {_ALLOWED}")
    return array


def _metres(array: Shaped[np.ndarray, "H W"], unit: float | None) -> Float32[np.ndarray, "H W"]:
    if unit is None:
        unit = 1.0 if array.dtype.kind == "f" else _MILLIMETRE
    depth = array.astype(np.float64) * unit
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float32)


def _require_metres(path: Path, median: float, whole: bool, unit: float | None) -> None:
    """Raises InputError when a depth camera's median depth is so small or so large that its unit is another."""
    if NEAREST <= median <= FARTHEST:
        return
    if unit is not None:
        why = f"by --depth-unit {unit:g}; give the metres of a step of the numbers"
    elif whole:
        why = "as whole numbers are read as millimetres; give --depth-unit 1 if they are metres"
    else:
        why = "as numbers with a point are read as metres; give --depth-unit 0.001 if they are millimetres"
    raise InputError(f"{path}: its median depth is {median:.3g} m, {why}")


def _sizes(sizes: set[tuple[int, int]]) -> str:
    return " and ".join(f"{W}x{H}" for H, W in sorted(sizes))
