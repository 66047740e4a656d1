"""Everything that is measured of one clip."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from pellucid.camera import backproject
from pellucid.clip import Clip, InputError, Prediction
from pellucid.evaluate import metrics
from pellucid.evaluate.alignment import Aligned, align
from pellucid.evaluate.points import fit_points
from pellucid.evaluate.protocol import Protocol

LEAST_PIXELS = 100  # of a region: fewer say nothing about it
NO_MASK = "the set marks nothing transparent"

Mask = Bool[np.ndarray, "T H W"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The metrics of a clip by region: all pixels, those of transparent things ("glass"), and the rest ("background").

    Names and units are those of `pellucid.evaluate.metrics`. `floor` is what the truth itself scores in the measures
    that know no truth, and in Depth Pro's F1, where a direction without edges counts 0. `left_out` says of a region or
    metric why it is missing.
    """

    regions: dict[str, dict[str, float]]
    pixels: dict[str, int]  # scored
    floor: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    aligned: Aligned | None = None  # of depth


def score(prediction: Prediction, clip: Clip, protocol: Protocol) -> Scores:
    """The scores of a prediction against the truth of its clip, which is NaN where the protocol does not score.

    Raises InputError when nothing can be scored: no truth, shapes that differ, a prediction that is not finite.
    """
    if prediction.quantity == "normals":
        return _score_normals(prediction.values, clip)
    if clip.depth is None:
        raise InputError("has no true depth to score against")
    aligned = align(prediction, clip.depth, protocol)
    valid = np.isfinite(clip.depth) & (clip.depth > 0)
    regions, left_out = _regions(clip, valid)
    scores = {name: metrics.depth_metrics(aligned.depth, clip.depth, valid, mask=m) for name, m in regions.items()}
    found = _Collector(scores, left_out)
    ceiling = _add_edges(found, aligned.depth, clip, valid)
    floor = ceiling | _add_steadiness(found, aligned.depth, clip, valid, regions)
    _add_points(found, aligned.depth, clip, valid, regions)
    pixels = {name: int((valid & mask).sum()) for name, mask in regions.items()}
    return Scores(regions=scores, pixels=pixels, floor=floor, left_out=left_out, aligned=aligned)


