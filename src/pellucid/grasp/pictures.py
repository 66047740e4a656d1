"""The colour picture of a scene, path-traced by Cycles once and kept."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from pellucid.clip import InputError
from pellucid.store import atomic
from pellucid.synth import RenderSettings, SceneSpec, render_scene

SIZE = (224, 352)  # rows and columns: nano's own; the shape is that of the depth camera


def picture_path(folder: Path, spec: SceneSpec, samples: int) -> Path:
    """Where the picture of a scene is kept: a scene that differs in anything has another name."""
    digest = sha256(f"{spec.to_json()} {SIZE} {samples}".encode()).hexdigest()
    return folder / f"{spec.environment}-{spec.seed:05d}-{digest[:8]}.png"


def render_picture(folder: Path, spec: SceneSpec, samples: int, threads: int, blender: Sequence[str]) -> None:
    """Renders the picture of a scene into `folder`.

    Raises BlenderFailed, and InputError when the folder cannot be written.
    """
    settings = RenderSettings(resolution=SIZE, samples=samples, threads=threads)
    (frame,) = render_scene(spec, settings, blender)
    with atomic(picture_path(folder, spec, samples)) as temporary:
        temporary.write_bytes(cv2.imencode(".png", frame.rgb[..., ::-1])[1].tobytes())


def read_picture(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """A kept picture. Raises InputError when it is missing or damaged."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(f"{path}: missing or not a picture; remove it and give the same command again")
    return np.ascontiguousarray(picture[..., ::-1])
