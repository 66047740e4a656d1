"""Rendered sequences on disk, one folder each, read as `Clip`s.

A folder holds rgb_%04d.jpg; depth_%04d.png (uint16, planar z of the first surface in units of 0.2 mm, 65535 = sky
or beyond 13.1 m); normal_%04d.png (RGB = round(127 n) + 128, camera frame, 128 128 128 = none); label_%04d.png (red
= instance, green = material class, 1 is glass, blue = 255 where transparent, glass or not); camera.json (frames, K,
camera_from_world, seed, split); and, of what `pellucid render` wrote, depth_behind_%04d.png and
normal_behind_%04d.png: what the camera would see without anything transparent.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float32

from pellucid.clip import Clip, InputError
from pellucid.store import decode_depth, decode_normals, read_json

Split = Literal["train", "held-out", "all"]

GLASS = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """Frames that belong together: where they lie, how many there are, and a number that tells scenes apart.

    For a rendered scene the number is the seed it was sampled from. kind is the set it comes from, label its name
    where that of its path would not do; left_out says how many frames on the disk are none of these, and why.
    """

    path: Path
    num_frames: int
    seed: int
    kind: str = "rendered"
    label: str | None = None
    left_out: str | None = None

    @property
    def name(self) -> str:
        """What its samples are called in the latent cache."""
        return self.label or self.path.name


def split_of(seed: int, rendered_for: str | None = None) -> Literal["train", "held-out", "acceptance", "test"]:
    """Where a scene belongs: seeds 1 modulo 7 validate, 0 modulo 7 are kept for acceptance, the others train.

    `pellucid render` says in camera.json what a scene was rendered for: test scenes have seeds and shapes of their
    own, so of the training scenes none is kept for acceptance.
    """
    if rendered_for == "test":
        return "test"
    if seed % 7 == 1:
        return "held-out"
    return "acceptance" if seed % 7 == 0 and rendered_for is None else "train"


def find_sequences(roots: list[Path], split: Split = "all") -> list[Sequence]:
    """All sequences under the roots in a fixed order, without or only with the held-out scenes.

    Raises InputError when a root is missing or nothing is found.
    """
    found = []
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; --data takes folders of rendered sequences")
        found += list_sequences(root, split)
    if not found:
        given = ", ".join(str(r) for r in roots)
        raise InputError(
            f"{given}: no {split} sequences (folders with a camera.json); render some or name another folder"
        )
    return found


def list_sequences(root: Path, split: Split) -> list[Sequence]:
    """The sequences of one folder in a fixed order; none when it holds none of that split."""
    found = []
    for camera in sorted(root.glob("*/camera.json")):
        meta = read_camera(camera.parent, "frames")
        seed = meta["seed"] if "seed" in meta else _seed_of(camera.parent)
        if split == "all" or split == split_of(seed, meta.get("split")):
            found.append(Sequence(camera.parent, meta["frames"], seed))
    return found


def read_camera(folder: Path, *needed: str) -> dict[str, Any]:
    """What a scene's camera.json says. Raises InputError when it cannot be read or lacks something that is needed."""
    meta = read_json(folder / "camera.json")
    lacking = [key for key in needed if key not in meta]
    if lacking:
        raise InputError(f"{folder / 'camera.json'}: does not say {', '.join(lacking)}; render the scene again")
    return meta


def _seed_of(folder: Path) -> int:
    """The seed that the folder is named by."""
    number = folder.name.lstrip("s")
    if not number.isdecimal():
        raise InputError(f"{folder / 'camera.json'}: says no seed, nor does the folder's name, as in s00001")
    return int(number)


def _image(path: Path, flags: int) -> np.ndarray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InputError(f"{path}: missing or not a readable image; render the sequence again")
    return image


def _depth(path: Path) -> Float32[np.ndarray, "H W"]:
    code = _image(path, cv2.IMREAD_UNCHANGED)
    if code.dtype != np.uint16 or code.ndim != 2:
        raise InputError(f"{path}: {code.dtype} with {code.ndim} axes; depth is one channel of 16 bits")
    return decode_depth(code)


def read_sequence(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) of a rendered sequence with depth, normals, mask of what is transparent, and cameras.

    Raises InputError when a file is missing or cannot be read.
    """
    meta = read_camera(sequence.path, "K", "camera_from_world")
    if len(meta["camera_from_world"]) < sequence.num_frames:
        raise InputError(
            f"{sequence.path / 'camera.json'}: has {len(meta['camera_from_world'])} cameras for {sequence.num_frames} "
            "frames; render the scene again"
        )
    frames = range(start, sequence.num_frames if stop is None else stop)
    rgb, depth, normals, transparent = [], [], [], []
    for t in frames:
        name = f"{t + 1:04d}"
        rgb.append(_image(sequence.path / f"rgb_{name}.jpg", cv2.IMREAD_COLOR)[..., ::-1])
        depth.append(_depth(sequence.path / f"depth_{name}.png"))
        normals.append(decode_normals(_image(sequence.path / f"normal_{name}.png", cv2.IMREAD_COLOR)[..., ::-1]))
        label = _image(sequence.path / f"label_{name}.png", cv2.IMREAD_COLOR)
        transparent.append((label[..., 1] == GLASS) | (label[..., 0] > 0))
    return Clip(
        name=sequence.path.name,
        rgb=np.stack(rgb),
        K=np.asarray(meta["K"], dtype=np.float64),
        T_world_camera=np.linalg.inv(np.asarray(meta["camera_from_world"])[frames.start : frames.stop]),
        depth=np.stack(depth),
        normals=np.stack(normals),
        transparent=np.stack(transparent),
    )
