"""Renders a settled scene in a Blender process of its own."""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pellucid.clip import InputError
from pellucid.synth.frame import Frame
from pellucid.synth.geometry import Lathe
from pellucid.synth.lathe import liquid_mesh
from pellucid.synth.mesh import Mesh
from pellucid.synth.orbit import camera_poses
from pellucid.synth.passes import read_surfaces
from pellucid.synth.process import Device, messages
from pellucid.synth.shapes import build_mesh
from pellucid.synth.spec import MATERIAL_IDS, TRANSPARENT, FixedObject, Material, SceneObject, SceneSpec

TRANSPARENT_IDS = sorted(MATERIAL_IDS[kind] for kind in TRANSPARENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How to render, whatever the scene."""

    resolution: tuple[int, int] | None = None  # (height, width); None is the spec's own
    samples: int = 16
    device: Device = "auto"  # auto takes a GPU where there is one; a named one must be there
    threads: int = 0  # 0 is all cores
    bounces: int = 12
    denoise: bool = True
    frames: tuple[int, int] | None = None  # first and one past the last; None is all of the spec's
    seconds_limit: float = 0.0  # for the whole process; 0 is none

    def __post_init__(self) -> None:
        if self.samples < 1 or self.bounces < 1 or min(self.resolution or (1, 1)) < 1:
            raise InputError(
                f"{self.samples} samples, {self.bounces} bounces, {self.resolution}: all must be at least 1"
            )


def render_scene(
    spec: SceneSpec, settings: RenderSettings, blender: Sequence[str], tell: Callable[[str], None] | None = None
) -> Iterator[Frame]:
    """The frames of a settled scene, in order, each as soon as Blender has it.

    `blender` is the command that starts a Python with bpy, such as ["venv/bin/python"]; `tell` is called with what
    renders, such as "optix: NVIDIA L40S, denoised by OptiX".
    Raises BlenderFailed when the process does not do its work, InputError when it has no bpy, a device that was asked
    for is missing, a file of the scene cannot be read, or the disk is full. Closing the iterator ends the process.
    """
    if not spec.settled:
        raise ValueError("the scene has not been settled; call settle(spec) first")
    with tempfile.TemporaryDirectory(prefix="pellucid-") as name:
        folder = Path(name)
        try:
            _write_job(spec, settings, folder)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written ({error.strerror or error}); free some space") from error
        for message in messages(blender, [str(folder)], settings.seconds_limit):
            if "device" in message and tell is not None:
                tell(message["device"])
            if "frame" in message:
                yield _read_frame(folder, message)


def scene_meshes(spec: SceneSpec) -> Iterator[tuple[str, int, Material, Mesh, np.ndarray]]:
    """Every body: a name, its instance id, its material, its mesh, T_world_body. Parts and liquids are bodies too."""
    things: list[SceneObject | FixedObject] = [*spec.fixed, *spec.objects]
    for item in things:
        yield f"thing {item.id}", item.id, item.material, build_mesh(item.geometry), item.pose.matrix
        for part in item.parts:
            pose = item.pose.matrix @ part.pose.matrix
            yield f"{part.role} {item.id}", item.id, part.material, build_mesh(part.geometry), pose
        if isinstance(item, SceneObject) and item.liquid is not None and isinstance(item.geometry, Lathe):
            inside = liquid_mesh(item.geometry, item.liquid.level)
            yield f"liquid {item.id}", item.id, item.liquid.material, inside, item.pose.matrix


def _write_job(spec: SceneSpec, settings: RenderSettings, folder: Path) -> None:
    first, stop = settings.frames or (0, spec.frames)
    if not 0 <= first < stop <= spec.camera.total:
        raise InputError(f"frames {first} to {stop}: the camera path has frames 0 to {spec.camera.total}")
    H, W = settings.resolution or spec.resolution
    bodies: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for name, number, material, mesh, T_world_body in scene_meshes(spec):
        arrays[f"{name} vertices"], arrays[f"{name} triangles"] = mesh.vertices, mesh.triangles
        bodies.append(
            {
                "name": name,
                "id": number,
                "material": dataclasses.asdict(material),
                "material_id": MATERIAL_IDS[material.kind],
                "transparent": material.transparent,
                "T_world_body": T_world_body.tolist(),
            }
        )
    job = {
        "bodies": bodies,
        "light": dataclasses.asdict(spec.light),
        "frames": list(range(first, stop)),
        # Every part of a sequence gets the exposure of the whole.
        "probed": sorted({0, spec.frames // 2}),
        "T_world_camera": camera_poses(spec.camera, max(stop, spec.frames), W / H).tolist(),
        "fov_x_degrees": spec.camera.fov_x_degrees,
        "resolution": [H, W],
        "seed": spec.seed,
        "samples": settings.samples,
        "bounces": settings.bounces,
        "device": settings.device,
        "threads": settings.threads,
        "denoise": settings.denoise,
    }
    (folder / "job.json").write_text(json.dumps(job))
    np.savez(folder / "meshes.npz", **arrays)  # type: ignore[arg-type]  # numpy reads names as its own options


def _read_frame(folder: Path, message: dict[str, Any]) -> Frame:
    index = int(message["frame"])
    T_world_camera = np.array(message["T_world_camera"])
    paths = [folder / name for name in (f"rgb_{index:04d}.png", f"first_{index:04d}.exr", f"behind_{index:04d}.exr")]
    picture = cv2.imread(str(paths[0]), cv2.IMREAD_COLOR)
    if picture is None:
        raise BlenderFailed(f"Blender wrote no picture of frame {index}")
    first, behind = (read_surfaces(path, T_world_camera) for path in paths[1:])
    for path in paths:
        path.unlink()
    return Frame(
        index=index,
        rgb=np.ascontiguousarray(picture[..., ::-1]),
        depth=first.depth,
        normals=first.normals,
        instance=first.instance,
        material=first.material,
        transparent=np.isin(first.material, TRANSPARENT_IDS),
        depth_behind=behind.depth,
        normals_behind=behind.normals,
        K=np.array(message["K"]),
        T_world_camera=T_world_camera,
    )
