"""Renders a settled scene in a Blender process of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pellucid.synth.frame import Frame
from pellucid.synth.spec import SceneSpec

Device = Literal["auto", "cpu", "optix", "cuda"]


class BlenderFailed(RuntimeError):
    """The Blender process crashed, ran out of time or wrote nothing; the message is one line with its last words."""


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


def render_scene(spec: SceneSpec, settings: RenderSettings, blender: Sequence[str]) -> Iterator[Frame]:
    """The frames of a settled scene, in order, each as soon as Blender has it.

    `blender` is the command that starts a Python with bpy, such as ["venv/bin/python"].
    Raises BlenderFailed when the process does not do its work, InputError when it has no bpy, a device that was asked
    for is missing, a file of the scene cannot be read, or the disk is full. Closing the iterator ends the process.
    """
    raise NotImplementedError
    yield
