"""Decals: flat prints laid on the planes of a clip, which change what is seen and not its depth."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from pellucid.camera import backproject
from pellucid.clip import Clip

MOST = 3  # in a clip
TRIES = 6  # places looked at for one
TEXELS = 96  # sides of a page
FLAT = 0.003  # root mean square distance from its plane that a place may have, of its depth
NEAR = 0.012  # distance from the plane at which a pixel is still of it, of its depth
LEAST = 0.04  # share of the picture that a plane must have


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A rectangle on a plane of the world."""

    centre: Float[np.ndarray, "3"]
    sides: Float[np.ndarray, "2 3"]  # from the centre to the middle of two edges
    normal: Float[np.ndarray, "3"]


def with_decals(clip: Clip, rng: np.random.Generator) -> Clip:
    """The clip with one to three rectangles printed on planes of its first frame, as mats and pages lie on a table.

    Each stays where it is in the world through all frames, is hidden by what stands before its plane, shows through
    what is transparent, and keeps the light and shadow of the surface. The clip needs K, and poses if it has several
    frames. Where no plane is found, or depth or K is missing, it is returned as it is.
    """
    if clip.depth is None or clip.K is None or (clip.T_world_camera is None and len(clip.rgb) > 1):
        return clip
    poses = np.eye(4)[None] if clip.T_world_camera is None else np.asarray(clip.T_world_camera, np.float64)
    glass = np.zeros(clip.depth.shape, bool) if clip.transparent is None else clip.transparent
    rays = backproject(np.ones(clip.depth.shape[1:]), clip.K)  # the pixels' points at depth 1
    rgb = clip.rgb
    for _ in range(int(rng.integers(1, MOST + 1))):
        place = _place(np.where(glass[0], np.nan, clip.depth[0]), rays, poses[0], rng)
        if place is not None:
            page, strength = _page(rng), rng.uniform(0.7, 1)
            views = zip(rgb, clip.depth, glass, poses, strict=True)
            rgb = np.stack([_printed(f, d, g, rays, pose, place, page, strength) for f, d, g, pose in views])
    return replace(clip, rgb=rgb)


