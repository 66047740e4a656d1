"""A page of a film: four pictures under their titles, a line about the trial, and what the colours of depth mean."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from pellucid.camera import backproject, transform
from pellucid.grasp.hand import Grasp, Hand
from pellucid.grasp.observe import Camera
from pellucid.visualize import colorize_disparity

SIDE = (320, 504)  # of each of the four pictures, rows and columns
BAR, RIM = 30, 6  # pixels: a line of words, and what is between the pictures
HEIGHT = 0.12  # metres above and below the table that have colours of their own: the table itself is pale
PAPER, INK, GOOD, BAD = (24, 26, 30), (240, 240, 240), (52, 140, 70), (176, 52, 44)

Picture = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One of the four pictures."""

    title: str
    picture: Picture
    paper: tuple[int, int, int] = PAPER


def page_size() -> tuple[int, int]:
    """Rows and columns of a page."""
    return 2 * BAR + 2 * (BAR + SIDE[0]) + RIM, 2 * SIDE[1] + RIM


def page(headline: str, panels: tuple[Panel, Panel, Panel, Panel]) -> UInt8[np.ndarray, "h w 3"]:
    """The panels two by two, the headline above, the legend below."""
    (H, W), (height, width) = SIDE, page_size()
    made = np.full((height, width, 3), PAPER, np.uint8)
    made[:BAR] = _words(headline, width, PAPER, 18)
    for k, panel in enumerate(panels):
        top, left = BAR + (k // 2) * (BAR + H + RIM), (k % 2) * (W + RIM)
        made[top : top + BAR, left : left + W] = _words(panel.title, W, panel.paper, 16)
        made[top + BAR : top + BAR + H, left : left + W] = _fitted(panel.picture)
    made[-BAR:] = _legend(width)
    return made


def colored(depth: Float32[np.ndarray, "H W"], camera: Camera) -> Picture:
    """Depth in the colours of the height above the table that it puts a pixel at; black where there is none."""
    known = np.isfinite(depth) & (depth > 0)
    points = transform(backproject(np.where(known, depth, 1).astype(np.float32), camera.K), camera.T_world_camera)
    height = np.where(known, points[..., 2], np.nan).astype(np.float32)
    return colorize_disparity(height[None], -HEIGHT, HEIGHT)[0]


def outlined(picture: Picture, mask: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at a panel's size with a line around the mask, which may be of another size."""
    large = cv2.resize(mask.astype(np.float32), SIDE[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    around, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = np.ascontiguousarray(_fitted(picture))
    for color, thick in (((0, 0, 0), 4), ((255, 214, 64), 2)):
        cv2.drawContours(drawn, around, -1, color, thick, cv2.LINE_AA)
    return drawn


def gripped(picture: Picture, grasp: Grasp, hand: Hand, camera: Camera) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at a panel's size with the hand's outline where it is to close; `camera` is of any size."""
    half, back = grasp.width / 2, -hand.length
    outline = np.array([(0, half), (back, half), (back, -half), (0, -half), (back, 0), (2 * back, 0)])
    points = grasp.position + outline[:, :1] * grasp.rotation[:, 0] + outline[:, 1:] * grasp.rotation[:, 1]
    pose, K = camera.T_world_camera, camera.K
    seen = (points - pose[:3, 3]) @ pose[:3, :3]
    pixels = seen[:, :2] / seen[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]
    pixels = np.rint((pixels + 0.5) * np.array(SIDE[::-1]) / camera.resolution[::-1] - 0.5).astype(int)
    drawn = np.ascontiguousarray(_fitted(picture))
    for color, thick in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        for a, b in ((0, 1), (1, 2), (2, 3), (4, 5)):
            cv2.line(drawn, pixels[a].tolist(), pixels[b].tolist(), color, thick, cv2.LINE_AA)
    return drawn


def _fitted(picture: Picture) -> UInt8[np.ndarray, "h w 3"]:
    if picture.shape[:2] == SIDE:
        return picture
    larger = len(picture) < SIDE[0]
    return cv2.resize(picture, SIDE[::-1], interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)


@lru_cache(maxsize=64)
def _words(words: str, width: int, paper: tuple[int, int, int], size: int) -> UInt8[np.ndarray, "h w 3"]:
    """A line of words on its own paper."""
    bar = Image.new("RGB", (width, BAR), paper)
    ImageDraw.Draw(bar).text((10, BAR // 2), words, fill=INK, font=ImageFont.load_default(size), anchor="lm")
    return np.array(bar)


@lru_cache(maxsize=1)
def _legend(width: int) -> UInt8[np.ndarray, "h w 3"]:
    """What the colours of depth mean."""
    ramp = np.linspace(-HEIGHT, HEIGHT, 220, dtype=np.float32)
    strip = colorize_disparity(np.tile(ramp, (1, 12, 1)), -HEIGHT, HEIGHT)[0]
    most = round(HEIGHT * 1e3)
    said = f"colours of depth: {most} mm under the table (red) to {most} mm above it (blue); black: no depth"
    bar = _words(said, width, PAPER, 14).copy()
    right = width - 10
    bar[BAR // 2 - 6 : BAR // 2 + 6, right - 220 : right] = strip
    return bar
