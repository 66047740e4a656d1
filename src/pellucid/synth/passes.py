"""Blender's EXR passes as truth in our conventions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR
from jaxtyping import Float32, Float64, UInt8

SKY = 1e6  # metres; Blender writes 1e10 where nothing is
CHANNELS = {  # endings of channel names in Blender 4 and 5
    "depth": ("Depth.Z", "Depth.V"),
    "x": ("Normal.X",),
    "y": ("Normal.Y",),
    "z": ("Normal.Z",),
    "instance": ("IndexOB.X", "Object Index.V", "Object Index.X"),
    "material": ("IndexMA.X", "Material Index.V", "Material Index.X"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surfaces:
    """What is first along each pixel's ray: planar depth (metres, sky +inf), normals (camera frame, sky NaN), ids."""

    depth: Float32[np.ndarray, "H W"]
    normals: Float32[np.ndarray, "H W 3"]
    instance: UInt8[np.ndarray, "H W"]
    material: UInt8[np.ndarray, "H W"]


def read_surfaces(path: Path, T_world_camera: Float64[np.ndarray, "4 4"]) -> Surfaces:
    """The surfaces in one multilayer EXR of the geometry pass.

    Normals turn from the world's frame to the camera's here. Where a smoothed normal looks away from the camera at a
    silhouette, it is bent back to face it.
    """
    with OpenEXR.File(str(path), separate_channels=True) as file:
        found = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
    channel = {
        key: next(pixels for name, pixels in found.items() if name.endswith(endings))
        for key, endings in CHANNELS.items()
    }
    depth = channel["depth"].astype(np.float32)
    sky = ~(depth < SKY)
    world = np.stack([channel[axis] for axis in "xyz"], -1).astype(np.float64)
    normals = world @ T_world_camera[:3, :3]
    normals[..., 2] = np.minimum(normals[..., 2], -1e-3)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals = normals / np.maximum(length, 1e-9)
    normals[sky] = np.nan
    return Surfaces(
        depth=np.where(sky, np.float32(np.inf), depth),
        normals=normals.astype(np.float32),
        instance=channel["instance"].round().astype(np.uint8),
        material=channel["material"].round().astype(np.uint8),
    )
