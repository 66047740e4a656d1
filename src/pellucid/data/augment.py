"""Strong augmentation of a rendered clip: one camera and one photograph-like look for all its frames."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from pellucid.clip import Clip
from pellucid.data.decals import with_decals


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges to draw from; all zero (and zoom 1) leaves only the resize to the training size."""

    zoom: float = 2.0  # crop down to 1/zoom of the frame
    roll: float = 12.0  # degrees
    quarters: float = 0.0  # share of clips turned by one, two or three quarters of a turn
    stretch: float = 0.1  # relative change of aspect
    flip: bool = True
    exposure: float = 0.5  # stops
    contrast: float = 0.35
    saturation: float = 0.6
    white_balance: float = 0.2
    hue: float = 20.0  # degrees
    blur: float = 1.2  # pixels
    defocus: float = 0.0  # pixels of the output, the largest radius of a blur that grows with the distance from focus
    decals: float = 0.0  # share of clips with flat prints on their planes
    shading: float = 0.0  # stops, by how much light that falls unevenly lifts or lowers parts of the picture
    tone: float = 0.0  # stops, up to which half of the clips are exposed for more, or for half as many less
    noise: float = 0.04
    jpeg: int = 40  # lowest quality


GAMMA = 2.2  # what a display makes of a picture's values
NONE = Augmentation(1, 0, 0, 0, False, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100)


def camera_matrix(size: tuple[int, int], out: tuple[int, int], a: Augmentation, rng: np.random.Generator) -> tuple:
    """Output pixel -> input pixel affine map [2,3], with the flip and the roll (radians) that it contains."""
    (H, W), (h, w) = size, out
    quarters = int(rng.integers(1, 4)) if a.quarters and rng.random() < a.quarters else 0
    fit = min(H / w, W / h) if quarters % 2 else min(H / h, W / w)
    scale = fit / rng.uniform(1, a.zoom)
    stretch = np.exp(rng.uniform(-a.stretch, a.stretch))
    roll = np.radians(rng.uniform(-a.roll, a.roll) + 90 * quarters)
    flip = -1.0 if a.flip and rng.random() < 0.5 else 1.0
    c, s = np.cos(roll), np.sin(roll)
    linear = np.array([[c, -s], [s, c]]) @ np.diag([flip * scale * stretch, scale / stretch])
    reach = np.abs(linear) @ np.array([w / 2, h / 2])
    slack = np.maximum(np.array([W / 2, H / 2]) - reach, 0)
    centre = np.array([W / 2, H / 2]) + rng.uniform(-1, 1, 2) * slack
    offset = centre - linear @ np.array([w / 2, h / 2])
    # pixel centres lie at integer + 0.5
    offset = offset + linear @ np.array([0.5, 0.5]) - 0.5
    return np.column_stack([linear, offset]), flip, roll


