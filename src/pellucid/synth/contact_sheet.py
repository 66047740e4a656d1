"""A page of scenes to look at: colour, depth, normals and masks side by side."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from pellucid.clip import InputError
from pellucid.store import CHECKSUMS, SceneFrame, atomic, load_scene_frame, read_json
from pellucid.visualize import colorize_disparity, colorize_normals

SHEET = "contact_sheet.png"
WIDTH = 240  # pixels of one picture
GAP = 4
ACROSS = 2  # scenes in a row


def save_contact_sheet(root: Path, count: int = 16) -> Path:
    """Writes `root`/contact_sheet.png: one frame of each of up to `count` scenes, evenly taken; its path.

    Raises InputError when there is no scene, or one cannot be read.
    """
    scenes = [path.parent for path in sorted(root.glob(f"s[0-9]*/{CHECKSUMS}"))]
    if not scenes:
        raise InputError(f"{root}: holds no finished scene to show; render some first, with --scenes N")
    chosen = [
        scenes[i] for i in np.unique(np.linspace(0, len(scenes) - 1, min(count, len(scenes))).round().astype(int))
    ]
    rows = [_row(load_scene_frame(path, read_json(path / "camera.json")["frames"] // 2)) for path in chosen]
    height = max(row.shape[0] for row in rows)
    rows = [np.pad(row, ((0, height - len(row) + GAP), (0, GAP), (0, 0)), constant_values=255) for row in rows]
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % min(ACROSS, len(rows)))
    across = min(ACROSS, len(rows))
    page = np.concatenate([np.concatenate(rows[i : i + across], 1) for i in range(0, len(rows), across)])
    _, png = cv2.imencode(".png", page[:-GAP, :-GAP, ::-1])
    with atomic(root / SHEET) as temporary:
        temporary.write_bytes(png.tobytes())
    return root / SHEET


def _row(frame: SceneFrame) -> UInt8[np.ndarray, "h w 3"]:
    """One scene's pictures."""
    pictures = [
        frame.rgb,
        colorize_depth(frame),
        colorize_normals(frame.normals[None])[0],
        colorize_masks(frame),
    ]
    height = max(1, round(frame.rgb.shape[0] * WIDTH / frame.rgb.shape[1]))
    small = [cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.concatenate(
        [np.pad(picture, ((0, 0), (0, GAP // 2), (0, 0)), constant_values=255) for picture in small], 1
    )


def colorize_depth(frame: SceneFrame) -> UInt8[np.ndarray, "H W 3"]:
    """Disparity of the first surface in the package's colours, over the range of this frame."""
    disparity = 1 / frame.depth  # of the sky 0
    known = disparity[np.isfinite(frame.depth)]
    low, high = np.percentile(known, [1, 99]) if known.size else (0.0, 1.0)
    return colorize_disparity(disparity[None], float(low), float(high))[0]


def colorize_masks(frame: SceneFrame) -> UInt8[np.ndarray, "H W 3"]:
    """Each instance in a colour of its own: what is dropped bright, what stays grey, what is transparent striped."""
    number = frame.instance.astype(np.float32)
    hue = (number * 67) % 180  # far apart for neighbours
    dropped = (frame.instance > 0) & (frame.instance < 100)
    value = np.where(dropped, 230, np.where(frame.instance == 0, 255, 70 + (number * 37) % 90))
    hsv = np.stack([hue, np.where(dropped, 170, 0), value], -1).astype(np.uint8)
    rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    rows, columns = np.indices(frame.instance.shape)
    stripe = max(4, frame.instance.shape[1] // 60)
    rgb[frame.transparent & ((rows + columns) % stripe < stripe // 2)] = 255
    return rgb
