"""One rendered frame and its truth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the camera saw and what is there, at one pixel grid; the sky has depth +inf and normal NaN.

    `depth` and `normals` are of the first surface, glass included; the `_behind` ones of what lies behind everything
    transparent. Depth is planar z, metres; normals are unit vectors in the camera frame, z < 0.
    """

    index: int  # of the camera path, from 0
    rgb: UInt8[np.ndarray, "H W 3"]
    depth: Float32[np.ndarray, "H W"]
    normals: Float32[np.ndarray, "H W 3"]
    instance: UInt8[np.ndarray, "H W"]  # 0 sky, 1 to 99 dropped objects, 100 and more what stays
    material: UInt8[np.ndarray, "H W"]  # a value of spec.MATERIAL_IDS
    transparent: Bool[np.ndarray, "H W"]
    depth_behind: Float32[np.ndarray, "H W"]
    normals_behind: Float32[np.ndarray, "H W 3"]
    K: Float64[np.ndarray, "3 3"]
    T_world_camera: Float64[np.ndarray, "4 4"]
