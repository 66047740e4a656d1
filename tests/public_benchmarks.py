"""Small folders in the exact formats of the sets that are scored: tilted planes, whose depth is known in closed form.

Where a set is long, the files that do not differ are hard links to one.
"""

import json
import os
from pathlib import Path

import cv2
import h5py
import numpy as np
import OpenEXR
from scipy.io import savemat

from pellucid.data.splits import listed
from public_sets import PLANE, picture, rays

OFFSET = 1.0  # metres: PLANE . point = OFFSET, in the world; the cameras start at its origin and come nearer


def plane(K: np.ndarray, H: int, W: int, nearer: float = 0.0) -> np.ndarray:
    """Depth of the plane for a camera that looks along the world's z axis and has moved along it."""
    return (OFFSET - PLANE[2] * nearer) / (rays(K, H, W) @ PLANE)


def camera(H: int, W: int, focal: float) -> np.ndarray:
    return np.array([[focal, 0, W / 2 - 0.5], [0, focal, H / 2 - 0.5], [0, 0, 1]])


def save_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def save_exr(path: Path, **channels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ascontiguousarray(c) for name, c in channels.items()}).write(str(path))


def exr_depth(path: Path, depth: np.ndarray) -> None:
    """Three equal channels of half precision, as OpenCV and the authors' own code write them."""
    depth = depth.astype(np.float16)
    save_exr(path, R=depth, G=depth, B=depth)


def exr_vectors(path: Path, vectors: np.ndarray) -> None:
    save_exr(path, **{name: vectors[..., i].astype(np.float16) for i, name in enumerate("RGB")})


def link(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, path)


def link_tree(source: Path, target: Path) -> None:
    for file in source.rglob("*"):
        if file.is_file():
            link(file, target / file.relative_to(source))


def write_clearpose(root: Path, frames: int = 2, axes: tuple[float, float, float] = (1, -1, -1)) -> Path:
    """The 27 scenes: the plane with a hole at the top left, a glass (5) and a box (70); normals with these axes."""
    H, W = 96, 128
    K = camera(H, W, 120)
    first = root / "set1" / "scene5"
    metadata = {}
    for t in range(frames):
        depth = plane(K, H, W, nearer=0.01 * t)
        depth[:8, :8] = 0
        label = np.zeros((H, W), np.uint8)
        label[40:60, 40:60], label[40:60, 70:90] = 5, 70
        normal = np.round((-PLANE * axes + 1) * 127.5)
        normal = np.broadcast_to(normal, (H, W, 3)).astype(np.uint8).copy()
        normal[:8, :8] = 0
        name = f"{t:06d}"
        save_png(first / f"{name}-color.png", picture(H, W, 40 + t)[..., ::-1])
        save_png(first / f"{name}-depth.png", np.zeros((H, W), np.uint16))
        save_png(first / f"{name}-depth_true.png", np.round(depth * 1000).astype(np.uint16))
        save_png(first / f"{name}-label.png", label)
        save_png(first / f"{name}-normal_true.png", normal[..., ::-1])
        metadata[name] = {
            "cls_indexes": np.array([[5], [70]], np.uint8),
            "camera_intrinsics": K,
            "factor_depth": np.array([[1000]], np.uint16),
            "rotation_translation_matrix": np.column_stack([np.eye(3), [0, 0, 0.01 * t]]),
            "poses": np.zeros((3, 4, 2)),
        }
    savemat(first / "metadata.mat", metadata, do_compression=True)
    from pellucid.data.clearpose import TEST

    for number, scenes in TEST.items():
        for scene in scenes:
            if (number, scene) != (1, 5):
                link_tree(first, root / f"set{number}" / f"scene{scene}")
    return root


META = "3 1 mug 8f2a 0.2 2 1 0 0 0 0.1 0.2 0.9\n4 2 bowl 77c1 0.2 3 1 0 0 0 0.1 0.2 0.9\n7 5 2\n8 5 1\n"
TRANSPARENT, OTHERS = (3, 7), (4, 8, 255)  # the objects of META


