"""How far predicted points are from the true ones, by MoGe's measures (arXiv:2410.19115, its test/metrics.py)."""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

NEAR = 0.25  # of the lesser of the two distances: closer than this, a point is right
_FIT_POINTS = 4096  # of a frame, at a fixed stride; MoGe takes a grid of 64 x 64
_ROUNDS = 500
_CONVERGED = 1e-8  # relative change


def point_metrics(
    prediction: Float[np.ndarray, "T H W 3"],
    truth: Float[np.ndarray, "T H W 3"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    mask: Bool[np.ndarray, "T H W"] | None = None,
    align: bool = True,
) -> dict[str, float]:
    """`points_rel`, the mean of |p - q| / |q|, and `points_delta`, the share with |p - q| < 0.25 min(|p|, |q|).

    p is the predicted, q the true point in the camera frame, in metres; means over the pixels of a frame, then over
    frames. With `align` each frame's points are first scaled and shifted (MoGe's affine-invariant points), fitted on
    its valid pixels whatever the mask; without, points of one camera matrix give exactly REL and delta 1.25, since
    both lie on one ray. Scored where the truth and `valid` say so and `mask` is true. Raises InputError when nothing
    can be scored or a scored prediction is not finite.
    """
    if prediction.shape != truth.shape or truth.shape[-1:] != (3,):
        raise InputError(f"prediction {prediction.shape} and truth {truth.shape} must have one shape [T, H, W, 3]")
    known = np.isfinite(truth).all(axis=-1)
    for name, given in (("valid", valid), ("mask", mask)):
        if given is not None and given.shape != known.shape:
            raise InputError(f"{name} {given.shape} must have the shape of the frames, {known.shape}")
    known = known if valid is None else known & valid
    if not np.isfinite(prediction[known]).all():
        raise InputError("the predicted points must be finite at every scored pixel")
    rel, delta = [], []
    for t, fitted in enumerate(known):
        here = fitted if mask is None else fitted & mask[t]
        if not here.any():
            continue
        p, q = prediction[t].astype(np.float64), truth[t].astype(np.float64)
        if align:
            scale, shift = fit_points(p[fitted], q[fitted])
            p = scale * p + shift
        p, q = p[here], q[here]
        error, length = np.linalg.norm(p - q, axis=-1), np.linalg.norm(q, axis=-1)
        rel.append((error / length).mean())
        delta.append((error < NEAR * np.minimum(np.linalg.norm(p, axis=-1), length)).mean())
    if not rel:
        raise InputError("no point to score: none is valid, inside the mask and of known true depth")
    return {"points_rel": float(np.mean(rel)), "points_delta": float(np.mean(delta))}


def fit_points(
    source: Float[np.ndarray, "N 3"], target: Float[np.ndarray, "N 3"]
) -> tuple[float, Float[np.ndarray, " 3"]]:
    """(scale, shift) with the least sum of |scale * source + shift - target|_1 / |target|: robust, near counts more.

    By iteratively reweighted least squares, on at most 4096 points at a fixed stride.
    """
    step = -(-len(source) // _FIT_POINTS)
    p, q = source[::step], target[::step]
    near = 1 / np.linalg.norm(q, axis=-1, keepdims=True)
    weight = np.broadcast_to(near, p.shape)
    floor = 1e-7 * np.abs(q).mean()  # below it an error is none, and weights stay finite
    scale, shift = 1.0, np.zeros(3)
    for _ in range(_ROUNDS):
        middle_p, middle_q = ((weight * x).sum(axis=0) / weight.sum(axis=0) for x in (p, q))
        spread = (weight * np.square(p - middle_p)).sum()
        before = np.array([scale, *shift])
        scale = float((weight * (p - middle_p) * (q - middle_q)).sum() / spread) if spread > 0 else 1.0
        shift = middle_q - scale * middle_p
        weight = near / np.maximum(np.abs(scale * p + shift - q), floor)
        now = np.array([scale, *shift])
        if np.abs(now - before).max() <= _CONVERGED * np.abs(now).max():
            break
    return scale, shift
