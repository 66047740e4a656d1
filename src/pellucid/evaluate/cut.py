"""A clip as a protocol scores it: its frames, their size, and the truth where it counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from pellucid.clip import Clip, InputError
from pellucid.data.frames import resize_rgb
from pellucid.data.sequences import Sequence
from pellucid.evaluate.protocol import Protocol

PER_FRAME = ("rgb", "T_world_camera", "depth", "normals", "transparent")


def read_cut(read: Callable[[Sequence, int, int], Clip], sequence: Sequence, protocol: Protocol) -> Clip:
    """The clip of a sequence, cut to the protocol frame by frame, so that memory holds one frame of the set's size.

    Raises InputError when a file is missing or cannot be read, when colour and truth of a frame differ in size, or when
    frames do and the protocol gives no size.
    """

    def frame(t: int) -> Clip:
        clip = read(sequence, t, t + 1)
        _require_one_size(clip, f"frame {t}")
        return _fitted(clip, protocol)

    return _joined([frame(t) for t in frames_of(protocol, sequence.num_frames)], sequence.name)


def cut(clip: Clip, protocol: Protocol) -> Clip:
    """The frames of the clip that the protocol takes, at its size, with its truth NaN where it does not count.

    Colour is averaged over areas, truth is that of the nearest pixel, K follows. The sky counts as unknown. Normals are
    unknown where depth is. Raises InputError when a picture is smaller than the protocol's view.
    """
    frames = list(frames_of(protocol, len(clip.rgb)))
    taken = {name: x[frames] for name in PER_FRAME if (x := getattr(clip, name)) is not None}
    return _fitted(replace(clip, **taken), protocol)


def frames_of(protocol: Protocol, num_frames: int) -> range:
    """The numbers of the frames that the protocol takes of so many."""
    return range(protocol.start, num_frames, protocol.stride)[: protocol.frames]


def _require_one_size(clip: Clip, which: str) -> None:
    H, W = clip.rgb.shape[1:3]
    for name in ("depth", "normals", "transparent"):
        values = getattr(clip, name)
        if values is not None and values.shape[1:3] != (H, W):
            h, w = values.shape[1:3]
            what = "mask" if name == "transparent" else f"true {name}"
            raise InputError(f"{which} is a picture of {W}x{H} with a {what} of {w}x{h}; they must be of one size")


def _fitted(clip: Clip, protocol: Protocol) -> Clip:
    """The frames at the protocol's size, and their truth where it counts."""
    if protocol.view is not None:
        clip = _viewed(clip, protocol.view)
    if protocol.size is not None and clip.rgb.shape[1:3] != protocol.size:
        clip = _resized(clip, protocol.size)
    scored = np.zeros(clip.rgb.shape[1:3], bool)
    top, bottom, left, right = protocol.crop or (0, len(scored), 0, len(scored[0]))
    scored[top:bottom, left:right] = True
    depth, normals = clip.depth, clip.normals
    if depth is not None:
        inside = (depth > protocol.min_depth) & (depth < protocol.max_depth)
        depth = np.where(scored & inside, depth, np.nan).astype(np.float32)
        scored = np.isfinite(depth)
    if normals is not None:
        normals = np.where(scored[..., None], normals, np.nan).astype(np.float32)
    return replace(clip, depth=depth, normals=normals)


def _viewed(clip: Clip, view: tuple[int, int]) -> Clip:
    H, W = clip.rgb.shape[1:3]
    h, w = view
    if h > H or w > W:
        raise InputError(f"{clip.name}: frames of {H}x{W} for a protocol that shows {h}x{w} of them; download it again")
    top, left = H - h, (W - w) // 2
    parts = {
        name: x[:, top:, left : left + w]
        for name in ("rgb", "depth", "normals", "transparent")
        if (x := getattr(clip, name)) is not None
    }
    K = None if clip.K is None else clip.K - np.array([[0, 0, left], [0, 0, top], [0, 0, 0]])
    return replace(clip, K=K, **parts)


def _resized(clip: Clip, size: tuple[int, int]) -> Clip:
    H, W = clip.rgb.shape[1:3]
    h, w = size
    # The centre of pixel (u, v) is at (u + 0.5, v + 0.5) of the picture's extent.
    rows, columns = ((np.arange(h) + 0.5) * H / h).astype(int), ((np.arange(w) + 0.5) * W / w).astype(int)
    nearest = {
        name: x[:, rows[:, None], columns]
        for name in ("depth", "normals", "transparent")
        if (x := getattr(clip, name)) is not None
    }
    rgb = np.stack([resize_rgb(frame, size) for frame in clip.rgb])
    return replace(clip, rgb=rgb, K=None if clip.K is None else scaled_intrinsics(clip.K, w / W, h / H), **nearest)


def scaled_intrinsics(K: Float[np.ndarray, "3 3"], across: float, down: float) -> Float[np.ndarray, "3 3"]:
    """K of the picture stretched so much; whole numbers are the centres of pixels, before and after."""
    half = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    return np.diag([across, down, 1.0]) @ (K + half) - half


def _joined(clips: list[Clip], name: str) -> Clip:
    if not clips:
        raise InputError(f"{name}: has no frame; download it again")
    sizes = {clip.rgb.shape[1:3] for clip in clips}
    if len(sizes) > 1:
        raise InputError(f"frames of sizes {sorted(sizes)} in one clip; choose a protocol with a size")
    whole: dict[str, Any] = {}
    for field in PER_FRAME:
        parts = [getattr(clip, field) for clip in clips]
        whole[field] = None if any(part is None for part in parts) else np.concatenate(parts)
    return replace(clips[0], name=name, **whole)