def objects(H: int, W: int) -> np.ndarray:
    """A strip of each object of META, on a table of 255."""
    mask = np.full((H, W), 255, np.uint8)
    for i, number in enumerate((*TRANSPARENT, *OTHERS[:2])):
        mask[H // 2 :, i * 8 : i * 8 + 8] = number
    return mask


def write_dreds(root: Path, scenes: dict[str, int]) -> Path:
    """Scenes of so many stills: the plane under an empty row, colour of twice the size."""
    H, W = 90, 160
    K = camera(H, W, W / 2 / np.tan(np.radians(71.28 / 2)))
    depth = plane(K, H, W)
    depth[0] = 6e4  # as far as half precision goes
    normals = np.broadcast_to(-PLANE * [1, -1, -1], (H, W, 3)).copy()
    normals[0] = 0
    for scene, frames in scenes.items():
        for t in range(frames):
            name = root / scene / f"{t:04d}"
            save_png(Path(f"{name}_color.png"), picture(2 * H, 2 * W, 10 + t)[..., ::-1])
            exr_depth(Path(f"{name}_depth_120.exr"), depth.astype(np.float32))
            exr_depth(Path(f"{name}_simDepthImage.exr"), np.zeros((H, W)))
            save_exr(Path(f"{name}_mask.exr"), **dict.fromkeys("RGB", objects(H, W).astype(np.float32) / 255))
            exr_vectors(Path(f"{name}_normal.exr"), normals)
            Path(f"{name}_meta.txt").write_text(META)
    return root


def write_std(root: Path, scenes: list[str], frames: int = 2) -> Path:
    """Videos of the plane, nearer from frame to frame; below 0 and infinite in places; the last called `_depth_0`."""
    H, W = 90, 160
    K = camera(H, W, 150)
    for t in range(frames):
        depth = plane(K, H, W, nearer=0.02 * t).astype(np.float32)
        depth[0, :4], depth[0, 4:8], depth[0, 8:12] = -1, np.inf, np.nan
        name = root / scenes[0] / f"{t:04d}"
        save_png(Path(f"{name}_color.png"), picture(H, W, 30 + t)[..., ::-1])
        exr_depth(Path(f"{name}_{'depth_0' if t == frames - 1 else 'gt_depth'}.exr"), depth)
        exr_depth(Path(f"{name}_depth_415.exr"), np.zeros((H, W)))
        save_png(Path(f"{name}_mask.png"), objects(H, W))
        Path(f"{name}_meta.txt").write_text(META)
    for scene in scenes[1:]:
        link_tree(root / scenes[0], root / scene)
    return root


def write_hiss(root: Path, stills: list[str]) -> Path:
    """Stills of the plane under a row where nothing is, one channel of float32."""
    H, W = 90, 160
    depth = plane(camera(H, W, W / 2 / np.tan(np.radians(71.28 / 2))), H, W).astype(np.float32)
    depth[0] = np.inf
    for name in stills:
        save_png(root / f"{name}_color.png", picture(H, W, 50)[..., ::-1])
        save_exr(root / f"{name}_depth.exr", Y=depth)
    return root


def write_cleargrasp(root: Path, objects: list[str]) -> Path:
    """Synthetic stills, whose depth is made from the length of the rays as the authors' script makes it."""
    H, W = 54, 96
    fov_x, fov_y = 1.2112585306167603, 0.7428327202796936
    K = camera(H, W, W / 2 / np.tan(fov_x / 2))
    length = plane(K, H, W) * np.linalg.norm(rays(K, H, W), axis=-1)
    across = [np.cos(abs(W / 2 - i) * fov_x / W) for i in range(W)]
    down = [np.cos(abs(H / 2 - i) * fov_y / H) for i in range(H)]
    rectified = (length * np.array(down)[:, None] * np.array(across)).astype(np.float32)
    mask = np.zeros((H, W), np.uint8)
    mask[20:30, 20:30] = 255
    about = {"camera": {"field_of_view": {"x_axis_rads": fov_x, "y_axis_rads": fov_y}}}
    for folder in objects:
        for n in (0, 2):
            name = f"{n:09d}"
            save_png(root / folder / "rgb-imgs" / f"{name}-rgb.jpg", picture(H, W, 70))
            file = root / folder / "depth-imgs-rectified" / f"{name}-depth-rectified.exr"
            save_exr(file, R=rectified, G=rectified, B=rectified)
            normals = np.broadcast_to(-PLANE * [1, -1, -1], (H, W, 3))
            exr_vectors(root / folder / "camera-normals" / f"{name}-cameraNormals.exr", normals)
            save_png(root / folder / "segmentation-masks" / f"{name}-segmentation-mask.png", mask)
            (root / folder / "json-files").mkdir(exist_ok=True)
            (root / folder / "json-files" / f"{name}-masks.json").write_text(json.dumps(about))
    return root


def write_cleargrasp_real(root: Path) -> Path:
    """One twin of each camera of real-val and real-test; unknown depth is NaN here and 0 there."""
    H, W = 72, 128
    K = camera(H, W, 92.1)
    for folder, unknown in (("real-val/d435", np.nan), ("real-val/d415", 0), ("real-test/d435", np.nan)):
        home = root / folder
        depth = plane(K, H, W)
        depth[:4] = unknown
        normals = np.broadcast_to(-PLANE * [1, -1, -1], (H, W, 3)).copy()
        normals[:6] = -1
        mask = np.zeros((H, W, 3), np.uint8)
        mask[30:40, 30:40] = 255
        save_png(home / "000000007-transparent-rgb-img.jpg", picture(H, W, 90))
        save_png(home / "000000007-opaque-rgb-img.jpg", picture(H, W, 91))
        save_png(home / "000000007-mask.png", mask)
        exr_depth(home / "000000007-opaque-depth-img.exr", depth)
        exr_depth(home / "000000007-transparent-depth-img.exr", depth * 0)
        exr_vectors(home / "000000007-normals.exr", normals)
        (home / "camera_intrinsics.yaml").write_text(
            f"# Camera\ncamera_name: 'D435'\nxres: {W}\nfx: 92.1\nfy: 92.1\ncx: {K[0, 2]}\ncy: {K[1, 2]}\n"
        )
    return root


KITTI_K = np.array([[721.5377, 0, 609.5593], [0, 721.5377, 172.854], [0, 0, 1]])


def write_kitti(root: Path, drives: dict[str, list[int]], part: str = "val", rgb: str = "", depth: str = "") -> Path:
    """Drives over the plane with these annotated frames; sparse as a lidar's depth; pictures five frames longer."""
    H, W = 375, 1242
    z = 10 * plane(KITTI_K, H, W)
    code = np.where(np.indices((H, W)).sum(0) % 3 == 0, np.round(z * 256), 0).astype(np.uint16)
    picture_file, depth_file = root / "picture.png", root / "depth.png"
    save_png(picture_file, picture(H, W, 100)[..., ::-1])
    save_png(depth_file, code)
    for drive, frames in drives.items():
        home = root / rgb / drive[:10]
        for n in frames:
            link(depth_file, root / depth / part / drive / "proj_depth/groundtruth/image_02" / f"{n:010d}.png")
            link(picture_file, home / drive / "image_02" / "data" / f"{n:010d}.png")
        link(picture_file, home / drive / "image_02" / "data" / f"{max(frames) + 5:010d}.png")
        P = np.column_stack([KITTI_K, [44.9, 0.2, 0.003]]).ravel()
        (home / "calib_cam_to_cam.txt").write_text(
            "calib_time: 09-Jan-2012 13:57:47\nP_rect_00: 1 0 0 0 0 1 0 0 0 0 1 0\n"
            f"P_rect_02: {' '.join(f'{x:.6e}' for x in P)}\n"
        )
    picture_file.unlink()
    depth_file.unlink()
    return root


def write_scannet(root: Path, scans: list[str], frames: int = 12) -> Path:
    """Scans of the plane, colour of twice the size; frame 3 was not tracked."""
    H, W = 48, 64
    K = camera(H, W, 60)
    first = root / scans[0]
    for t in range(frames):
        depth = plane(K, H, W, nearer=0.01 * t)
        depth[:2, :2] = 0
        save_png(first / "color" / f"{t}.jpg", picture(2 * H, 2 * W, 20 * t)[..., ::-1])
        save_png(first / "depth" / f"{t}.png", np.round(depth * 1000).astype(np.uint16))
        T = np.eye(4)
        T[2, 3] = 0.01 * t
        (first / "pose").mkdir(exist_ok=True)
        np.savetxt(first / "pose" / f"{t}.txt", np.full((4, 4), -np.inf) if t == 3 else T)
    (first / "intrinsic").mkdir()
    np.savetxt(first / "intrinsic" / "intrinsic_depth.txt", np.block([[K, np.zeros((3, 1))], [np.zeros((1, 3)), 1]]))
    for scan in scans[1:]:
        link_tree(first, root / scan)
    return root


def write_scannet_stills(root: Path) -> Path:
    """The 800 pictures that Marigold draws from the validation scans."""
    depth = np.full((48, 64), 2500, np.uint16)
    depth[:10] = 0
    save_png(root / "a.jpg", picture(96, 128, 7)[..., ::-1])
    save_png(root / "a.png", depth)
    for scene, number in listed("scannet"):
        link(root / "a.jpg", root / scene / "color" / f"{number:06d}.jpg")
        link(root / "a.png", root / scene / "depth" / f"{number:06d}.png")
    for file in root.glob("a.*"):
        file.unlink()
    return root


def write_bonn(root: Path, names: list[str], frames: int = 40) -> Path:
    """Sequences at 30 Hz whose depth has a clock of its own: 12 ms late, none for frame 5, one more between 8 and 9.

    The depth of a picture has as many steps as its frame has, so that a pair tells whether it is one.
    """
    first = root / f"rgbd_bonn_{names[0]}"
    start = 1548266469.0
    for t in range(frames):
        seconds = start + t / 30
        save_png(first / "rgb" / f"{seconds:.5f}.png", np.full((24, 32, 3), t, np.uint8))
        if t != 5:
            save_png(first / "depth" / f"{seconds + 0.012:.5f}.png", np.full((24, 32), 5000 + 50 * t, np.uint16))
        if t == 8:
            save_png(first / "depth" / f"{seconds - 0.0166:.5f}.png", np.full((24, 32), 1, np.uint16))
    for name in names[1:]:
        link_tree(first, root / f"rgbd_bonn_{name}")
    return root


def write_nyuv2(root: Path, filled: dict[int, float]) -> Path:
    """The labelled file, with these pictures (counted from 1) in it and nothing in the others, and the splits."""
    root.mkdir(parents=True)
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        options = {"chunks": (1, 640, 480), "compression": "gzip", "compression_opts": 1}
        file.create_dataset("images", (1449, 3, 640, 480), "u1", chunks=(1, 3, 640, 480), compression="gzip")
        for name in ("depths", "rawDepths"):
            file.create_dataset(name, (1449, 640, 480), "f4", **options)
        for number, metres in filled.items():
            depth = np.full((480, 640), metres, np.float32)
            file["depths"][number - 1] = depth.T
            depth[:100] = 0
            file["rawDepths"][number - 1] = depth.T
            file["images"][number - 1] = picture(480, 640, number % 256).transpose(2, 1, 0)
    test = np.arange(1, 1450)[np.arange(1449) % 20 < 9][:654]
    train = np.setdiff1d(np.arange(1, 1450), test)
    savemat(root / "splits.mat", {"testNdxs": test[:, None].astype(np.uint16), "trainNdxs": train[:, None]})
    return root


def write_nyuv2_pngs(root: Path) -> Path:
    """The same 654 pictures as Marigold ships them; the depth with painted holes is another."""
    depth = np.full((48, 64), 2500, np.uint16)
    depth[:10] = 0
    pictures = {"rgb": picture(48, 64, 7)[..., ::-1], "depth": depth, "filled": np.full((48, 64), 9999, np.uint16)}
    for stem, content in pictures.items():
        save_png(root / f"{stem}.png", content)
        for scene, number in listed("nyuv2"):
            link(root / f"{stem}.png", root / "test" / scene / f"{stem}_{number:04d}.png")
        (root / f"{stem}.png").unlink()
    return root


def write_diode(root: Path) -> Path:
    """The 771 pictures, smaller than they are: the plane, not valid on the left, normals in OpenGL's axes."""
    from pellucid.data.diode import K

    H, W = 96, 128
    depth = plane(K, H, W).astype(np.float32)
    valid = np.ones((H, W), np.float32)
    valid[:, :10] = 0
    normals = np.broadcast_to(-PLANE * [1, -1, -1], (H, W, 3)).astype(np.float16).copy()
    normals[:5] = 0
    root.mkdir(parents=True)
    save_png(root / "a.png", picture(H, W, 60)[..., ::-1])
    for name, array in (("depth", depth[..., None]), ("depth_mask", valid), ("normal", normals)):
        np.save(root / f"a_{name}.npy", array)
    for scan, angles in listed("diode"):
        kind, scene, number = scan.split("/")
        name = f"{scene[-5:]}_{number[-5:]}_{kind}_{angles // 1000:03d}_{angles % 1000:03d}"
        for ending in (".png", "_depth.npy", "_depth_mask.npy", "_normal.npy"):
            link(root / f"a{ending}", root / scan / f"{name}{ending}")
    for file in root.glob("a*"):
        file.unlink()
    return root


SINTEL_K = np.array([[1120.0, 0, 511.5], [0, 1120, 217.5], [0, 0, 1]])


def write_sintel(root: Path) -> Path:
    """The 1064 frames: of alley_1 first the plane, then nearer, under a sky of 1e10; all others are its second."""
    from pellucid.data.sintel import FEWER, SCENES

    H, W = 436, 1024
    tag = np.float32(202021.25).tobytes()
    for t in range(2):
        depth = plane(SINTEL_K, H, W, nearer=0.05 * t).astype("<f4")
        depth[:20] = 1e10
        T_camera_world = np.column_stack([np.eye(3), [0, 0, -0.05 * t]])
        name = f"alley_1/frame_{t + 1:04d}"
        for folder in ("final", "clean"):
            save_png(
                root / "training" / folder / f"{name}.png",
                picture(H, W, (20 if folder == "final" else 50) + t)[..., ::-1],
            )
        for folder, ending, content in (
            ("depth", "dpt", np.array([W, H], "<i4").tobytes() + depth.tobytes()),
            ("camdata_left", "cam", SINTEL_K.tobytes() + T_camera_world.tobytes()),
        ):
            file = root / "training" / folder / f"{name}.{ending}"
            file.parent.mkdir(parents=True) if t == 0 else None
            file.write_bytes(tag + content)
    for scene in SCENES:
        for t in range(FEWER.get(scene, 50)):
            for folder, ending in (("final", "png"), ("clean", "png"), ("depth", "dpt"), ("camdata_left", "cam")):
                file = root / "training" / folder / scene / f"frame_{t + 1:04d}.{ending}"
                if not file.exists():
                    link(root / "training" / folder / f"alley_1/frame_0002.{ending}", file)
    return root


def write_eth3d(root: Path, marigold: bool = False) -> Path:
    """The 454 pictures, smaller than they are; the truth is no JPEG but numbers, infinite at the top."""
    H, W = 120, 180
    depth = 5 * plane(camera(H, W, 120), H, W).astype("<f4")
    depth[:10] = np.inf
    save_png(root / "a.jpg", picture(H, W, 60))
    (root / "a.raw").write_bytes(depth.tobytes())
    for scene, n in listed("eth3d"):
        rgb, truth = (root / "rgb", root / "depth" / f"{scene}_dslr_depth") if marigold else (root, root)
        link(root / "a.jpg", rgb / scene / "images/dslr_images" / f"DSC_{n:04d}.JPG")
        link(root / "a.raw", truth / scene / "ground_truth_depth/dslr_images" / f"DSC_{n:04d}.JPG")
    (root / "a.jpg").unlink()
    (root / "a.raw").unlink()
    return root


def write_rgbd(root: Path) -> Path:
    """Two frames of a depth camera, one with its matrix."""
    K = camera(48, 64, 60)
    depth = np.round(plane(K, 48, 64) * 1000).astype(np.uint16)
    depth[:2] = 0
    save_png(root / "cup_rgb.png", picture(48, 64, 3)[..., ::-1])
    save_png(root / "cup_depth.png", depth)
    np.savetxt(root / "cup_K.txt", K)
    save_png(root / "more" / "1_rgb.jpg", picture(96, 128, 4))
    save_png(root / "more" / "1_raw_depth.png", depth)
    return root
