"""The rivals that have a name: what each predicts, from which weights, and which package runs it.

Weights other than the default are given after a colon, as a hub id or a folder: `dav2:owner/name`, `moge:DIR`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Somebody else's estimator, run through the package of those who made it or of those who keep it."""

    name: str
    predicts: str  # as told to people; the estimator's predictions carry their own quantity and invariance
    package: str  # that must be importable
    install: str  # how to get it
    weights: str  # default, on the hub
    licence: str  # of the default weights
    settings: tuple[str, ...] = ()  # of those of `load_estimator`, which it heeds


_IN_CORE = "pip install pellucid"
_CARD = "see model card"

RIVALS = {
    rival.name: rival
    for rival in (
        Rival(
            name="dav2",
            predicts="disparity; depth in metres with metric weights",
            package="transformers",
            install=_IN_CORE,
            weights="depth-anything/Depth-Anything-V2-Large-hf",
            licence="CC BY-NC 4.0 (Small: Apache-2.0)",
        ),
        Rival(
            name="depth-pro",
            predicts="depth in metres",
            package="transformers",
            install=_IN_CORE,
            weights="apple/DepthPro-hf",
            licence=_CARD,
        ),
        Rival(
            name="marigold-depth",
            predicts="depth up to scale and shift",
            package="diffusers",
            install=_IN_CORE,
            weights="prs-eth/marigold-depth-v1-1",
            licence=_CARD,
            settings=("steps", "seed"),
        ),
        Rival(
            name="marigold-normals",
            predicts="normals",
            package="diffusers",
            install=_IN_CORE,
            weights="prs-eth/marigold-normals-v1-1",
            licence=_CARD,
            settings=("steps", "seed"),
        ),
        Rival(
            name="marigold-e2e-ft-depth",
            predicts="depth up to scale and shift",
            package="diffusers",
            install=_IN_CORE,
            weights="GonzaloMG/marigold-e2e-ft-depth",
            licence=_CARD,
        ),
        Rival(
            name="marigold-e2e-ft-normals",
            predicts="normals",
            package="diffusers",
            install=_IN_CORE,
            weights="GonzaloMG/marigold-e2e-ft-normals",
            licence=_CARD,
        ),
    )
}
