"""Small folders in the exact formats of the public sets: flat walls and floors, whose depth is known in closed form."""

from pathlib import Path

import cv2
import h5py
import numpy as np
from scipy.spatial.transform import Rotation

PLANE, OFFSET = np.array([0.48, -0.36, 0.8]), 2.0  # n . point = d, in the camera's frame, metres
NORTH, FLOOR = 12.0, 1.6  # metres: TartanAir's wall in the north, Virtual KITTI's road below the camera


def rays(K: np.ndarray, H: int, W: int) -> np.ndarray:
    v, u = np.mgrid[:H, :W].astype(np.float64)
    return np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones((H, W))], -1)


def picture(H: int, W: int, shade: int) -> np.ndarray:
    v, u = np.mgrid[:H, :W]
    return np.stack([u % 256, v % 256, np.full((H, W), shade)], -1).astype(np.uint8)


def save_hdf5(path: Path, data: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("dataset", data=data, compression="gzip", compression_opts=1)


def write_hypersim(root: Path, scenes: dict[str, int], H: int = 192, W: int = 256) -> Path:
    """Scenes with so many frames of one camera: the plane, by the length of its rays, with a hole at the top left."""
    focal = 886.81 * W / 1024
    r = rays(np.array([[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]]), H, W)
    distance = OFFSET / (r @ PLANE) * np.linalg.norm(r, axis=-1)
    distance[:8, :8] = np.nan
    normals = np.broadcast_to(-PLANE * [1, -1, -1], (H, W, 3)).copy()  # x right, y up, z backwards
    normals[:, 100:120] *= -1  # turned away
    normals[:, 120:140] *= 3  # not of unit length
    normals[:, 140:150] = 0
    for scene, frames in scenes.items():
        images = root / scene / "images"
        (images / "scene_cam_00_final_preview").mkdir(parents=True)
        for i in range(frames):
            preview = images / "scene_cam_00_final_preview" / f"frame.{i:04d}.tonemap.jpg"
            cv2.imwrite(str(preview), picture(H, W, 40 * i + 40))
            geometry = images / "scene_cam_00_geometry_hdf5"
            save_hdf5(geometry / f"frame.{i:04d}.depth_meters.hdf5", distance.astype(np.float16))
            save_hdf5(geometry / f"frame.{i:04d}.normal_cam.hdf5", normals.astype(np.float16))
    return root


def write_tartanair(root: Path, trajectories: dict[str, int]) -> Path:
    """Trajectories that pass a wall in the north and turn to the right; the sky stands above the horizon's middle."""
    H, W = 480, 640
    r = rays(np.array([[320.0, 0, 320], [0, 320, 240], [0, 0, 1]]), H, W)
    for name, frames in trajectories.items():
        folder = root / name
        (folder / "image_left").mkdir(parents=True)
        (folder / "depth_left").mkdir()
        lines = []
        for t in range(frames):
            where, turn = np.array([0.5 * t, 0.3 * t, -1.0]), Rotation.from_euler("z", 4 * t, degrees=True)
            forward, right, down = turn.apply(np.eye(3))  # of the camera, in the world
            north = r[..., 2] * forward[0] + r[..., 0] * right[0] + r[..., 1] * down[0]
            depth = (NORTH - where[0]) / north
            depth[:60] = 10000
            cv2.imwrite(str(folder / "image_left" / f"{t:06d}_left.png"), picture(H, W, 10 * t + 90))
            np.save(folder / "depth_left" / f"{t:06d}_left_depth.npy", depth.astype(np.float32))
            lines.append(" ".join(f"{x:.8e}" for x in (*where, *turn.as_quat())))
        (folder / "pose_left.txt").write_text("\n".join(lines) + "\n")
    return root


def write_vkitti(root: Path, drives: dict[str, int], *, text: bool = True) -> Path:
    """Drives over a flat road, both cameras, under a sky of 65535; `text` adds the archive of text files."""
    H, W = 375, 1242
    r = rays(np.array([[725.0087, 0, 620.5], [0, 725.0087, 187], [0, 0, 1]]), H, W)
    down = r[..., 1] > 0.03
    depth = np.where(down, FLOOR / np.where(down, r[..., 1], 1), np.inf)
    for name, frames in drives.items():
        variant = root / name
        K, T = ["frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]"], [
            "frame cameraID r1,1 r1,2 r1,3 t1 r2,1 r2,2 r2,3 t2 r3,1 r3,2 r3,3 t3 0 0 0 1"
        ]  # fmt: skip
        for t in range(frames):
            for camera in (0, 1):
                where = np.array([0.532725 * camera, 0.0, 1.5 * t])
                turn = Rotation.from_euler("y", 3 * t, degrees=True).as_matrix()  # camera to world
                T_camera_world = np.eye(4)
                T_camera_world[:3, :3], T_camera_world[:3, 3] = turn.T, -turn.T @ where
                K.append(f"{t} {camera} 725.0087 725.0087 620.5 187")
                T.append(f"{t} {camera} " + " ".join(f"{x:.9f}" for x in T_camera_world.ravel()))
                for kind in ("rgb", "depth"):
                    (variant / "frames" / kind / f"Camera_{camera}").mkdir(parents=True, exist_ok=True)
                rgb = variant / "frames" / "rgb" / f"Camera_{camera}" / f"rgb_{t:05d}.jpg"
                cv2.imwrite(str(rgb), picture(H, W, 20 * t + 60))
                centimetres = np.where(np.isfinite(depth), np.round(depth * 100), 65535).astype(np.uint16)
                cv2.imwrite(str(variant / "frames" / "depth" / f"Camera_{camera}" / f"depth_{t:05d}.png"), centimetres)
        if text:
            (variant / "intrinsic.txt").write_text("\n".join(K) + "\n")
            (variant / "extrinsic.txt").write_text("\n".join(T) + "\n")
    return root