def warp(image: np.ndarray, M: np.ndarray, out: tuple[int, int], interpolation: int) -> np.ndarray:
    flags = interpolation | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, M, (out[1], out[0]), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def look(rgb: UInt8[np.ndarray, "T H W 3"], a: Augmentation, rng: np.random.Generator) -> UInt8[np.ndarray, "T H W 3"]:
    x = rgb.astype(np.float32) / 255
    x = x ** np.exp(rng.normal(0, a.contrast / 2))
    x = x * 2 ** rng.uniform(-a.exposure, a.exposure) * np.exp(rng.uniform(-1, 1, 3) * a.white_balance)
    grey = x.mean(-1, keepdims=True)
    x = grey + (x - grey) * np.exp(rng.uniform(-a.saturation, a.saturation))
    angle = np.radians(rng.uniform(-a.hue, a.hue))
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    x = x @ (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).T.astype(np.float32)
    mean = x.mean()
    x = (x - mean) * np.exp(rng.uniform(-a.contrast, a.contrast)) + mean
    sigma, noise, quality = rng.uniform(0, a.blur), rng.uniform(0, a.noise), int(rng.integers(a.jpeg, 101))
    frames = []
    for frame in x.astype(np.float32):
        if sigma > 0.3:
            frame = cv2.GaussianBlur(frame, (0, 0), sigma)
        if noise > 0:
            frame = frame + rng.standard_normal(frame.shape, dtype=np.float32) * np.float32(noise)
        byte = (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)
        if quality < 100:
            byte = cv2.imdecode(cv2.imencode(".jpg", byte, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        frames.append(byte)
    return np.stack(frames)


def shade(rgb: UInt8[np.ndarray, "T H W 3"], stops: float, rng: np.random.Generator) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip under light that falls unevenly, the same in all frames: a slope in any direction and a few patches.

    Somewhere a part is `stops` brighter or darker than it was, nowhere more, and nothing changes its shape: how bright
    a part is says nothing of how near it is.
    """
    h, w = rgb.shape[1:3]
    across, down = np.meshgrid(np.linspace(-1, 1, w), np.linspace(-1, 1, h))
    angle = rng.uniform(0, 2 * np.pi)
    patches = cv2.resize(rng.standard_normal((4, 4)), (w, h), interpolation=cv2.INTER_CUBIC)
    field = 1.5 * (np.cos(angle) * across + np.sin(angle) * down) + rng.uniform(0, 1) * patches
    field -= field.mean()
    gain = 2 ** (stops / GAMMA * field / np.abs(field).max())
    return (rgb * gain[..., None].astype(np.float32) + 0.5).clip(0, 255).astype(np.uint8)


def expose(rgb: UInt8[np.ndarray, "T H W 3"], stops: float) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip as if exposed for so many stops more: what is dark gets that much lighter, black and white stay.

    In linear light x becomes g x / (1 + (g - 1) x), g = 2^stops, as film and cameras roll off: nothing clips, and what
    is bright loses contrast. -stops undoes it.
    """
    gain = 2.0**stops
    linear = np.linspace(0, 1, 256) ** GAMMA
    curve = (gain * linear / (1 + (gain - 1) * linear)) ** (1 / GAMMA)
    return (curve * 255 + 0.5).astype(np.uint8)[rgb]


def defocus(
    rgb: UInt8[np.ndarray, "T H W 3"], depth: Float[np.ndarray, "T H W"], radius: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip through an open lens: sharp where a depth of its first frame lies, blurred with the distance in 1/m.

    `radius` is that of the circle of confusion, in pixels, for the whole range of the clip. Layers of like blur are
    laid over each other from far to near, so that a sharp edge keeps its colour from the blur behind it, and a blurred
    thing in front spills over what is sharp. Where the depth is unknown (0) it is sharp.
    """
    known = depth > 0
    if radius < 1 or not known[0].any():
        return rgb
    disparity = np.where(known, 1 / np.where(known, depth, 1), np.nan)  # the sky's is 0
    low, high = np.nanquantile(disparity, [0.02, 0.98])
    focus = np.nanquantile(disparity[0], rng.uniform(0.3, 1.0))
    circles = np.nan_to_num(radius * (disparity - focus) / max(high - low, 1e-6))
    circles = np.rint(np.clip(circles, -radius, radius)).astype(int)
    frames = []
    for frame, circle in zip(rgb, circles, strict=True):
        seen = np.zeros((*circle.shape, 4), np.float32)  # colour times cover, and cover
        for c in np.unique(circle):
            layer = np.dstack([frame.astype(np.float32), np.ones(circle.shape, np.float32)]) * (circle == c)[..., None]
            if c:
                layer = cv2.GaussianBlur(layer, (0, 0), abs(c) / 2)
            seen = seen * (1 - layer[..., 3:]) + layer
        frames.append((seen[..., :3] / np.maximum(seen[..., 3:], 1e-6) + 0.5).clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def _turn(normals: Float[np.ndarray, "T H W 3"], flip: float, roll: float) -> Float[np.ndarray, "T H W 3"]:
    """Normals of the scene as the warped camera sees them: the inverse of the map from output to input axes."""
    c, s = np.cos(roll), np.sin(roll)
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.stack([flip * (c * x + s * y), -s * x + c * y, z], -1).astype(np.float32)


def augment(clip: Clip, size: tuple[int, int], a: Augmentation, rng: np.random.Generator) -> Clip:
    """The clip as another camera with another look would have seen it, at (height, width); truth is moved alike."""
    if a.decals and rng.random() < a.decals:
        clip = with_decals(clip, rng)
    M, flip, roll = camera_matrix(clip.rgb.shape[1:3], size, a, rng)
    shrink = cv2.INTER_AREA if np.abs(np.linalg.det(M[:, :2])) > 1.5 else cv2.INTER_LINEAR
    rgb = np.stack([warp(f, M, size, cv2.INTER_LINEAR if shrink == cv2.INTER_AREA else shrink) for f in clip.rgb])

    def truth(x: np.ndarray | None) -> np.ndarray | None:
        if x is None:
            return None
        return np.stack([warp(f, M, size, cv2.INTER_NEAREST) for f in x])

    depth, normals = truth(clip.depth), truth(clip.normals)
    if a.defocus and depth is not None and (open_by := rng.uniform(-1, 1)) > 0:  # half of them stay sharp
        rgb = defocus(rgb, depth, open_by * a.defocus, rng)
    if a.shading and (uneven := rng.uniform(-0.7, 1)) > 0:  # four in ten stay as they are
        rgb = shade(rgb, uneven * a.shading, rng)
    if a.tone and rng.random() < 0.5:
        rgb = expose(rgb, rng.uniform(-0.5, 1) * a.tone)
    rgb = look(rgb, a, rng)
    glass = None if clip.transparent is None else truth(clip.transparent.astype(np.uint8))
    return replace(
        clip,
        rgb=rgb,
        K=None,
        T_world_camera=None,
        depth=depth,
        normals=None if normals is None else _turn(normals, flip, roll),
        transparent=None if glass is None else glass.astype(bool),
    )
