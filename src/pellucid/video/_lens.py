"""What a file tells of the lens it was taken through."""

import re

import av
from PIL import ExifTags, Image

from ._source import Source

_EQUIVALENT = 0xA405  # EXIF FocalLengthIn35mmFilm, a whole number; 0 is unknown
_APPLE = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def focal_length_35mm(source: Source) -> float | None:
    """The focal length in millimetres of the lens that sees the same on 35 mm film, if the file says it.

    From EXIF of a picture (of a folder, its first), or the metadata that Apple's cameras write into a video.
    """
    if source.files:
        with Image.open(source.files[0]) as image:
            found = image.getexif().get_ifd(ExifTags.IFD.Exif).get(_EQUIVALENT)
    elif source.kind == "video":
        try:
            with av.open(str(source.path)) as container:
                found = container.metadata.get(_APPLE)
        except (av.FFmpegError, OSError):  # an animated picture: FFmpeg need not know its kind
            found = None
    number = re.fullmatch(r"\d+(\.\d+)?", str(found).strip())
    return float(number[0]) if number and float(number[0]) > 0 else None
