"""What a user asks of `predict`, checked as far as it can be without looking at a file."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pellucid.clip import InputError
from pellucid.predict.metric_request import MetricRequest
from pellucid.store import require_rosbags

Task = Literal["depth", "normal"]

# What each format writes into the output folder of an input.
FORMATS = {
    "npz": "prediction.npz",
    "mp4": "preview.mp4",
    "exr": "exr",
    "png16": "png16",
    "npy": "prediction.npy",
    "ply": "cloud",
    "pcd": "pcd",
    "graspnet": "graspnet",
    "ros": "ros",
}
WITH_CAMERA = ("ply", "pcd", "graspnet", "ros")
METRIC_ONLY = ("graspnet", "ros")
SMALLEST_SIDE = 16  # pixels; the networks' grid


@dataclass(frozen=True, kw_only=True)
class Request:
    """Predict depth or normals of videos: float32 arrays, a preview and a sidecar in DIR/<input name>/.

    The same command again goes on where a killed one stopped, and skips what is done.
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="INPUT...")]
    """Video files, folders of images, images, or folders of videos."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results, one folder in it for each input."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME|DIR")] = None
    """A model's name (see `pellucid models`), its folder, or a hub id; by default nano, for normals nano-normal."""
    task: Task | None = None
    """Quantity to predict; by default what the model predicts, or depth."""
    save: Annotated[str, tyro.conf.arg(metavar="FORMAT,...")] = "npz,mp4"
    """What to write, of npz (float32), mp4 (preview), exr (float32 frames), png16 (16 bit frames and their scale),
    npy (float32), and of depth, by the camera's intrinsics: ply or pcd (a point cloud a frame), graspnet (a folder a
    frame, as GraspNet and AnyGrasp load it), ros (a ROS 2 bag; pip install pellucid[ros]), the last two with --metric.
    With --metric, png16 is in millimetres."""
    window: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Frames the network sees at once: latent frames for DKT, video frames for DVD; by default the model's."""
    overlap: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Frames that neighbouring windows share, in the same unit; by default the model's."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Denoising steps of a DKT model; by default the model's. DVD models always take one."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Seed of the noise a DKT model starts from."""
    resolution: Annotated[str | None, tyro.conf.arg(metavar="HxW")] = None
    """Area the network works at, such as 480x832, in the input's own aspect; by default the model's."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """auto (cuda, else mps, else cpu), or one of these, or cuda:N."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; auto is float32, but on cuda bfloat16 for the transformer."""
    stitching: Literal["robust", "reference"] = "robust"
    """How windows are joined; reference repeats the released code, quirks included."""
    offload: Literal["none", "model", "sequential"] = "none"
    """Keep what is not in use in main memory (cuda only): model saves memory, sequential more, slowly."""
    fov: Annotated[float | None, tyro.conf.arg(metavar="DEGREES")] = None
    """Horizontal field of view of the camera, where it is needed and the file does not tell its focal length."""
    intrinsics: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Camera matrix in pixels of the input (txt, npy, npz, json, yaml), where it is needed."""
    local_files_only: bool = False
    """Never use the network: the model must be here already."""
    confidence: bool = False
    """Also write the relative error to be expected at each pixel (docs/confidence.md); takes some more passes. A sensor
    that a network completes comes with it anyway."""
    metres: tyro.conf.OmitArgPrefixes[MetricRequest] = field(default_factory=MetricRequest)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise InputError("no input given; give at least one video, picture, or folder of either")
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise InputError(f"--save {self.save}: allowed are {', '.join(FORMATS)}, joined by commas")
        for name, value, least in (
            ("window", self.window, 1),
            ("overlap", self.overlap, 0),
            ("steps", self.steps, 1),
            ("seed", self.seed, 0),
        ):
            if value is not None and value < least:
                raise InputError(f"--{name} {value}: must be at least {least}")
        if self.processing_resolution and min(self.processing_resolution) < SMALLEST_SIDE:
            raise InputError(f"--resolution {self.resolution}: each side must be at least {SMALLEST_SIDE}")
        if self.fov is not None and self.intrinsics is not None:
            raise InputError("--fov and --intrinsics both say what the camera is; give one")
        if self.fov is not None and not 0 < self.fov < 180:
            raise InputError(f"--fov {self.fov:g}: must be between 0 and 180 degrees")
        for name in self.formats:
            if name in METRIC_ONLY and self.metres.metric is None:
                raise InputError(f"--save {name}: needs metres; add --metric, or leave {name} out")
        if self.confidence and "npz" not in self.formats:
            raise InputError(f"--confidence: is written into npz; add npz to --save {self.save}")
        if self.task == "normal":
            self.require_depth("use --task depth")
        if "ros" in self.formats:
            require_rosbags()

    def require_depth(self, remedy: str) -> None:
        """Raises InputError when something is asked for that normals cannot give."""
        if self.metres.metric is not None:
            raise InputError(f"--metric {self.metres.metric}: metric depth needs depth, not normals; {remedy}")
        if self.confidence:
            raise InputError(f"--confidence: is of depth, not of normals; {remedy}")
        for name in self.formats:
            if name in WITH_CAMERA:
                raise InputError(f"--save {name}: a point cloud needs depth, not normals; {remedy} or leave {name} out")

    @property
    def needs_camera(self) -> str | None:
        """The option that needs the camera's intrinsics, if one does."""
        for name in self.formats:
            if name in WITH_CAMERA:
                return f"--save {name}"
        given = self.metres
        return f"--metric {given.metric}" if given.metric == "tag" or given.known_plane is not None else None

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats asked for, each once."""
        return tuple(dict.fromkeys(name.strip() for name in self.save.split(",") if name.strip()))

    @property
    def processing_resolution(self) -> tuple[int, int] | None:
        """(height, width), if given. Raises InputError when it is not HxW."""
        if self.resolution is None:
            return None
        found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", self.resolution.strip())
        if not found:
            raise InputError(f"--resolution {self.resolution}: must be HEIGHTxWIDTH in pixels, such as 480x832")
        return int(found[1]), int(found[2])
