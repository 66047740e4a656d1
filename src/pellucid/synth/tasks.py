"""One scene is one task: done twice it is done once, killed at any point it leaves nothing that counts."""

import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from pellucid.clip import InputError
from pellucid.store import CHECKSUMS, SceneFrame, is_whole, publish, save_scene_frame
from pellucid.synth.assets import Assets
from pellucid.synth.environment import find_blender
from pellucid.synth.frame import Frame
from pellucid.synth.sampling import sample_scene
from pellucid.synth.scene import RenderSettings, render_scene
from pellucid.synth.settle import Rejected, settle
from pellucid.synth.spec import MATERIAL_IDS, FixedObject, Layout, SceneObject, SceneSpec, Split

State = Literal["done", "rejected", "failed", "stop"]
Fill = Callable[[int, Path], str]  # makes the files of the scene of a seed in an empty folder; says what rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a seed. `stop` means that no other scene could do better: the user must mend something."""

    seed: int
    state: State
    reason: str = ""
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""  # of the scene's checksums, which vouch for all its files
    host: str = ""
    device: str = ""  # what rendered it, such as "optix: NVIDIA L40S, denoised by OptiX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """What all scenes of a job share; called with a seed and an empty folder, it makes the scene, and says on what.

    `blender` is a command, or None to look for one on the machine where the task runs. Raises Rejected, BlenderFailed
    and InputError.
    """

    frames: int
    resolution: tuple[int, int]  # height, width
    split: Split
    layout: Layout
    assets: Assets | None
    hdris: tuple[Path, ...]
    settings: RenderSettings
    blender: tuple[str, ...] | None

    def __call__(self, seed: int, folder: Path) -> str:
        spec = settle(
            sample_scene(
                seed, frames=self.frames, resolution=self.resolution, split=self.split, layout=self.layout,
                assets=self.assets, hdris=self.hdris,
            )
        )  # fmt: skip
        command = list(self.blender) if self.blender else find_blender().command
        cameras: list[Frame] = []
        devices: list[str] = []
        with _temporary_files_in(folder):
            for frame in render_scene(spec, self.settings, command, devices.append):
                fields = {name: getattr(frame, name) for name in SceneFrame.__dataclass_fields__}
                save_scene_frame(folder, len(cameras), SceneFrame(**fields))
                cameras.append(frame)
        (folder / "spec.json").write_text(spec.to_json() + "\n", encoding="utf-8")
        (folder / "camera.json").write_text(json.dumps(_camera(spec, cameras)) + "\n", encoding="utf-8")
        return devices[0]


def scene_name(seed: int) -> str:
    """The folder of a seed."""
    return f"s{seed:05d}"


def run_task(fill: Fill, out: Path, seed: int) -> Outcome:
    """Makes the scene of a seed in `out`, unless it is there, and says what became of it. Raises nothing.

    A fault of the code or of Blender is an outcome like any other: it must not cost more than its scene.
    """
    began = time.perf_counter()
    path = out / scene_name(seed)
    state: State = "done"
    reason = device = ""
    try:
        if not out.is_dir():
            raise InputError(
                f"{out}: not seen on {socket.gethostname()}; --out must lie on a disk that all machines share"
            )
        if not is_whole(path):
            with publish(path) as folder:
                device = fill(seed, folder)
    except Rejected as rejection:
        state, reason = "rejected", str(rejection)
    except InputError as error:
        state, reason = "stop", str(error)
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {error}"
    outcome = described(path if state == "done" else None, seed, state)
    seconds = round(time.perf_counter() - began, 3)
    return replace(outcome, reason=" ".join(reason.split()), seconds=seconds, device=device)


def described(path: Path | None, seed: int, state: State) -> Outcome:
    """An outcome with the size and the checksum of a finished scene at `path`."""
    size, digest = 0, ""
    if path is not None:
        sums = (path / CHECKSUMS).read_bytes()
        size, digest = sum(size for size, _ in json.loads(sums).values()), sha256(sums).hexdigest()
    return Outcome(seed=seed, state=state, bytes=size, sha256=digest, host=socket.gethostname())


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Temporary files of this process are made there, so that what a killed one leaves is swept up with its scene."""
    earlier, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = earlier


def _camera(spec: SceneSpec, cameras: list[Frame]) -> dict[str, object]:
    """The cameras and things of a scene, as readers of sequences want them."""
    K = cameras[0].K
    return {
        "frames": len(cameras),
        "seed": spec.seed,
        "split": spec.split,
        "K": K.tolist(),  # pixels
        "hfov": float(np.degrees(2 * np.arctan(cameras[0].rgb.shape[1] / 2 / K[0, 0]))),
        "camera_from_world": [np.linalg.inv(camera.T_world_camera).tolist() for camera in cameras],
        "materials": MATERIAL_IDS,
        "objects": [
            {
                "id": thing.id,
                "shape": thing.family,
                "material": thing.material.kind,
                "finish": thing.material.finish,
                "parts": _parts(thing),
                "T_world_object": thing.pose.matrix.tolist(),
            }
            for thing in spec.objects
        ],
        "fixed": [
            {
                "id": thing.id,
                "role": thing.role,
                "material": thing.material.kind,
                "finish": thing.material.finish,
                "parts": _parts(thing),
                "T_world_object": thing.pose.matrix.tolist(),
            }
            for thing in spec.fixed
        ],
    }


def _parts(thing: SceneObject | FixedObject) -> list[dict[str, str]]:
    """Caps and labels, which are of other materials than the thing that has them."""
    return [{"role": part.role, "material": part.material.kind, "finish": part.material.finish} for part in thing.parts]
