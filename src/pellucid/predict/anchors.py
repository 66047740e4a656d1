"""What is known in metres of one input, as a depth for each frame that the model's disparity is fitted to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from pellucid.align import find_tags, plane_depth, tag_table
from pellucid.clip import Estimator, InputError
from pellucid.predict.completion import network_sha256
from pellucid.predict.metric_request import MetricRequest
from pellucid.rivals import RIVALS, require_package
from pellucid.store import FARTHEST, NEAREST, DepthFiles, open_depths
from pellucid.video import Source

MODEL_FRAMES = 32  # of a clip, that a metric model is asked about

# Of a frame's number and colours (None where the anchor does not look): depth in metres, NaN where nothing is known;
# None where nothing is known at all.
Known = Callable[[int, Any], Float[np.ndarray, "H W"] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The source of metres for one input."""

    request: MetricRequest
    known: Known
    facts: dict[str, Any]  # plain JSON; what the metres depend on
    sees: bool = False  # whether it looks at the colours
    sensor: DepthFiles | None = None
    network: Path | None = None  # that completes the sensor; without, rules do
    table: Float[np.ndarray, "H W"] | None = None  # depth of a known plane, beside a sensor
    most_frames: int | None = None  # that `known` should be asked about


def make_anchor(
    request: MetricRequest,
    source: Source,
    K: Float[np.ndarray, "3 3"] | None,
    depth: Path | None,
    network: Path | None,
    load: Callable[[str], Estimator],
) -> Anchor:
    """The anchor of one input; `depth` is the sensor's recording of it and `network` what completes that (rules
    without one), `load` gives a metric model by name.

    `K` must be known where the request needs it. Raises InputError when the recording does not fit the video.
    """
    facts = {"anchor": request.metric, "drift": request.drift, "tolerance": request.tolerance}
    if request.metric == "sensor":
        assert depth is not None
        return _sensor(request, source, K, depth, network, facts)
    if request.metric == "plane":
        table, plane = _table(request, source, K)
        return Anchor(request=request, known=lambda *_: table, facts=facts | {"plane": plane})
    if request.metric == "tag":
        assert K is not None and request.tag_size is not None
        size, family = request.tag_size, request.tag_family or "36h11"
        known = partial(_tagged, K=K, size=size, family=family)
        return Anchor(request=request, known=known, facts=facts | {"tag_size": size, "tag_family": family}, sees=True)
    name = request.metric_model or "moge"
    _require_metric_model(name)
    return Anchor(
        request=request, known=_Asked(name, load), facts=facts | {"metric_model": name}, sees=True,
        most_frames=MODEL_FRAMES,
    )  # fmt: skip


def _sensor(
    request: MetricRequest,
    source: Source,
    K: Float[np.ndarray, "3 3"] | None,
    depth: Path,
    network: Path | None,
    facts: dict[str, Any],
) -> Anchor:
    files = open_depths(depth, source.num_frames, source.height, source.width, request.depth_unit)
    if network is None:
        farther, nearer = request.trust
        facts |= {"completion": "rules", "trusted_farther": farther, "trusted_nearer": nearer}
    else:
        facts |= {"completion": "network", "completion_sha256": network_sha256(network)}
    facts |= {"depth": depth.name, "depth_sha256": files.sha256, "depth_unit": request.depth_unit}
    facts |= {"depth_size": list(files.own_size)}
    table, plane = (None, None) if request.known_plane is None else _table(request, source, K)
    return Anchor(
        request=request, known=lambda index, _: files.read(index), facts=facts | {"plane": plane}, sensor=files,
        network=network, table=table,
    )  # fmt: skip


def _table(
    request: MetricRequest, source: Source, K: Float[np.ndarray, "3 3"] | None
) -> tuple[Float[np.ndarray, "H W"], list[float]]:
    """Depth of the known plane, and the plane."""
    plane = request.known_plane
    assert K is not None and plane is not None
    depth = plane_depth(plane, K, source.height, source.width)
    seen = depth[np.isfinite(depth)]
    if not seen.size:
        raise InputError(f"{source.path}: the plane given is behind the camera, or infinitely far; check it")
    if not NEAREST <= np.median(seen) <= FARTHEST:
        raise InputError(
            f"{source.path}: the plane given is {np.median(seen):.3g} m away in the middle of what is seen of it; a "
            f"table is {NEAREST:g} to {FARTHEST:g} m away: give metres"
        )
    return depth, plane.tolist()


def _require_metric_model(name: str) -> None:
    """Raises InputError when no estimator of that name can give metres, or its package is not installed."""
    rival = RIVALS.get(name.partition(":")[0])
    if rival is None:  # our own models predict disparity or normals
        raise InputError(f"--metric-model {name}: is no model of depth in metres; moge and depth-pro are")
    require_package(rival)


def depth_of(given: Path, source: Source, alone: bool) -> Path:
    """Where the depth of one input is: the path given, or for one input of several what in it bears its name."""
    if alone:
        return given
    if not given.is_dir():
        raise InputError(f"--depth {given}: with several inputs, give a folder that holds one of each name")
    for path in (given / source.stem, *(given / f"{source.stem}{suffix}" for suffix in (".npy", ".png", ".exr"))):
        if path.exists():
            return path
    raise InputError(f"--depth {given}: holds nothing named {source.stem}, for {source.path}")


def _tagged(
    _: int, rgb: UInt8[np.ndarray, "H W 3"], *, K: Float[np.ndarray, "3 3"], size: float, family: str
) -> Float[np.ndarray, "H W"] | None:
    """The table on which the tags of a frame lie, where they tell of it."""
    tags = find_tags(rgb, K, size, family)
    return tag_table(tags, size, K, *rgb.shape[:2]) if tags else None


class _Asked:
    """A metric model, loaded when it is first asked."""

    def __init__(self, name: str, load: Callable[[str], Estimator]) -> None:
        self._name, self._load = name, load
        self._estimator: Estimator | None = None

    def __call__(self, _: int, rgb: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W"]:
        if self._estimator is None:
            self._estimator = self._load(self._name)
        prediction = self._estimator(rgb[None])
        if prediction.quantity != "depth" or prediction.invariance != "none":
            raise InputError(
                f"--metric-model {self._name}: predicts {prediction.quantity} (invariance {prediction.invariance}), no "
                "depth in metres; moge and depth-pro do"
            )
        return prediction.values[0]
