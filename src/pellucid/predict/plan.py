"""One input with everything decided that can be decided before weights load."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pellucid.camera import intrinsics_from_35mm, intrinsics_from_fov
from pellucid.clip import InputError, Invariance, Quantity
from pellucid.model.framing import Framing
from pellucid.model.pipeline import Settings
from pellucid.model.sizes import padded_length
from pellucid.model.windows import plan_frames, plan_latent
from pellucid.predict.anchors import Anchor, make_anchor
from pellucid.predict.calibration import Calibration
from pellucid.predict.estimators import load_estimator
from pellucid.predict.model import ChosenModel
from pellucid.predict.placement import Placement
from pellucid.predict.report import say
from pellucid.predict.request import FORMATS, Request
from pellucid.predict.views import VIEWS
from pellucid.video import Source, focal_length_35mm

PARTIAL = ".partial"
_RAW_FORMATS = ("npz", "npy", "exr")  # as large as the record itself, or a little smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What runs on one input and where its results go."""

    source: Source
    folder: Path
    model: ChosenModel
    placement: Placement
    settings: Settings  # complete
    formats: tuple[str, ...]
    K: np.ndarray | None  # pixels
    anchor: Anchor | None = None  # where metres come from
    calibration: Calibration | None = None  # where the expected error comes from, if not from a completion network

    @property
    def quantity(self) -> Quantity:
        """What the files hold: what the model predicts, or what metres make of it."""
        return self.model.quantity if self.anchor is None else "depth"

    @property
    def tells_error(self) -> bool:
        """Whether the expected error is recorded: a completion network tells it unasked."""
        return self.calibration is not None or (self.anchor is not None and self.anchor.network is not None)

    @property
    def invariance(self) -> Invariance:
        return "affine" if self.quantity == "disparity" else "none"

    @property
    def tail(self) -> tuple[int, ...]:
        """The shape of one predicted frame."""
        size = (self.source.height, self.source.width)
        return (*size, 3) if self.model.quantity == "normals" else size

    @property
    def chunk(self) -> int:
        """Frames to hold at once: about 64 MB of them, from 1 to 16."""
        return int(np.clip((1 << 26) // (4 * int(np.prod(self.tail))), 1, 16))

    @property
    def framing(self) -> Framing:
        assert self.settings.processing_resolution
        released = self.model.config["method"] if self.settings.stitching == "reference" else None
        return Framing.plan(self.source.height, self.source.width, self.settings.processing_resolution, released)

    @property
    def num_windows(self) -> int:
        window, overlap = self.settings.window, self.settings.overlap
        assert window and overlap is not None
        if self.model.config["method"] == "dvd":
            reference = self.settings.stitching == "reference"
            return len(plan_frames(self.source.num_frames, window, overlap, reference=reference))
        packed = self.model.packed
        return len(plan_latent(1 + (padded_length(self.source.num_frames, packed) - 1) // packed, window, overlap))

    @property
    def facts(self) -> dict[str, Any]:
        """Everything the numbers depend on."""
        settings = self.settings
        return {
            "input_sha256": self.source.sha256,
            "model": self.model.name,
            "weights_sha256": self.model.weights_sha256,
            "package_version": version("pellucid"),
            "torch_version": torch.__version__,
            "task": self.model.task,
            "steps": settings.num_inference_steps,
            "window": settings.window,
            "overlap": settings.overlap,
            "seed": settings.seed,
            "stitching": settings.stitching,
            "resolution": list(settings.processing_resolution or ()),
            "device": self.placement.device,
            "dtype": self.placement.dtype,
        }

    @property
    def key(self) -> str:
        """One digest of the facts: equal keys mean equal numbers of the network."""
        shape = (self.source.num_frames, *self.tail)
        named = self.facts | {"configs": self.model.configs_sha256, "shape": shape, "offload": self.placement.offload}
        return digest(named)

    @property
    def result_key(self) -> str:
        """The same for the numbers in the files, with all that metres or the expected error depend on."""
        calibration = {} if self.calibration is None else asdict(self.calibration)
        metres = {} if self.anchor is None else {**self.anchor.facts, "K": None if self.K is None else self.K.tolist()}
        return digest({"key": self.key, **calibration, **metres}) if calibration or metres else self.key


def digest(named: dict[str, Any]) -> str:
    """SHA-256 of plain JSON."""
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def make_settings(request: Request, model: ChosenModel) -> Settings:
    """The complete settings of all inputs. Raises InputError when they do not fit the model."""
    return Settings(
        num_inference_steps=request.steps, window=request.window, overlap=request.overlap, seed=request.seed,
        processing_resolution=request.processing_resolution, stitching=request.stitching,
    ).completed(model.config)  # fmt: skip


def make_plan(
    request: Request,
    source: Source,
    model: ChosenModel,
    placement: Placement,
    settings: Settings,
    given_K: np.ndarray | None,
    depth: Path | None = None,
    network: Path | None = None,
    calibration: Calibration | None = None,
) -> Plan:
    """The plan for one input; `depth` is a sensor's recording of it and `network` what completes that, `calibration`
    that of the model's confidence.

    Raises InputError for a camera, a recording or an output folder that cannot work.
    """
    K = camera(request, source, given_K, by_network=network is not None)
    load = partial(load_estimator, device=request.device, local_files_only=request.local_files_only)
    plan = Plan(
        source=source,
        folder=request.out / source.stem,
        model=model,
        placement=placement,
        settings=settings,
        formats=request.formats,
        K=K,
        anchor=make_anchor(request.metres, source, K, depth, network, load) if request.metres.metric else None,
        calibration=calibration,
    )
    _require_folder(plan)
    return plan


def camera(request: Request, source: Source, given_K: np.ndarray | None, *, by_network: bool) -> np.ndarray | None:
    """K in pixels of this input, if the user said what the camera is, or else the file does and it is needed.

    Raises InputError when it is needed and nothing tells.
    """
    needed_by = request.needs_camera or ("completion by a network" if by_network else None)
    if request.fov is not None:
        return intrinsics_from_fov(request.fov, source.height, source.width)
    if given_K is not None and not (0 <= given_K[0, 2] < source.width and 0 <= given_K[1, 2] < source.height):
        raise InputError(
            f"{request.intrinsics}: its centre ({given_K[0, 2]:g}, {given_K[1, 2]:g}) is outside the "
            f"{source.width}x{source.height} pixels of {source.path}; give the camera matrix for this size"
        )
    if given_K is not None or needed_by is None:
        return given_K
    focal_length = focal_length_35mm(source)
    if focal_length is None:
        raise InputError(
            f"{source.path}: {needed_by} needs the camera, and the file does not tell its lens; add --fov DEGREES or "
            "--intrinsics FILE" + (", or --completion rules" if request.needs_camera is None else "")
        )
    say(f"{source.path}: camera by the focal length in the file, {focal_length:g} mm on 35 mm film; undistorted")
    return intrinsics_from_35mm(focal_length, source.height, source.width)


def _require_folder(plan: Plan) -> None:
    """Raises InputError when the output folder is an input, cannot be written, or its disk is too small."""
    folder = plan.folder
    if folder.resolve() == plan.source.path.resolve():
        raise InputError(f"{folder}: is the input itself; choose another --out, so that results do not mix with it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be made ({error.strerror}); choose an --out folder you may write to"
        ) from error
    if not writable:
        raise InputError(f"{folder}: cannot be written (permission denied); choose an --out folder you may write to")
    frames = 4 * plan.source.num_frames * int(np.prod(plan.tail))
    copies = 1 + (plan.anchor is not None) + sum(name in plan.formats for name in _RAW_FORMATS)
    copies += 2 * plan.tells_error + len(VIEWS) * (plan.calibration is not None)  # on record, in the npz; the views'
    old = [folder / PARTIAL / "recording.f32", *(folder / FORMATS[name] for name in ("npz", "npy"))]
    there = sum(file.stat().st_size for file in old if file.is_file())
    if frames * copies > free + there:
        raise InputError(
            f"{folder}: needs about {frames * copies / 1e9:.1f} GB while it is written, but {free / 1e9:.1f} GB are "
            "free; free some space, choose another --out, or leave formats out of --save"
        )
