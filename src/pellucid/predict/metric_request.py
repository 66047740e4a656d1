"""What a user may say of metres, checked as far as it can be without looking at a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from jaxtyping import Float64

from pellucid.align import FARTHER, NEARER, make_plane, plane_below
from pellucid.clip import InputError

Anchor = Literal["sensor", "plane", "tag", "model"]
RULES = "rules"

# What each anchor must be told, and what it may be told besides.
_NEEDS: dict[Anchor, str] = {"sensor": "--depth", "tag": "--tag-size"}
_TAKES: dict[Anchor, tuple[str, ...]] = {
    "sensor": (
        "depth",
        "depth_unit",
        "completion",
        "farther",
        "nearer",
        "plane",
        "camera_height",
        "camera_tilt",
        "camera_roll",
    ),
    "plane": ("plane", "camera_height", "camera_tilt", "camera_roll"),
    "tag": ("tag_size", "tag_family"),
    "model": ("metric_model",),
}


@dataclass(frozen=True, kw_only=True)
class MetricRequest:
    """Where metres come from."""

    metric: Anchor | None = None
    """Predict depth in metres, by a depth camera's recording (sensor, with --depth), a table whose place is known
    (plane, with --plane or --camera-height and --camera-tilt), an AprilTag lying on the table (tag, with --tag-size),
    or a model of metric depth (model)."""
    depth: Annotated[Path | None, tyro.conf.arg(metavar="DIR|FILE")] = None
    """The sensor's depth aligned to the colours, a frame each: 16 bit png in millimetres, exr or npy in metres. With
    several inputs, a folder that holds one of each name."""
    depth_unit: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None
    """Metres a step of the recorded depth; by default 0.001 for whole numbers and 1 for others."""
    completion: Annotated[str | None, tyro.conf.arg(metavar="rules|NAME")] = None
    """What decides where the sensor is right and fills the rest: the network of the model of that name, or rules; by
    default the predicting model's own network if it has one."""
    farther: Annotated[float | None, tyro.conf.arg(metavar="SHARE")] = None
    """By rules, where the sensor is farther than the model by more than this share of the depth, it is replaced; 0.04.
    """
    nearer: Annotated[float | None, tyro.conf.arg(metavar="SHARE")] = None
    """By rules, the same where it is nearer, which is more often the model's fault; 0.12."""
    plane: Annotated[str | None, tyro.conf.arg(metavar="X,Y,Z,D")] = None
    """The table in the camera's frame: all points p in metres with (X, Y, Z) . p = D. With --metric sensor it overrules
    a sensor that sees through the table."""
    camera_height: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None
    """Height of the camera above the table."""
    camera_tilt: Annotated[float | None, tyro.conf.arg(metavar="DEGREES")] = None
    """How far below the horizon the camera looks; 90 is straight down."""
    camera_roll: Annotated[float | None, tyro.conf.arg(metavar="DEGREES")] = None
    """How far the camera is turned clockwise about its axis; by default not at all."""
    tag_size: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None
    """Edge of the black square of the AprilTags on the table."""
    tag_family: Literal["36h11", "36h10", "25h9", "16h5"] | None = None
    """Family of the AprilTags; by default 36h11."""
    metric_model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Model of metric depth; by default moge, which is MoGe-2 by its authors' package."""
    drift: Annotated[int | None, tyro.conf.arg(metavar="FRAMES")] = None
    """Let scale and shift drift, with a knot every so many frames; by default one pair for the whole clip."""
    tolerance: Annotated[float | None, tyro.conf.arg(metavar="1/M")] = None
    """How far, in inverse metres, a pixel may be off the fit and still count; by default 2 % of the spread."""

    def __post_init__(self) -> None:
        given = [name for name, value in vars(self).items() if value is not None and name != "metric"]
        if self.metric is None:
            if given:
                raise InputError(f"{_option(given[0])}: is for metric depth; add --metric {self._meant(given[0])}")
            return
        foreign = [name for name in given if name not in (*_TAKES[self.metric], "drift", "tolerance")]
        if foreign:
            raise InputError(f"--metric {self.metric}: does not use {_option(foreign[0])}; leave it out")
        needed = _NEEDS.get(self.metric)
        if needed and needed.strip("-").replace("-", "_") not in given:
            raise InputError(f"--metric {self.metric}: needs {needed}")
        if self.known_plane is None and self.metric == "plane":
            raise InputError("--metric plane: needs --plane X,Y,Z,D, or --camera-height and --camera-tilt")
        if self.completion != RULES and (self.farther is not None or self.nearer is not None):
            raise InputError(f"--farther and --nearer are bounds of the rules; add --completion {RULES}")
        for name in ("depth_unit", "farther", "nearer", "tag_size", "drift", "tolerance"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise InputError(f"{_option(name)} {value:g}: must be positive and finite")

    @property
    def known_plane(self) -> Float64[np.ndarray, "4"] | None:
        """The table's unit normal and distance in the camera's frame, if given. Raises InputError for no plane."""
        height, tilt = self.camera_height, self.camera_tilt
        if self.plane is not None:
            if height is not None or tilt is not None or self.camera_roll is not None:
                raise InputError("--plane and the camera's height and angles both say where the table is; give one")
            try:
                x, y, z, distance = (float(part) for part in self.plane.split(","))
            except ValueError:
                raise InputError(f"--plane {self.plane}: must be four numbers X,Y,Z,D joined by commas") from None
            return make_plane(x, y, z, distance)
        if height is None and tilt is None and self.camera_roll is None:
            return None
        if height is None or tilt is None:
            raise InputError(
                "the table's place needs both --camera-height and --camera-tilt: a height alone does not tell how the "
                "table lies in the picture"
            )
        return plane_below(height, tilt, self.camera_roll or 0.0)

    @property
    def trust(self) -> tuple[float, float]:
        """The shares by which the sensor may be farther and nearer than the model."""
        return (FARTHER if self.farther is None else self.farther, NEARER if self.nearer is None else self.nearer)

    def _meant(self, name: str) -> Anchor:
        return next((anchor for anchor, takes in _TAKES.items() if name in takes), "sensor")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