class _Collector:
    """Adds metrics to their region, or the reason why they cannot be had."""

    def __init__(self, scores: dict[str, dict[str, float]], left_out: dict[str, str]) -> None:
        self.scores, self._left_out = scores, left_out

    def add(self, region: str, name: str, measure: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        try:
            value = measure(*arguments, **keywords)
        except InputError as error:
            self._left_out[name if region == "all" else f"{name} of {region}"] = str(error)
        else:
            self.scores[region] |= value if isinstance(value, dict) else {name: value}

    def lacks(self, names: tuple[str, ...], why: str) -> dict[str, float]:
        """Notes why these cannot be had; no scores."""
        self._left_out |= dict.fromkeys(names, why)
        return {}


def _score_normals(values: Float[np.ndarray, "T H W 3"], clip: Clip) -> Scores:
    truth = clip.normals
    if truth is None:
        raise InputError("has no true normals to score against")
    if values.shape != truth.shape:
        raise InputError(f"the prediction is {values.shape} but the clip {truth.shape} [T, H, W, 3]")
    valid = np.isfinite(truth).all(axis=-1)
    regions, left_out = _regions(clip, valid)
    scores = {name: metrics.normal_metrics(values, truth, valid, mask=mask) for name, mask in regions.items()}
    for row in scores.values():
        row["angle_rmse"] = row.pop("rmse")  # in tables, rmse is of depth
    found = _Collector(scores, left_out)
    for name, mask in regions.items():
        found.add(name, "normal_temporal_diff", metrics.normal_temporal_diff, values, truth, valid, mask=mask)
    return Scores(
        regions=scores, pixels={name: int((valid & mask).sum()) for name, mask in regions.items()}, left_out=left_out
    )


def _regions(clip: Clip, valid: Mask) -> tuple[dict[str, Mask], dict[str, str]]:
    """The regions that have enough valid pixels, and why others do not count."""
    found: dict[str, Mask] = {"all": np.ones(valid.shape, bool)}
    left_out = {}
    if clip.transparent is None:
        return found, dict.fromkeys(("glass", "background"), NO_MASK)
    for name, mask in (("glass", clip.transparent), ("background", ~clip.transparent)):
        count = int((valid & mask).sum())
        if count < LEAST_PIXELS:
            left_out[name] = f"{count} pixels of known truth; {LEAST_PIXELS} are needed"
        else:
            found[name] = mask
    return found, left_out


def _add_edges(found: _Collector, depth: Float[np.ndarray, "T H W"], clip: Clip, valid: Mask) -> dict[str, float]:
    """Edges by both papers; what the truth itself scores in Depth Pro's F1."""
    truth = clip.depth
    assert truth is not None
    found.add("all", "depth_pro_boundary_f1", metrics.depth_pro_boundary_f1, depth, truth)
    found.add("all", "dvd_boundary", metrics.dvd_boundary, depth, clip.rgb, valid)
    if clip.transparent is not None:
        found.add("all", "depth_pro_boundary_recall", metrics.depth_pro_boundary_recall, depth, clip.transparent)
    if "depth_pro_boundary_f1" not in found.scores["all"]:
        return {}
    return {"depth_pro_boundary_f1": metrics.depth_pro_boundary_f1(truth, truth)}


def _add_steadiness(
    found: _Collector, depth: Float[np.ndarray, "T H W"], clip: Clip, valid: Mask, regions: dict[str, Mask]
) -> dict[str, float]:
    """Steadiness along the true motion where that is known, and along optical flow; what the truth scores in them."""
    truth, K, poses = clip.depth, clip.K, clip.T_world_camera
    assert truth is not None
    known = np.where(valid, truth, np.nan)
    floor: dict[str, float] = {}
    if len(truth) < 2:
        return found.lacks(("tae", "opw"), "one frame has no neighbour in time")
    if K is None or poses is None:
        found.lacks(("tae",), "the set gives no intrinsics or no poses")
    else:
        for name, mask in regions.items():
            found.add(name, "tae", metrics.temporal_alignment_error, depth, K, poses, mask)
        if "tae" in found.scores["all"]:
            floor["tae"] = metrics.temporal_alignment_error(known, K, poses)
    opw: dict[str, list[float]] = {name: [] for name in (*regions, "truth")}
    for t in range(1, len(truth)):
        pair = slice(t - 1, t + 1)
        try:
            flow = [metrics.optical_flow(*clip.rgb[pair])]
        except InputError as error:
            return found.lacks(("opw",), str(error)) | floor
        for name, mask in regions.items():
            if (valid[t] & mask[t]).any():
                opw[name].append(metrics.flow_warping_error(depth[pair], flow, valid[pair], mask[pair]))
        if valid[t].any():
            opw["truth"].append(metrics.flow_warping_error(known[pair], flow))
    means = {name: {"opw": float(np.mean(values))} for name, values in opw.items() if values}
    floor |= means.pop("truth", {})
    for name, value in means.items():
        found.scores[name] |= value
    return floor


def _add_points(
    found: _Collector, depth: Float[np.ndarray, "T H W"], clip: Clip, valid: Mask, regions: dict[str, Mask]
) -> None:
    """Frame by frame, for the points of a long clip are many."""
    K, truth = clip.K, clip.depth
    assert truth is not None
    if K is None:
        found.lacks(("points",), "the set gives no intrinsics")
        return
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in regions}
    for t in np.flatnonzero(valid.any(axis=(1, 2))):
        p, q = backproject(depth[t], K), backproject(truth[t], K)
        scale, shift = fit_points(p[valid[t]], q[valid[t]])
        p = scale * p + shift
        for name, mask in regions.items():
            if (valid[t] & mask[t]).any():
                here = (valid[t] & mask[t])[None]
                rows[name].append(metrics.point_metrics(p[None], q[None], here, align=False))
    for name, values in rows.items():
        if values:
            found.scores[name] |= {key: float(np.mean([row[key] for row in values])) for key in values[0]}


def plain(scores: Scores) -> dict[str, Any]:
    """The scores as JSON takes them."""
    fit = scores.aligned
    return {
        "regions": scores.regions,
        "pixels": scores.pixels,
        "truth_scores": scores.floor,
        "left_out": scores.left_out,
        "fit": None if fit is None else {"space": fit.space, "scale": fit.scale, "shift": fit.shift},
    }
