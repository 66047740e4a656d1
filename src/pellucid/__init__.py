"""Depth and surface normals from ordinary video, right even on glass, mirrors and metal.

Public names load on first use, so that `import pellucid` stays light and the scorer runs without torch.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.align import align_disparity as align_disparity
    from pellucid.clip import Clip as Clip
    from pellucid.clip import Estimator as Estimator
    from pellucid.clip import InputError as InputError
    from pellucid.clip import Prediction as Prediction
    from pellucid.evaluate import metrics as metrics
    from pellucid.model.pipeline import GeometryPipeline as GeometryPipeline

_HOME = {
    "Clip": "pellucid.clip",
    "Estimator": "pellucid.clip",
    "GeometryPipeline": "pellucid.model.pipeline",
    "InputError": "pellucid.clip",
    "Prediction": "pellucid.clip",
    "align_disparity": "pellucid.align",
    "metrics": "pellucid.evaluate",
}


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'pellucid' has no attribute '{name}'. Available: {', '.join(sorted(_HOME))}.")
    home = importlib.import_module(_HOME[name])
    return importlib.import_module("pellucid.evaluate.metrics") if name == "metrics" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(_HOME)