def _place(
    depth: Float[np.ndarray, "H W"], rays: Float[np.ndarray, "H W 3"], pose: Float[np.ndarray, "4 4"],
    rng: np.random.Generator,
) -> _Place | None:  # fmt: skip
    """A rectangle somewhere on a plane that fills a good part of the frame, in the world; None if none is found."""
    height, width = depth.shape
    radius = max(3, width // 40)
    points = np.where(np.isfinite(depth), depth, np.nan)[..., None] * rays
    for _ in range(TRIES):
        y, x = int(rng.integers(radius, height - radius)), int(rng.integers(radius, width - radius))
        patch = points[y - radius : y + radius + 1, x - radius : x + radius + 1].reshape(-1, 3)
        if not np.isfinite(patch).all():
            continue
        middle = patch.mean(0)
        _, spread, axes = np.linalg.svd(patch - middle, full_matrices=False)
        normal = axes[2]
        if spread[2] / len(patch) ** 0.5 > FLAT * middle[2] or abs(normal @ middle) < 0.1 * np.linalg.norm(middle):
            continue
        own = np.abs((points - middle) @ normal) < NEAR * middle[2]  # what is not finite compares false
        if own.mean() < LEAST:
            continue
        flat = (points[own] - middle) @ axes[:2].T
        reach = np.quantile(flat, 0.9, axis=0) - np.quantile(flat, 0.1, axis=0)
        angle, size = rng.uniform(0, 2 * np.pi), np.sqrt(reach.prod()) * rng.uniform(0.08, 0.5) + 1e-6
        aspect = np.exp(rng.uniform(-0.7, 0.7))
        c, s = np.cos(angle), np.sin(angle)
        along = np.array([[c, s], [-s, c]]) @ axes[:2]
        centre = middle + flat[int(rng.integers(len(flat)))] @ axes[:2]
        turn, moved = pose[:3, :3], pose[:3, 3]
        return _Place(
            centre=turn @ centre + moved, normal=turn @ normal,
            sides=along @ turn.T * (size * np.array([aspect, 1 / aspect]))[:, None],
        )  # fmt: skip
    return None


def _printed(
    frame: UInt8[np.ndarray, "H W 3"], depth: Float[np.ndarray, "H W"], glass: Bool[np.ndarray, "H W"],
    rays: Float[np.ndarray, "H W 3"], pose: Float[np.ndarray, "4 4"], place: _Place,
    page: UInt8[np.ndarray, "h w 3"], strength: float,
) -> UInt8[np.ndarray, "H W 3"]:  # fmt: skip
    """A frame with the page where its rectangle is seen."""
    turn = pose[:3, :3]  # from the camera to the world
    centre, normal, sides = (place.centre - pose[:3, 3]) @ turn, place.normal @ turn, place.sides @ turn
    slope = rays @ normal
    plane = (centre @ normal) / np.where(np.abs(slope) < 1e-6, 1e-6, slope)  # depth at which a ray meets it
    with np.errstate(invalid="ignore"):
        seen = np.where(glass, plane > depth, np.abs(depth - plane) * np.abs(slope) < NEAR * plane) & (plane > 0)
    at = (plane[..., None] * rays - centre) @ sides.T / (sides**2).sum(1)  # -1 to 1 inside
    footprint = np.maximum(np.abs(np.stack(np.gradient(at, axis=(0, 1)))).max(0), 1e-6)  # of a pixel
    cover = (seen[..., None] * np.clip((1 - np.abs(at)) / footprint + 0.5, 0, 1)).prod(-1)
    if cover.sum() < 1:
        return frame
    texels = min(float(np.median(footprint[cover > 0])), 1.0) * TEXELS / 2  # of the page in a pixel
    smooth = cv2.GaussianBlur(page, (0, 0), texels / 2) if texels > 1 else page
    place_on_page = ((np.clip(at, -1.5, 1.5) + 1) / 2 * TEXELS - 0.5).astype(np.float32)
    colour = cv2.remap(
        smooth, place_on_page[..., 0], place_on_page[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    grey = frame.astype(np.float32).mean(-1)
    light = np.clip(grey / max(float(np.average(grey, weights=cover)), 1.0), 0.3, 2.5)
    cover = (cover * np.where(glass, 0.7, 1.0) * strength)[..., None]
    mixed = frame * (1 - cover) + np.clip(colour * light[..., None], 0, 255) * cover
    return (mixed + 0.5).astype(np.uint8)


def _page(rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Paper or cloth of one colour; on most of them a border, lines of writing, fields, stripes or spots."""
    page = np.empty((TEXELS, TEXELS, 3), np.uint8)
    page[:] = _colour(rng)
    kind = rng.choice(["plain", "border", "writing", "fields", "stripes", "spots"], p=[0.35, 0.1, 0.2, 0.15, 0.1, 0.1])
    ink = _colour(rng)
    if kind == "border":
        cv2.rectangle(page, (0, 0), (TEXELS - 1, TEXELS - 1), ink, int(rng.integers(4, 24)))
    elif kind == "writing":
        step = int(rng.integers(5, 12))
        for y in range(step, TEXELS - step, step):
            x = step
            while x < TEXELS - step:
                word = int(rng.integers(3, 14))
                cv2.line(page, (x, y), (min(x + word, TEXELS - step), y), ink, max(1, step // 4))
                x += word + 3
    elif kind == "fields":
        count = int(rng.integers(2, 9))
        fields = rng.integers(0, 2, (count, count)).astype(bool)
        fields = cv2.resize(fields.astype(np.uint8), (TEXELS, TEXELS), interpolation=cv2.INTER_NEAREST) > 0
        page[fields] = ink
    elif kind == "stripes":
        period = int(rng.integers(6, 40))
        page[np.arange(TEXELS) % period < period // 2] = ink
    elif kind == "spots":
        for _ in range(int(rng.integers(2, 20))):
            x, y = rng.integers(0, TEXELS, 2).tolist()
            cv2.circle(page, (x, y), int(rng.integers(2, 20)), _colour(rng), -1)
    return page


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Black and white more often than colours in between."""
    value = float(rng.choice([rng.uniform(8, 50), rng.uniform(190, 250), rng.uniform(20, 240)]))
    tint = 1 + rng.uniform(-1, 1, 3) * rng.choice([0.06, 0.6])
    red, green, blue = np.clip(value * tint, 0, 255).astype(int).tolist()
    return red, green, blue
