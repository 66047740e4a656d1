"""Rendered scenes on disk: one folder each, a few compressed files a frame, and their checksums.

Frames count from 1. Of each there are
  rgb_%04d.jpg            colour, 8 bit, quality 95
  depth_%04d.png          uint16, planar z of the first surface, 0.2 mm a step; 0 unknown, 65535 sky or beyond 13 m
  normal_%04d.png         RGB = round(127 n) + 128 in the camera frame; 128 128 128 none
  label_%04d.png          red instance, green material class, blue 255 where transparent
  depth_behind_%04d.png   the same depth with all that is transparent hidden; 0 where that changes nothing
  normal_behind_%04d.png  the same normals; 0 0 0 where that changes nothing
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8, UInt16

from pellucid.clip import InputError

from ._atomic import disk_errors

DEPTH_UNIT = 2e-4  # metres
SKY = 65535
JPEG_QUALITY = 95
PNG_LEVEL = 6  # level 9 saves 4 % more, in ten times the time


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFrame:
    """All that is known of one rendered frame. Depth is planar z in metres, NaN unknown, +inf sky.

    Normals are unit vectors of the camera frame (x right, y down, z forward), NaN unknown. `depth_behind` and
    `normals_behind` are what the camera would see without anything transparent.
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    depth: Float32[np.ndarray, "H W"]
    normals: Float32[np.ndarray, "H W 3"]
    instance: UInt8[np.ndarray, "H W"]
    material: UInt8[np.ndarray, "H W"]
    transparent: Bool[np.ndarray, "H W"]
    depth_behind: Float32[np.ndarray, "H W"]
    normals_behind: Float32[np.ndarray, "H W 3"]


def save_scene_frame(folder: Path, index: int, frame: SceneFrame) -> int:
    """Writes one frame into a folder that exists; the bytes written.

    `index` counts from 0. Raises InputError when the disk is full or the folder cannot be written.
    """
    depth, behind = encode_depth(frame.depth), encode_depth(frame.depth_behind)
    normals, normals_behind = encode_normals(frame.normals), encode_normals(frame.normals_behind)
    label = np.stack([frame.instance, frame.material, frame.transparent.astype(np.uint8) * 255], axis=-1)
    same = (behind == depth) | (behind == 0)
    files = {
        f"rgb_{index + 1:04d}.jpg": frame.rgb[..., ::-1],  # OpenCV's order: BGR
        f"depth_{index + 1:04d}.png": depth,
        f"normal_{index + 1:04d}.png": normals[..., ::-1],
        f"label_{index + 1:04d}.png": label[..., ::-1],
        f"depth_behind_{index + 1:04d}.png": np.where(same, np.uint16(0), behind),
        f"normal_behind_{index + 1:04d}.png": np.where(same[..., None], np.uint8(0), normals_behind)[..., ::-1],
    }
    count = 0
    for name, image in files.items():
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
        suffix = Path(name).suffix
        _, coded = cv2.imencode(suffix, image, options[:2] if suffix == ".jpg" else options[2:])
        with disk_errors(folder):
            (folder / name).write_bytes(coded.tobytes())
        count += coded.size
    return count


def load_scene_frame(folder: Path, index: int) -> SceneFrame:
    """One frame, `index` counting from 0.

    Raises InputError when a file is missing or cannot be read.
    """
    number = f"{index + 1:04d}"
    label = _read(folder / f"label_{number}.png", cv2.IMREAD_COLOR)[..., ::-1]
    depth = _read(folder / f"depth_{number}.png", cv2.IMREAD_UNCHANGED)
    normals = _read(folder / f"normal_{number}.png", cv2.IMREAD_COLOR)[..., ::-1]
    depth_behind = _read(folder / f"depth_behind_{number}.png", cv2.IMREAD_UNCHANGED)
    normals_behind = _read(folder / f"normal_behind_{number}.png", cv2.IMREAD_COLOR)[..., ::-1]
    same = depth_behind == 0
    return SceneFrame(
        rgb=np.ascontiguousarray(_read(folder / f"rgb_{number}.jpg", cv2.IMREAD_COLOR)[..., ::-1]),
        depth=decode_depth(depth),
        normals=decode_normals(normals),
        instance=np.ascontiguousarray(label[..., 0]),
        material=np.ascontiguousarray(label[..., 1]),
        transparent=label[..., 2] > 0,
        depth_behind=decode_depth(np.where(same, depth, depth_behind)),
        normals_behind=decode_normals(np.where(same[..., None], normals, normals_behind)),
    )


def encode_depth(depth: Float32[np.ndarray, "*shape"]) -> UInt16[np.ndarray, "*shape"]:
    """Depth in metres as 16 bit codes."""
    code = np.rint(np.where(np.isnan(depth), 0, np.minimum(depth, SKY * DEPTH_UNIT)) / DEPTH_UNIT)
    return np.where(np.isnan(depth), 0, np.clip(code, 1, SKY)).astype(np.uint16)


def decode_depth(code: UInt16[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Codes as metres: 0 is NaN, 65535 is +inf."""
    metres = np.where(code == SKY, np.inf, code.astype(np.float32) * np.float32(DEPTH_UNIT))
    return np.where(code == 0, np.nan, metres).astype(np.float32)


def encode_normals(normals: Float32[np.ndarray, "*shape 3"]) -> UInt8[np.ndarray, "*shape 3"]:
    """Unit vectors as 8 bit codes; NaN and zero become 128 128 128."""
    return (np.rint(np.clip(np.nan_to_num(normals), -1, 1) * 127) + 128).astype(np.uint8)


def decode_normals(code: UInt8[np.ndarray, "*shape 3"]) -> Float32[np.ndarray, "*shape 3"]:
    """Codes as unit vectors, good to 0.3 degrees; 128 128 128 is NaN."""
    vectors = code.astype(np.float32) - 128
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 60, vectors / np.maximum(length, 1), np.nan).astype(np.float32)


def _read(path: Path, flags: int) -> Shaped[np.ndarray, "H W *C"]:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InputError(f"{path}: missing or not a readable image; render the scene again")
    return image
