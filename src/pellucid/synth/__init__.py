"""TransPhy3D: scenes sampled from seeds, settled by physics, rendered by Blender in its own process.

spec = settle(sample_scene(7, frames=30, resolution=(288, 512)))
for frame in render_scene(spec, RenderSettings(samples=16), ["path/to/python-with-bpy"]): ...
"""

from .frame import Frame as Frame
from .process import BlenderFailed as BlenderFailed
from .sampling import sample_scene as sample_scene
from .scene import RenderSettings as RenderSettings
from .scene import render_scene as render_scene
from .settle import Rejected as Rejected
from .settle import settle as settle
from .spec import SceneSpec as SceneSpec
