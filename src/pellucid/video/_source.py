"""What the user gave, checked from end to end before anything costly starts."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from pellucid.clip import InputError

from . import _container, _still

IMAGE_FOLDER_FPS = Fraction(24)
_CONTAINERS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf")
_STREAMS = (".ts", ".mts", ".m2ts", ".gif", ".y4m", ".h264", ".264", ".hevc", ".265")
VIDEO_SUFFIXES = frozenset((*_CONTAINERS, *_STREAMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A checked input: what it is and where its frames lie. Cheap to hold, no file stays open."""

    path: Path
    kind: Literal["video", "images", "image"]
    stem: str  # the name of its output folder
    height: int  # pixels, as displayed: turned upright, pixels made square
    width: int
    num_frames: int  # counted, not promised
    fps: Fraction  # on average
    times: Float[np.ndarray, " T"] = field(repr=False, compare=False)  # seconds, on the file's own clock
    files: tuple[Path, ...] = field(default=(), repr=False)  # the pictures in order; none for a video
    sha256: str  # of the content: a file's bytes, or the names and bytes of a folder's pictures
    seekable: bool = False  # whether `times` are time stamps by which a frame can be found


def open_source(path: Path, advance: Callable[[int], object] = lambda _: None) -> Source:
    """The input at `path`: a video file, one picture, or a folder of pictures of one size.

    All of it is decoded once, so that whatever passes here can be predicted to its last frame; `advance` is told how
    many bytes are done. Content decides, not the name. Sound is ignored. Pixels further than 2 % from square are
    stretched in width.
    Raises InputError when anything is missing, damaged or of changing size.
    """
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a video, a picture, or a folder of either")
    if path.is_dir():
        return _open_folder(path, advance)
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); download or export it again")
        image = _still.is_image(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    suffix = path.suffix.lower()
    if image and suffix in VIDEO_SUFFIXES:
        raise InputError(f"{path}: is named {suffix} but holds a picture; rename it, to .jpg say, to predict from it")
    if not image and suffix in _still.SUFFIXES:
        raise InputError(f"{path}: not a picture that can be read; allowed are {', '.join(_still.FORMATS)}")
    if _still.is_animation(path):
        height, width = next(_still.animation(path, 0)).shape[:2]
        times = _still.animation_times(path)
        span = times[-1] - times[0]
        fps = Fraction((len(times) - 1) / span).limit_denominator(1001)
        track = _container.Track(height=height, width=width, fps=fps, times=times, seekable=False)
    elif image:
        return _open_images(path, (path,), "image", advance)
    else:
        track = _container.measure(path, advance)
    return Source(
        path=path,
        kind="video",
        stem=_stem(path),
        height=track.height,
        width=track.width,
        num_frames=len(track.times),
        fps=track.fps,
        times=track.times,
        seekable=track.seekable,
        sha256=_file_digest(path).hexdigest(),
    )


def size_in_bytes(path: Path) -> int:
    """Of an input: the file, or the pictures of a folder."""
    files = _listing(path, _still.SUFFIXES) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def expand(paths: Sequence[Path]) -> list[Path]:
    """One path for each input: a folder of videos becomes its videos, in natural order; no file is opened.

    Raises InputError when a path is missing, a folder holds nothing to predict from or both videos and pictures, or
    two inputs would write to the same output folder.
    """
    if not paths:
        raise InputError("no input given; give at least one video, picture, or folder of either")
    inputs: list[Path] = []
    for path in paths:
        if path.is_dir():
            images, videos = _listing(path, _still.SUFFIXES), _listing(path, VIDEO_SUFFIXES)
            if images and videos:
                raise InputError(
                    f"{path}: holds both pictures ({images[0].name}) and videos ({videos[0].name}); "
                    f"put them in two folders, or give the files themselves"
                )
            inputs.extend(videos or ([path] if images else _nothing_in(path)))
        elif path.exists():
            inputs.append(path)
        else:
            raise InputError(f"{path}: does not exist; give a video, a picture, or a folder of either")
    claimed: dict[str, Path] = {}
    for path in inputs:
        # As the least distinguishing file systems compare names: ignoring case and the way accents are composed.
        key = unicodedata.normalize("NFC", _stem(path)).casefold()
        if key in claimed:
            raise InputError(
                f"{claimed[key]} and {path}: both would write to the output folder {_stem(path)!r}; "
                f"rename one, or predict them with two --out folders"
            )
        claimed[key] = path
    return inputs


def _open_folder(path: Path, advance: Callable[[int], object]) -> Source:
    files = _listing(path, _still.SUFFIXES)
    if files:
        return _open_images(path, tuple(files), "images", advance)
    videos = _listing(path, VIDEO_SUFFIXES)
    if videos:
        raise InputError(f"{path}: is a folder of {len(videos)} videos; give each by itself")
    _nothing_in(path)
    raise AssertionError


def _open_images(
    path: Path, files: tuple[Path, ...], kind: Literal["images", "image"], advance: Callable[[int], object]
) -> Source:
    shape = None
    digest = hashlib.sha256()
    for file in files:
        found = _still.read(file).shape[:2]
        shape = shape or found
        if found != shape:
            (h, w), (height, width) = shape, found
            raise InputError(
                f"{path}: {files[0].name} is {w}x{h} but {file.name} is {width}x{height} (width x height); "
                f"the pictures of one folder are the frames of one video and need one size"
            )
        if kind == "images":
            digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0" + _file_digest(file).digest())
        advance(file.stat().st_size)
    assert shape is not None
    fps = IMAGE_FOLDER_FPS if kind == "images" else Fraction(1)
    return Source(
        path=path,
        kind=kind,
        stem=_stem(path),
        height=shape[0],
        width=shape[1],
        num_frames=len(files),
        fps=fps,
        times=np.arange(len(files)) / float(fps),
        files=files,
        sha256=digest.hexdigest() if kind == "images" else _file_digest(path).hexdigest(),
    )


def _listing(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files so named in natural order (frame2 before frame10), without hidden ones."""
    try:
        files = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "." and p.is_file()]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return sorted(files, key=lambda file: (_natural(file.name), file.name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    tokens = re.split(r"(\d+)", name.casefold())
    return [(0, int(t), "") if t.isdecimal() else (1, 0, t) for t in tokens if t]


def _nothing_in(folder: Path) -> list[Path]:
    folders = sum(p.is_dir() for p in folder.iterdir())
    inside = f", only {folders} folders: give those" if folders else ""
    raise InputError(f"{folder}: is a folder without a video or picture in it{inside or '; give another'}")


def _stem(path: Path) -> str:
    return path.resolve().name if path.is_dir() else path.stem


def _file_digest(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")
