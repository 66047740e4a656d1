"""Which pixels of a clip are scored."""

import numpy as np
from jaxtyping import Bool, Float

from pellucid.clip import InputError


def scored_pixels(
    prediction: Float[np.ndarray, "T H W"],
    truth: Float[np.ndarray, "T H W"],
    valid: Bool[np.ndarray, "T H W"] | None,
    mask: Bool[np.ndarray, "T H W"] | None,
) -> Bool[np.ndarray, "T H W"]:
    """True where the true depth is finite and positive and where `valid` and `mask`, if given, are true.

    Raises InputError when that is nowhere, or when the prediction is not finite and positive at one of these pixels.
    """
    if prediction.shape != truth.shape:
        raise InputError(f"prediction {prediction.shape} and truth {truth.shape} must have the same shape [T, H, W]")
    scored = np.isfinite(truth) & (truth > 0)
    for name, given in (("valid", valid), ("mask", mask)):
        if given is not None:
            if given.shape != truth.shape:
                raise InputError(f"{name} {given.shape} must have the shape of the depths, {truth.shape}")
            scored &= given
    if not scored.any():
        raise InputError("no pixel to score: none is valid, inside the mask and of finite positive true depth")
    values = prediction[scored]
    if not (np.isfinite(values).all() and values.min() > 0):
        raise InputError(
            "the predicted depth must be finite and positive at every scored pixel; align and clip it first"
        )
    return scored
