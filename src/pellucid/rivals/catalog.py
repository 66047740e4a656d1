"""The rivals that have a name: what each predicts, from which weights, and which package runs it.

Weights other than the default are given after a colon, as a hub id or a path: `dav2:owner/name`, `moge:DIR`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Somebody else's estimator, run through the package of those who made it or of those who keep it."""

    name: str
    predicts: str  # told to people; a prediction carries its own quantity and invariance
    module: str  # of pellucid.rivals, that loads it
    package: str  # that must be importable
    install: str  # how to get it
    weights: str  # default, on the hub
    licence: str  # of the default weights
    settings: tuple[str, ...] = ()  # that it heeds


_CARD = "see model card"
_IN_CORE = "install pellucid again, which brings it"
_CLONE = "clone https://github.com/{}, install its requirements and put its folder on PYTHONPATH"

RIVALS = {
    rival.name: rival
    for rival in (
        Rival(
            name="dav2",
            predicts="disparity; depth in metres with metric weights",
            module="depth_anything",
            package="transformers",
            install=_IN_CORE,
            weights="depth-anything/Depth-Anything-V2-Large-hf",
            licence="CC BY-NC 4.0",
        ),
        Rival(
            name="depth-pro",
            predicts="depth in metres",
            module="depth_pro",
            package="transformers",
            install=_IN_CORE,
            weights="apple/DepthPro-hf",
            licence=_CARD,
        ),
        Rival(
            name="marigold-depth",
            predicts="depth up to scale and shift",
            module="marigold",
            package="diffusers",
            install=_IN_CORE,
            weights="prs-eth/marigold-depth-v1-1",
            licence=_CARD,
            settings=("steps", "seed"),
        ),
        Rival(
            name="marigold-normals",
            predicts="normals",
            module="marigold",
            package="diffusers",
            install=_IN_CORE,
            weights="prs-eth/marigold-normals-v1-1",
            licence=_CARD,
            settings=("steps", "seed"),
        ),
        Rival(
            name="marigold-e2e-ft-depth",
            predicts="depth up to scale and shift",
            module="marigold",
            package="diffusers",
            install=_IN_CORE,
            weights="GonzaloMG/marigold-e2e-ft-depth",
            licence=_CARD,
        ),
        Rival(
            name="marigold-e2e-ft-normals",
            predicts="normals",
            module="marigold",
            package="diffusers",
            install=_IN_CORE,
            weights="GonzaloMG/marigold-e2e-ft-normals",
            licence=_CARD,
        ),
        Rival(
            name="video-depth-anything",
            predicts="disparity; depth in metres with metric weights",
            module="video_depth_anything",
            package="video_depth_anything",
            install=_CLONE.format("DepthAnything/Video-Depth-Anything"),
            weights="depth-anything/Video-Depth-Anything-Large",
            licence="CC BY-NC 4.0",
        ),
        Rival(
            name="depthcrafter",
            predicts="disparity",
            module="depthcrafter",
            package="depthcrafter",
            install=_CLONE.format("Tencent/DepthCrafter"),
            weights="tencent/DepthCrafter",
            licence="see model card; and that of Stable Video Diffusion",
            settings=("steps", "window", "overlap", "seed"),
        ),
        Rival(
            name="normalcrafter",
            predicts="normals",
            module="normalcrafter",
            package="normalcrafter",
            install=_CLONE.format("Binyr/NormalCrafter"),
            weights="Yanrui95/NormalCrafter",
            licence="see model card; and that of Stable Video Diffusion",
            settings=("window", "overlap"),
        ),
        Rival(
            name="moge",
            predicts="depth in metres; up to scale with weights of MoGe-1",
            module="moge",
            package="moge",
            install="pip install git+https://github.com/microsoft/MoGe.git",
            weights="Ruicheng/moge-2-vitl-normal",
            licence=_CARD,
        ),
        Rival(
            name="moge-normals",
            predicts="normals",
            module="moge",
            package="moge",
            install="pip install git+https://github.com/microsoft/MoGe.git",
            weights="Ruicheng/moge-2-vitl-normal",
            licence=_CARD,
        ),
    )
}
