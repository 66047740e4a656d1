"""Hypersim's stills as its authors ship them (arXiv:2011.02523; the layout and formulas of apple/ml-hypersim).

A scene is a folder `ai_VVV_NNN`. Beside each other in its `images` lie, for every camera,

- `scene_cam_XX_final_preview/frame.IIII.tonemap.jpg`, or else `scene_cam_XX_final_hdf5/frame.IIII.color.hdf5`, light
  that is tone-mapped here as the authors do it, with `frame.IIII.render_entity_id.hdf5` of the next folder;
- `scene_cam_XX_geometry_hdf5/frame.IIII.depth_meters.hdf5`: metres along the ray, not planar z; NaN where there is
  nothing;
- `scene_cam_XX_geometry_hdf5/frame.IIII.normal_cam.hdf5` (optional): normals in a frame with x right, y up, z
  backwards, some of them turned away, not of unit length or zero (ml-hypersim issue 26).

Every camera is taken to be the standard one, 60 degrees wide, also in the few scenes whose lens is shifted: so do the
released DVD and Marigold loaders. The frames are far apart, so each is a sequence of its own.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from pellucid.camera import backproject, intrinsics_from_fov
from pellucid.clip import Clip
from pellucid.data.frames import missing, read_rgb, stable_seed
from pellucid.data.hdf5 import h5py, read_hdf5
from pellucid.data.sequences import Sequence, Split, split_of

FOV = 60.0  # degrees; at 1024 pixels a focal length of 886.81
SPLIT_FILE = "metadata_images_split_scene_v1.csv"
PARTITIONS = {"train": "train", "val": "held-out", "test": "acceptance"}
DEPTH, NORMALS = ".depth_meters.hdf5", ".normal_cam.hdf5"


def find(root: Path, split: Split) -> list[Sequence]:
    """The stills of a split in a fixed order, one sequence each.

    The authors' split decides when its file lies in the root (val is held out; frames it does not list or that were
    not released are left out); without it, scenes whose last number is 1 modulo 7 are held out and none is kept for
    acceptance. Raises InputError naming the first file that is missing.
    """
    h5py()
    partition = _partition(root / SPLIT_FILE)
    found = []
    for scene in sorted(root.glob("ai_*_*")):
        cameras = {f.name.split("_final_")[0].split("_geometry_")[0] for f in scene.glob("images/scene_*_*_*")}
        frames = {camera: _frames(scene / "images", camera) for camera in sorted(cameras)}
        if not any(frames.values()):
            raise missing(scene / "images" / "scene_cam_00_final_preview" / "frame.0000.tonemap.jpg")
        for camera in frames:
            folder = scene / "images" / f"{camera}_geometry_hdf5"
            for frame in frames[camera]:
                key = (scene.name, camera.removeprefix("scene_"), int(frame.split(".")[1]))
                if partition is not None:
                    belongs = partition.get(key)
                else:
                    belongs = "held-out" if split_of(int(scene.name.split("_")[-1])) == "held-out" else "train"
                if belongs is not None and split in ("all", belongs):
                    label = f"hypersim_{scene.name}_{key[1]}_{key[2]:04d}"
                    found.append(Sequence(folder / f"{frame}{DEPTH}", 1, stable_seed(label), "hypersim", label))
    return found


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The still as a clip of one frame, with planar z, K and, where the file is there, normals.

    Raises InputError when a file is missing or cannot be read.
    """
    assert (start, stop) in ((0, None), (0, 1))
    folder, frame = sequence.path.parent, sequence.path.name.removesuffix(DEPTH)
    rgb = _colours(folder, frame)
    K = intrinsics_from_fov(FOV, *rgb.shape[:2])
    depth = planar_z(read_hdf5(sequence.path).astype(np.float32), K)
    normals = folder / f"{frame}{NORMALS}"
    return Clip(
        name=sequence.name,
        rgb=rgb[None],
        K=K,
        depth=depth[None],
        normals=facing_normals(read_hdf5(normals).astype(np.float32), K)[None] if normals.is_file() else None,
    )


def planar_z(distance: Float[np.ndarray, "H W"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W"]:
    """Planar z of what lies so far away along each pixel's ray, in the same unit; NaN where that is unknown."""
    rays = backproject(np.ones(distance.shape), K)
    z = distance / np.linalg.norm(rays, axis=-1)
    return np.where(np.isfinite(distance) & (distance > 0), z, np.nan).astype(np.float32)


def facing_normals(normals: Float[np.ndarray, "H W 3"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    """Unit normals in OpenCV's frame that face the camera, from the set's; NaN where there is none with z < 0."""
    n = normals * np.array([1, -1, -1], np.float32)
    rays = backproject(np.ones(n.shape[:2]), K)
    away = (n * rays).sum(-1, keepdims=True) > 0
    length = np.linalg.norm(n, axis=-1, keepdims=True)
    n = np.where(away, -n, n) / np.where(length > 0, length, np.nan)
    return np.where(n[..., 2:] < 0, n, np.nan).astype(np.float32)


def tonemap(light: Float[np.ndarray, "H W 3"], valid: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """The picture of linear light: the 90th percentile of valid pixels' brightness becomes 0.8, then gamma 2.2.

    The authors' operator (scene_generate_images_tonemap.py), which made the preview pictures.
    """
    brightness = light @ np.array([0.3, 0.59, 0.11], np.float32)
    bright = np.percentile(brightness[valid], 90) if valid.any() else 0.8**2.2
    scale = 0.0 if bright < 1e-4 else 0.8**2.2 / bright
    return (np.clip(np.maximum(scale * light, 0) ** (1 / 2.2), 0, 1) * 255 + 0.5).astype(np.uint8)


def _frames(images: Path, camera: str) -> list[str]:
    """The names `frame.IIII` of one camera. Raises InputError when a picture lacks its depth or depth its picture."""
    preview, light, geometry = (images / f"{camera}_{x}" for x in ("final_preview", "final_hdf5", "geometry_hdf5"))
    pictures = {f.name.removesuffix(".tonemap.jpg") for f in preview.glob("frame.*.tonemap.jpg")}
    pictures |= {f.name.removesuffix(".color.hdf5") for f in light.glob("frame.*.color.hdf5")}
    depths = {f.name.removesuffix(DEPTH) for f in geometry.glob(f"frame.*{DEPTH}")}
    for frame in sorted(pictures ^ depths):
        raise missing(geometry / f"{frame}{DEPTH}" if frame in pictures else preview / f"{frame}.tonemap.jpg")
    return sorted(pictures)


def _colours(geometry: Path, frame: str) -> UInt8[np.ndarray, "H W 3"]:
    camera = geometry.name.removesuffix("_geometry_hdf5")
    preview = geometry.parent / f"{camera}_final_preview" / f"{frame}.tonemap.jpg"
    if preview.is_file():
        return read_rgb(preview)
    light = read_hdf5(geometry.parent / f"{camera}_final_hdf5" / f"{frame}.color.hdf5").astype(np.float32)
    return tonemap(light, read_hdf5(geometry / f"{frame}.render_entity_id.hdf5") != -1)


@cache
def _partition(path: Path) -> dict[tuple[str, str, int], str] | None:
    """Where the authors' split puts each released frame; None without its file."""
    if not path.is_file():
        return None
    with path.open(newline="") as file:
        return {
            (row["scene_name"], row["camera_name"], int(row["frame_id"])): PARTITIONS[row["split_partition_name"]]
            for row in csv.DictReader(file)
            if row["included_in_public_release"] == "True"
        }
