"""Still and animated pictures by Pillow: upright, RGB, 8 bits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from pellucid.clip import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".avif", ".jp2"))
DEFAULT_DURATION = 0.1  # seconds an animation's frame is shown when it does not say: what browsers do


def is_image(path: Path) -> bool:
    """Whether the content is a picture, whatever the name says."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return False


def is_animation(path: Path) -> bool:
    """Whether the content is a moving picture (animated WebP, PNG or AVIF)."""
    if not is_image(path):
        return False
    with Image.open(path, formats=FORMATS) as image:
        return image.format in ("WEBP", "PNG", "AVIF") and getattr(image, "n_frames", 1) > 1


def read(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """One picture as displayed (EXIF orientation applied).

    Transparency is dropped, not composited: the colours below it are the camera's. Sixteen bits are rounded to eight.
    Raises InputError when it cannot be read whole, holds several pictures, or has no 8 or 16 bit colours.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            # An MPO is a phone's JPEG whose further pictures are previews or depth maps.
            if image.format != "MPO" and (count := getattr(image, "n_frames", 1)) > 1:
                raise InputError(f"{path}: holds {count} pictures; give an animation by itself, pages as files")
            return _rgb(ImageOps.exif_transpose(image), path)
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: not a picture that can be read; allowed are {', '.join(FORMATS)}") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: the picture is damaged or too large ({error}); export it again") from error


def animation_times(path: Path) -> Float[np.ndarray, " T"]:
    """The time at which each frame of an animation appears, in seconds from its first; decodes all of it."""
    durations = []
    with Image.open(path, formats=FORMATS) as image:
        for _ in _seek_all(image, path):
            durations.append((image.info.get("duration") or 1000 * DEFAULT_DURATION) / 1000)
    return np.concatenate([[0.0], np.cumsum(durations)[:-1]])


def animation(path: Path, start: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The frames of an animation from number `start` to its end."""
    with Image.open(path, formats=FORMATS) as image:
        for index in _seek_all(image, path):  # each frame is drawn over the one before
            if index >= start:
                yield _rgb(image, path)


def _seek_all(image: Image.Image, path: Path) -> Iterator[int]:
    count = getattr(image, "n_frames", 1)
    for index in range(count):
        try:
            image.seek(index)
            image.load()
        except (OSError, SyntaxError, EOFError) as error:
            raise InputError(
                f"{path}: cut off or damaged, {index} of {count} frames can be read; get a whole copy"
            ) from error
        yield index


def _rgb(image: Image.Image, path: Path) -> UInt8[np.ndarray, "H W 3"]:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        return np.repeat(((grey + 128) // 257).astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode in ("I", "F"):
        raise InputError(f"{path}: holds 32 bit numbers, not colours; export it as an 8 or 16 bit picture")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))
