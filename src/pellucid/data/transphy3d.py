"""TransPhy3D as released: WebDataset tars, and those that `pellucid render --tars` writes in the same layout.

A tar `NAME.NNNNNN.tar`, beside others or in a folder `train` or `test`, holds of frame k of sequence s, counted from
0, the members `{s}_{k:08d}.image.png`; `.depth.png` and `.depth.json` (depth = png / 65535 * max_depth, planar z);
`.normal.png` (png / 127.5 - 1, OpenGL's camera frame: y up, z towards the camera); `.metadata.json` (camera_matrices:
extrinsics, world to camera in OpenCV's frame, and intrinsics over width and height). Ours add `.label.png` and say in
`depth.json` that what saturates is sky, and in `metadata.json` the seed and the split.
"""

import json
import tarfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32

from pellucid.clip import Clip, InputError
from pellucid.data.frames import missing, stable_seed
from pellucid.data.sequences import Sequence, Split, split_of

SIGNS = ("*.tar", "train/*.tar", "test/*.tar")
RELEASED_FRAMES = 121  # of each released sequence
SATURATED = 0.999  # of max_depth; what the released depth says beyond is no measure
MEMBERS = ("image.png", "depth.png", "depth.json", "normal.png", "metadata.json")


class Frame(NamedTuple):
    """Where the members of one frame lie: a tar, and the offset and size of each."""

    tar: Path
    members: dict[str, tuple[int, int]]


def find(root: Path, split: Split) -> list[Sequence]:
    """The sequences of a split in a fixed order. Those of a folder `test` are neither trained on nor validated on; of
    the others those are held out whose seed, or number made of the name, is 1 modulo 7.

    Raises InputError when a tar cannot be read, a frame lacks a member or a sequence a frame.
    """
    found = []
    for stem in sorted({tar.parent / _stem(tar) for sign in SIGNS for tar in root.glob(sign)}):
        for name, frames in _sequences(stem).items():
            meta = _json(frames[0], "metadata.json")
            seed = meta.get("seed", stable_seed(name))
            belongs: str = (
                split_of(seed, meta.get("split")) if "seed" in meta else "held-out" if seed % 7 == 1 else "train"
            )
            if stem.parent.name == "test" or meta.get("split") == "test":
                belongs = "test"
            if split in ("all", belongs):
                short = "seed" not in meta and len(frames) < RELEASED_FRAMES
                why = (
                    f"its tars hold {len(frames)} frames, released sequences have {RELEASED_FRAMES}" if short else None
                )
                found.append(Sequence(stem, len(frames), seed, "transphy3d", name, left_out=why))
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The frames [start, stop) with depth, normals, cameras and, where there are labels, what is transparent.

    Raises InputError when a member is missing or cannot be read.
    """
    frames = _sequences(sequence.path)[sequence.name][start:stop]
    rgb = np.stack([_image(frame, "image.png")[..., 2::-1] for frame in frames])
    cameras = [_json(frame, "metadata.json")["camera_matrices"] for frame in frames]
    height, width = rgb.shape[1:3]
    labels = [_image(f, "label.png") if "label.png" in f.members else None for f in frames]
    masks = [(label[..., 1] == 1) | (label[..., 0] > 0) for label in labels if label is not None]
    return Clip(
        name=sequence.name,
        rgb=rgb,
        K=np.diag([width, height, 1.0]) @ np.asarray(cameras[0]["intrinsics"], np.float64),
        T_world_camera=np.linalg.inv(np.asarray([c["extrinsics"] for c in cameras], np.float64)),
        depth=np.stack([_depth(frame) for frame in frames]),
        normals=np.stack([_normals(frame) for frame in frames]),
        transparent=np.stack(masks) if len(masks) == len(frames) else None,
    )


def _depth(frame: Frame) -> Float32[np.ndarray, "H W"]:
    code, about = _image(frame, "depth.png"), _json(frame, "depth.json")
    ratio = code.astype(np.float64) / 65535
    depth = np.where(code == 0, np.nan, ratio * about["max_depth"])
    if about.get("saturated") == "sky":
        return np.where(code == 65535, np.inf, depth).astype(np.float32)
    return np.where(ratio > SATURATED, np.nan, depth).astype(np.float32)


def _normals(frame: Frame) -> Float32[np.ndarray, "H W 3"]:
    vectors = _image(frame, "normal.png")[..., 2::-1].astype(np.float32) / 127.5 - 1
    vectors *= np.array([1, -1, -1], np.float32)  # OpenGL's axes to OpenCV's
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 0.5, vectors / np.maximum(length, 0.5), np.nan).astype(np.float32)


def _sequences(stem: Path) -> dict[str, list[Frame]]:
    """The sequences of the tars `stem`.NNNNNN.tar by name, each with its frames in order."""
    by_key: dict[tuple[str, int], Frame] = {}
    for tar in sorted(tar for tar in stem.parent.glob("*.tar") if _stem(tar) == stem.name):
        stat = tar.stat()
        for key, members in _index(tar, stat.st_size, stat.st_mtime_ns).items():
            lacking = [name for name in MEMBERS if name not in members]
            if lacking:
                raise InputError(f"{tar}: {key} lacks {lacking[0]}; download or export it again")
            sequence, _, number = key.rpartition("_")
            name = stem.name if stem.name.startswith(sequence) else f"{stem.name}-{sequence}"
            by_key[name, int(number)] = Frame(tar, dict(members))
    frames: dict[str, list[Frame]] = {}
    for name, index in sorted(by_key):
        if index != len(frames.setdefault(name, [])):
            raise missing(stem.parent / f"{stem.name}.*.tar (frame {len(frames[name])} of {name})")
        frames[name].append(by_key[name, index])
    return frames


@lru_cache(maxsize=256)
def _index(tar: Path, size: int, changed: int) -> Mapping[str, dict[str, tuple[int, int]]]:
    """Offset and size of each member by key and ending; read once for each version of a tar."""
    assert size >= 0, changed
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(tar) as archive:
            for member in archive:
                key, _, ending = Path(member.name).name.partition(".")
                if member.isfile() and key.rpartition("_")[2].isdecimal():
                    found.setdefault(key, {})[ending] = member.offset_data, member.size
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{tar}: cannot be read as a tar ({error}); download or export it again") from error
    return MappingProxyType(found)


def _stem(tar: Path) -> str:
    """The name of a tar without the number of its part."""
    name = tar.name.removesuffix(".tar")
    return name.rpartition(".")[0] if name.rpartition(".")[2].isdecimal() else name


def _bytes(frame: Frame, ending: str) -> bytes:
    offset, size = frame.members[ending]
    try:
        with frame.tar.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise InputError(f"{frame.tar}: cannot be read ({error.strerror}); check the disk") from error


def _image(frame: Frame, ending: str) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(_bytes(frame, ending), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError(f"{frame.tar}: {ending} of a frame is no readable image; download or export it again")
    return image


def _json(frame: Frame, ending: str) -> dict[str, Any]:
    try:
        return json.loads(_bytes(frame, ending))
    except ValueError as error:
        raise InputError(f"{frame.tar}: {ending} of a frame is not JSON; download or export it again") from error
