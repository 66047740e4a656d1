"""How far predicted surface normals are from the true ones, in degrees."""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError

ANGLE_THRESHOLDS = (5.0, 7.5, 11.25, 22.5, 30.0)  # degrees


def normal_metrics(
    prediction: Float[np.ndarray, "T H W 3"],
    truth: Float[np.ndarray, "T H W 3"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> dict[str, float]:
    """Mean, median and RMSE of the angle in degrees, and the shares of pixels under 5, 7.5, 11.25, 22.5 and 30 degrees.

    All pixels of the clip are pooled. Scored where the true normal is finite and not zero and where `valid` and
    `mask`, if given, are true. Vectors need not have unit length. Raises InputError when nothing can be scored or a
    scored prediction is not finite or zero.
    """
    scored = _scored(prediction, truth, valid, mask)
    angle = _angle(prediction[scored], truth[scored])
    result = {
        "mean": float(angle.mean()),
        "median": float(np.median(angle)),
        "rmse": float(np.sqrt(np.square(angle).mean())),
    }
    return result | {f"under_{t:g}": float((angle < t).mean()) for t in ANGLE_THRESHOLDS}


def normal_temporal_diff(
    prediction: Float[np.ndarray, "T H W 3"],
    truth: Float[np.ndarray, "T H W 3"],
    valid: Bool[np.ndarray, "T H W"] | None = None,
    *,
    mask: Bool[np.ndarray, "T H W"] | None = None,
) -> float:
    """How much more or less than the true normal the predicted one turns from frame to frame, in degrees.

    | angle(n[t], n[t+1]) - the same of the truth |, the mean over the pixels scored in both frames, then over pairs.
    Ours, for no measure of it has a name: a steady error counts nothing, flicker counts its angle. It follows pixels,
    not surfaces. Raises InputError when no two neighbouring frames share a scored pixel.
    """
    scored = _scored(prediction, truth, valid, mask)
    turns = []
    for t, here in enumerate(scored[1:] & scored[:-1]):
        if here.any():
            ours, theirs = (_angle(n[t][here], n[t + 1][here]) for n in (prediction, truth))
            turns.append(np.abs(ours - theirs).mean())
    if not turns:
        raise InputError("no two neighbouring frames share a scored pixel: a temporal difference needs some")
    return float(np.mean(turns))


def _scored(
    prediction: Float[np.ndarray, "T H W 3"],
    truth: Float[np.ndarray, "T H W 3"],
    valid: Bool[np.ndarray, "T H W"] | None,
    mask: Bool[np.ndarray, "T H W"] | None,
) -> Bool[np.ndarray, "T H W"]:
    if prediction.shape != truth.shape or truth.shape[-1:] != (3,):
        raise InputError(f"prediction {prediction.shape} and truth {truth.shape} must have one shape [T, H, W, 3]")
    scored = np.isfinite(truth).all(axis=-1) & (truth != 0).any(axis=-1)
    for name, given in (("valid", valid), ("mask", mask)):
        if given is not None:
            if given.shape != scored.shape:
                raise InputError(f"{name} {given.shape} must have the shape of the frames, {scored.shape}")
            scored &= given
    if not scored.any():
        raise InputError("no pixel to score: none is valid, inside the mask and has a true normal")
    n = prediction[scored]
    if not (np.isfinite(n).all() and (n != 0).any(axis=-1).all()):
        raise InputError("the predicted normal must be finite and not zero at every scored pixel")
    return scored


def _angle(n: Float[np.ndarray, "N 3"], m: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """Degrees; atan2 keeps small angles that arccos of a rounded cosine loses."""
    n, m = n.astype(np.float64), m.astype(np.float64)
    sine, cosine = np.linalg.norm(np.cross(n, m), axis=-1), (n * m).sum(axis=-1)
    return np.degrees(np.arctan2(sine, cosine))
