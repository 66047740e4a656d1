"""What the report shows of a clip, small enough to send: frames, errors, time slices, curves, and a cloud of points.

Everything is plain JSON: pictures are JPEG or PNG as data URIs, numbers of the cloud 16 bit in base64.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What is shown of prediction and truth (NaN where unknown), in which colours, and how errors are counted."""

    ours: Float[np.ndarray, "T H W *C"]
    truth: Float[np.ndarray, "T H W *C"]
    colour: Callable[[np.ndarray], np.ndarray]  # n frames of values to n frames of RGB
    error: Callable[[np.ndarray, np.ndarray], np.ndarray]  # of a frame of ours and of the truth
    legend: dict[str, Any]


def pictures(prediction: Prediction, clip: Clip, scores: Scores, seams: list[dict[str, Any]]) -> dict[str, Any]:
    """The evidence behind the scores of a clip, for `pellucid.evaluate.report`.

    Depth is shown aligned, in disparity, by the colours of the truth's 1 to 99 % range; errors as shares of the truth,
    or degrees between normals. Only what is shown is coloured, so that a long clip costs little.
    """
    view = _normals_view(prediction, clip) if scores.aligned is None else _depth_view(clip, scores.aligned.depth)
    shown = np.unique(np.linspace(0, len(clip.rgb) - 1, FRAMES).round().astype(int))
    column = _column(clip)
    return {
        "size": list(clip.rgb.shape[1:3]),
        "frames": [
            {
                "index": int(t),
                "rgb": _jpeg(clip.rgb[t]),
                "prediction": _jpeg(view.colour(view.ours[t : t + 1])[0]),
                "truth": _jpeg(view.colour(view.truth[t : t + 1])[0]),
                "error": _jpeg(_error_colours(view.error(view.ours[t], view.truth[t]), view.legend["worst"])),
            }
            for t in shown
        ],
        "column": column,
        "strips": None if len(clip.rgb) == 1 else {
            "rgb": _strip(clip.rgb[:, :, column]),
            "prediction": _strip(view.colour(view.ours[:, :, column : column + 1])[:, :, 0]),
            "truth": _strip(view.colour(view.truth[:, :, column : column + 1])[:, :, 0]),
        },
        "legend": view.legend,
        "curves": _curves(clip, scores, view),
        "seams": seams,
        "cloud": None if scores.aligned is None or clip.K is None else _cloud(clip, scores.aligned.depth),
    }  # fmt: skip


def _depth_view(clip: Clip, depth: Float[np.ndarray, "T H W"]) -> _View:
    assert clip.depth is not None
    known = np.isfinite(clip.depth) & (clip.depth > 0)
    truth = np.divide(1, clip.depth, out=np.full(clip.depth.shape, np.nan, np.float32), where=known)
    estimator = RangeEstimator()
    estimator.add(truth)
    low, high = estimator.range()
    spectrum = colorize_disparity(np.linspace(0, 1, 12)[None, None], 0, 1)[0, 0]
    legend = {"kind": "depth", "near": 1 / high, "far": 1 / low, "colours": _css(spectrum), "worst": WORST_REL}
    return _View(
        ours=1 / depth,
        truth=truth,
        colour=lambda values: _greyed(colorize_disparity(values, low, high), ~np.isnan(values)),
        error=lambda ours, truth: np.abs(truth / ours - 1),  # |d-g|/g, of disparities
        legend=legend | {"errors": _css(_ERROR_ANCHORS)},
    )


def _normals_view(prediction: Prediction, clip: Clip) -> _View:
    assert clip.normals is not None
    return _View(
        ours=prediction.values,
        truth=clip.normals,
        colour=lambda values: _greyed(colorize_normals(values), ~np.isnan(values).any(axis=-1)),
        error=lambda n, m: np.degrees(np.arctan2(np.linalg.norm(np.cross(n, m), axis=-1), (n * m).sum(axis=-1))),
        legend={"kind": "normals", "worst": WORST_DEGREES, "errors": _css(_ERROR_ANCHORS)},
    )


def _curves(clip: Clip, scores: Scores, view: _View) -> dict[str, Any]:
    """Frame by frame: the mean error, and for depth the median of truth / prediction, 1 where the scale is right."""
    errors = (view.error(ours, truth) for ours, truth in zip(view.ours, view.truth, strict=True))
    curves: dict[str, Any] = {"error": [_summary(np.mean, error) for error in errors]}
    if scores.aligned is not None and clip.depth is not None:
        ratios = (g / d for g, d in zip(clip.depth, scores.aligned.depth, strict=True))
        curves["scale"] = [_summary(np.median, ratio) for ratio in ratios]
    return curves


def _summary(measure: Callable[[np.ndarray], Any], values: Float[np.ndarray, "H W"]) -> float | None:
    known = values[np.isfinite(values)]
    return float(measure(known)) if known.size else None


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


def _error_colours(error: Float[np.ndarray, "H W"], worst: float) -> UInt8[np.ndarray, "H W 3"]:
    share = np.clip(np.nan_to_num(error) / worst, 0, 1)
    at = np.linspace(0, 1, len(_ERROR_ANCHORS))
    colours = np.stack([np.interp(share, at, channel) for channel in _ERROR_ANCHORS.T], axis=-1).astype(np.uint8)
    return _greyed(colours, np.isfinite(error))


def _greyed(colours: UInt8[np.ndarray, "*S 3"], known: Bool[np.ndarray, "*S"]) -> UInt8[np.ndarray, "*S 3"]:
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
