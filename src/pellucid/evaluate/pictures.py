"""What the report shows of a clip, small enough to send: frames, errors, time slices, curves, and a cloud of points.

Everything is plain JSON: pictures are JPEG or PNG as data URIs, numbers of the cloud 16 bit in base64.
"""

import base64
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from pellucid.clip import Clip, Prediction
from pellucid.evaluate.scoring import Scores
from pellucid.visualize import RangeEstimator, colorize_disparity, colorize_normals

FRAMES = 5  # shown of a clip
WIDTH = 480  # pixels of a shown frame at most
QUALITY = 88  # of JPEG
PIXEL_EXACT = 40_000  # pixels up to which a time slice is kept exact
CLOUD_POINTS = 20_000
WORST_REL, WORST_DEGREES = 0.25, 45.0  # where the colours of errors end
FAR = 1.5  # times the truth's far end: points beyond are left out of the cloud

# From no error to the worst, dark enough at the end to stand out on white; unknown is grey.
_ERROR_ANCHORS = np.array([(255, 255, 255), (255, 237, 160), (254, 178, 76), (240, 59, 32), (120, 0, 38)])
_UNKNOWN = (176, 182, 188)


def pictures(prediction: Prediction, clip: Clip, scores: Scores, seams: list[dict[str, Any]]) -> dict[str, Any]:
    """The evidence behind the scores of a clip, for `pellucid.evaluate.report`.

    Depth is shown aligned, in disparity, by the colours of the truth's 1 to 99 % range; errors as shares of the truth,
    or degrees between normals.
    """
    ours, truth, error, legend = _normals(prediction, clip) if scores.aligned is None else _depth(clip, scores)
    shown = np.unique(np.linspace(0, len(clip.rgb) - 1, FRAMES).round().astype(int))
    maps = {"rgb": clip.rgb, "prediction": ours, "truth": truth, "error": _error_colours(error, legend["worst"])}
    column = _column(clip)
    return {
        "size": list(clip.rgb.shape[1:3]),
        "frames": [
            {"index": int(t), **{name: _jpeg(frames[t]) for name, frames in maps.items()}} for t in shown
        ],
        "column": column,
        "strips": {
            name: _strip(maps[name][:, :, column]) for name in ("rgb", "prediction", "truth")
        } if len(clip.rgb) > 1 else None,
        "legend": legend,
        "curves": _curves(clip, scores, error),
        "seams": seams,
        "cloud": None if scores.aligned is None or clip.K is None else _cloud(clip, scores.aligned.depth),
    }  # fmt: skip


def _depth(clip: Clip, scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """Colours of prediction and truth, |d-g|/g (NaN where unknown), and what the colours mean."""
    assert scores.aligned is not None and clip.depth is not None
    valid = np.isfinite(clip.depth) & (clip.depth > 0)
    truth = np.divide(1, clip.depth, out=np.full(clip.depth.shape, np.nan, np.float32), where=valid)
    ours = 1 / scores.aligned.depth
    estimator = RangeEstimator()
    estimator.add(truth)
    low, high = estimator.range()
    error = np.where(valid, np.abs(scores.aligned.depth * truth - 1), np.nan)
    spectrum = colorize_disparity(np.linspace(0, 1, 12)[None, None], 0, 1)[0, 0]
    legend = {
        "kind": "depth", "near": 1 / high, "far": 1 / low, "colours": _css(spectrum),
        "worst": WORST_REL, "errors": _css(_ERROR_ANCHORS),
    }  # fmt: skip
    return colorize_disparity(ours, low, high), _greyed(colorize_disparity(truth, low, high), valid), error, legend


def _normals(prediction: Prediction, clip: Clip) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """The same for normals, errors in degrees."""
    assert clip.normals is not None
    valid = np.isfinite(clip.normals).all(axis=-1)
    n, m = prediction.values, np.where(valid[..., None], clip.normals, 0)
    angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(n, m), axis=-1), (n * m).sum(axis=-1)))
    legend = {"kind": "normals", "worst": WORST_DEGREES, "errors": _css(_ERROR_ANCHORS)}
    truth = _greyed(colorize_normals(clip.normals), valid)
    return colorize_normals(n), truth, np.where(valid, angle, np.nan), legend


