"""The Blender that real renders are tested with, and small scenes whose truth is known."""

import os
import shutil

import pytest

from pellucid.clip import InputError
from pellucid.synth import RenderSettings, SceneSpec, environment, render_scene
from pellucid.synth.frame import Frame


@pytest.fixture(scope="session")
def blender() -> list[str]:
    """The command of a Python with bpy: $PELLUCID_BLENDER, a blender on the PATH, or the private environment."""
    made = any((environment._cache() / environment.BPY.replace("==", "-")).glob("*/python*"))
    if os.environ.get(environment.VARIABLE) or shutil.which("blender") or made:
        return environment.find_blender().command
    message = f"no Blender: set {environment.VARIABLE} to a Python with bpy, or run `pellucid render` once"
    if os.environ.get("PELLUCID_REQUIRE_BLENDER") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def rendered(blender):
    """render(spec, **settings) -> frames, on one thread of the processor."""

    def render(spec: SceneSpec, **settings) -> list[Frame]:
        given = {"samples": 1, "device": "cpu", "threads": 1, "seconds_limit": 500.0, **settings}
        return list(render_scene(spec, RenderSettings(**given), blender))

    return render


@pytest.fixture(scope="session", autouse=True)
def _extra():
    try:
        import manifold3d  # noqa: F401
        import mujoco  # noqa: F401
        import trimesh  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is missing: pip install -e '.[dev,train,synth]' brings it") from error