def _curves(clip: Clip, scores: Scores, error: Float[np.ndarray, "T H W"]) -> dict[str, Any]:
    """Frame by frame: the mean error, and for depth the median of truth / prediction, 1 where the scale is right."""
    known = [row[np.isfinite(row)] for row in error]
    curves: dict[str, Any] = {"error": [float(row.mean()) if row.size else None for row in known]}
    if scores.aligned is not None and clip.depth is not None:
        ratios = [(g / d)[np.isfinite(g)] for g, d in zip(clip.depth, scores.aligned.depth, strict=True)]
        curves["scale"] = [float(np.median(ratio)) if ratio.size else None for ratio in ratios]
    return curves


def _column(clip: Clip) -> int:
    """The column of pixels whose time slice is shown: where most of the glass is, else the middle."""
    if clip.transparent is None or not clip.transparent.any():
        return clip.rgb.shape[2] // 2
    return int(clip.transparent.sum(axis=(0, 1)).argmax())


def _cloud(clip: Clip, depth: Float[np.ndarray, "T H W"]) -> dict[str, Any]:
    """The middle frame on a grid of pixels: depth of prediction and truth, and colours. 0 is none."""
    assert clip.depth is not None and clip.K is not None
    t = len(depth) // 2
    H, W = depth.shape[1:]
    step = max(1, int(np.ceil(np.sqrt(H * W / CLOUD_POINTS))))
    at = np.s_[step // 2 :: step, step // 2 :: step]
    ours, truth, rgb = depth[t][at], clip.depth[t][at], clip.rgb[t][at]
    known = clip.depth[t][np.isfinite(clip.depth[t])]
    far = FAR * float(np.quantile(known if known.size else ours, 0.99))
    rows, columns = np.indices(ours.shape) * step + step // 2
    rays = np.stack([columns, rows, np.ones(ours.shape)], axis=-1) @ np.linalg.inv(clip.K).T
    return {
        "frame": t,
        "far": far,
        "height": ours.shape[0],
        "width": ours.shape[1],
        # Of a pinhole: the ray through pixel (row, column) is first + row * down + column * across.
        "first": rays[0, 0].tolist(),
        "across": (rays[0, -1] - rays[0, 0]).tolist(),
        "down": (rays[-1, 0] - rays[0, 0]).tolist(),
        "prediction": _coded(ours, far),
        "truth": _coded(truth, far),
        "rgb": base64.b64encode(np.ascontiguousarray(rgb).tobytes()).decode(),
    }


def _coded(depth: Float[np.ndarray, "h w"], far: float) -> str:
    """16 bits: depth = value / 65535 * far; 0 where it is unknown or beyond."""
    inside = np.isfinite(depth) & (depth > 0) & (depth <= far)
    values = np.where(inside, np.clip(np.nan_to_num(depth) / far * 65535, 1, 65535), 0)
    return base64.b64encode(values.astype("<u2").tobytes()).decode()


def _error_colours(error: Float[np.ndarray, "T H W"], worst: float) -> UInt8[np.ndarray, "T H W 3"]:
    share = np.clip(np.nan_to_num(error) / worst, 0, 1)
    at = np.linspace(0, 1, len(_ERROR_ANCHORS))
    colours = np.stack([np.interp(share, at, channel) for channel in _ERROR_ANCHORS.T], axis=-1).astype(np.uint8)
    return _greyed(colours, np.isfinite(error))


def _greyed(colours: UInt8[np.ndarray, "T H W 3"], known: Bool[np.ndarray, "T H W"]) -> UInt8[np.ndarray, "T H W 3"]:
    return np.where(known[..., None], colours, np.array(_UNKNOWN, np.uint8))


def _strip(values: UInt8[np.ndarray, "T H 3"]) -> str:
    """One column of pixels over time: time runs to the right."""
    picture = np.ascontiguousarray(values.transpose(1, 0, 2))
    return _uri(picture, ".png", "png") if picture.size // 3 <= PIXEL_EXACT else _uri(picture, ".jpg", "jpeg")


def _jpeg(frame: UInt8[np.ndarray, "H W 3"]) -> str:
    H, W = frame.shape[:2]
    if W > WIDTH:
        frame = cv2.resize(frame, (WIDTH, round(H * WIDTH / W)), interpolation=cv2.INTER_AREA)
    return _uri(frame, ".jpg", "jpeg")


def _uri(picture: UInt8[np.ndarray, "H W 3"], suffix: str, kind: str) -> str:
    done, data = cv2.imencode(suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if kind == "jpeg" else [])
    assert done
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"


def _css(colours: np.ndarray) -> list[str]:
    """Colours as a browser takes them."""
    return [f"rgb({r},{g},{b})" for r, g, b in colours.tolist()]
