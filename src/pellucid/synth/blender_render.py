"""What the Blender process runs: `python blender_render.py JOB_FOLDER`, or `--device KIND`, which only says what would
render, or `--convert FILE.blend FILE.glb`.

Reads job.json and meshes.npz, writes rgb_%04d.png, first_%04d.exr and behind_%04d.exr to the same folder, and says on
standard output, one JSON object a line, which device it took and which frames are whole. A problem is one line on
standard error that begins with "error:", with exit status 2 where the user can mend it.
"""

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

BLOCK = 8  # frames between changes of pass
MID_GREY = 0.17
PAPER = 0.9
PROBE_WIDTH, PROBE_SAMPLES = 96, 24
LIBRARIES = "libxi6 libxxf86vm1 libxfixes3 libxkbcommon0 libgl1 libsm6 libegl1"


def render(folder: Path, say: Any) -> None:
    """Renders all frames of the job, block by block: truth, truth behind the glass, then pictures."""
    import blender_scene
    import bpy
    import numpy as np

    job = json.loads((folder / "job.json").read_text())
    with np.load(folder / "meshes.npz") as meshes:
        transparent = blender_scene.build(job, meshes)
    scene = bpy.context.scene
    say(device=_take_device(scene, job["device"]), blender=bpy.app.version_string)
    _common(scene, job)
    exposure = _exposure(scene, job, folder)
    say(exposure=exposure)
    frames = job["frames"]
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        _geometry_settings(scene)
        _relief(0.0)
        for name, hidden in (("first", False), ("behind", True)):
            for thing in transparent:
                thing.visible_camera = not hidden
            for frame in block:
                _write(scene, frame, folder / f"{name}_{frame:04d}.exr")
        for thing in transparent:
            thing.visible_camera = True
        _relief(1.0)
        _picture_settings(scene, job, exposure)
        for frame in block:
            K, T_world_camera = blender_scene.camera_truth(frame)
            _write(scene, frame, folder / f"rgb_{frame:04d}.png")
            say(frame=frame, K=K, T_world_camera=T_world_camera)


def convert(source: Path, target: Path) -> None:
    """Writes a .blend's meshes, modifiers applied, as one .glb."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(source))
    bpy.ops.export_scene.gltf(
        filepath=str(target), export_format="GLB", export_apply=True, export_materials="NONE", export_animations=False
    )


def _write(scene: Any, frame: int, path: Path) -> None:
    import bpy

    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    if not path.exists():
        raise OSError(f"{path.name} was not written; is the disk full?")


def _take_device(scene: Any, wanted: str) -> str:
    import addon_utils
    import bpy
    from blender_device import take_device

    scene.render.engine = "CYCLES"
    addon_utils.enable("cycles")
    return take_device(scene.cycles, bpy.context.preferences.addons["cycles"].preferences, wanted)


def _common(scene: Any, job: dict[str, Any]) -> None:
    render, cycles = scene.render, scene.cycles
    render.resolution_y, render.resolution_x = job["resolution"]
    render.resolution_percentage = 100
    if job["threads"]:
        render.threads_mode, render.threads = "FIXED", job["threads"]
    render.use_persistent_data = True
    render.use_motion_blur = render.use_compositing = render.use_sequencer = False
    cycles.seed, cycles.use_animated_seed = job["seed"] & 0x7FFFFFFF, True
    cycles.use_auto_tile = False
    cycles.transparent_max_bounces = 8


def _picture_settings(scene: Any, job: dict[str, Any], exposure: float) -> None:
    """Path tracing with caustics and no clamp: clamping and short paths blacken glass."""
    render, cycles, layer = scene.render, scene.cycles, scene.view_layers[0]
    bounces = job["bounces"]
    cycles.samples, cycles.max_bounces = job["samples"], bounces
    cycles.transmission_bounces, cycles.glossy_bounces = bounces, min(bounces, 8)
    cycles.diffuse_bounces, cycles.volume_bounces = min(bounces, 3), 0
    cycles.caustics_reflective = cycles.caustics_refractive = True
    cycles.sample_clamp_direct, cycles.blur_glossy = 0.0, 0.0
    # Against single wild pixels only; relative to the exposure, for an absolute clamp darkens glass.
    cycles.sample_clamp_indirect = 60.0 / 2**exposure
    cycles.use_adaptive_sampling = cycles.use_light_tree = False
    cycles.use_denoising = job["denoise"]
    if job["denoise"]:
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "ACCURATE"
    cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", 1.5
    for name in ("z", "normal", "object_index", "material_index"):
        setattr(layer, f"use_pass_{name}", False)
    _file(render, "PNG", "8", "IMAGE")
    view = scene.view_settings
    view.view_transform, view.look, view.exposure = "AgX", "AgX - Medium High Contrast", exposure


def _geometry_settings(scene: Any) -> None:
    """One sample in the middle of each pixel: nothing is blended at edges."""
    cycles, layer = scene.cycles, scene.view_layers[0]
    cycles.samples, cycles.max_bounces = 1, 0
    cycles.use_denoising = cycles.use_adaptive_sampling = False
    cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", 0.01
    for name in ("z", "normal", "object_index", "material_index"):
        setattr(layer, f"use_pass_{name}", True)
    _file(scene.render, "OPEN_EXR_MULTILAYER", "32", "MULTI_LAYER_IMAGE")


def _relief(strength: float) -> None:
    """Switches bump maps: they shade the picture, but are in neither depth nor the normals of the truth."""
    import bpy

    for material in bpy.data.materials:
        for node in material.node_tree.nodes if material.node_tree else ():
            if node.bl_idname == "ShaderNodeBump":
                node.inputs["Strength"].default_value = strength


def _file(render: Any, kind: str, depth: str, media: str) -> None:
    settings = render.image_settings
    if hasattr(settings, "media_type"):  # from Blender 5 on
        settings.media_type = media
    settings.file_format, settings.color_depth = kind, depth
    if kind == "PNG":
        settings.color_mode, settings.compression = "RGB", 15
    else:
        settings.exr_codec = "ZIP"


def _exposure(scene: Any, job: dict[str, Any], folder: Path) -> float:
    """Stops that bring the mean luminance of two small pictures to mid grey, plus what the job asks for.

    A tenth of the pixels at most may be brighter than white paper: dark mirrors must not burn out what they show.
    """
    import bpy
    import numpy as np

    _picture_settings(scene, {**job, "denoise": False, "samples": PROBE_SAMPLES}, 0.0)
    H, W = job["resolution"]
    scene.render.resolution_x, scene.render.resolution_y = PROBE_WIDTH, max(round(PROBE_WIDTH * H / W), 1)
    _file(scene.render, "OPEN_EXR", "32", "IMAGE")
    logs, brights = [], []
    for frame in job["probed"]:
        path = folder / f"probe_{frame:04d}.exr"
        _write(scene, frame, path)
        picture = bpy.data.images.load(str(path))
        picture.colorspace_settings.name = "Non-Color"
        pixels = np.array(picture.pixels[:], np.float64).reshape(-1, 4)
        bpy.data.images.remove(picture)
        path.unlink()
        luminance = pixels[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
        logs.append(float(np.log2(np.clip(luminance, 1e-4, None)).mean()))
        brights.append(float(np.log2(max(np.quantile(luminance, 0.9), 1e-4))))
    scene.render.resolution_y, scene.render.resolution_x = job["resolution"]
    stops = min(math.log2(MID_GREY) - sum(logs) / len(logs), math.log2(PAPER) - max(brights))
    return stops + float(job["light"]["exposure_ev"])


def main(arguments: list[str]) -> int:
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", buffering=1)  # Blender prints from C: only our lines go out
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(**what: Any) -> None:
        channel.write(json.dumps(what) + "\n")

    try:
        import bpy
        from blender_device import NoDevice
    except ImportError as error:
        print(
            f"error: this Python cannot import bpy ({error}); install it with `pip install bpy`, and on Debian or "
            f"Ubuntu the libraries {LIBRARIES}",
            file=sys.stderr,
        )
        return 2
    try:
        if arguments[0] == "--convert":
            convert(Path(arguments[1]), Path(arguments[2]))
        elif arguments[0] == "--device":
            say(device=_take_device(bpy.context.scene, arguments[1]))
        else:
            render(Path(arguments[0]), say)
    except (NoDevice, FileNotFoundError, RuntimeError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2 if isinstance(error, NoDevice | OSError) else 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # Blender's own teardown sometimes crashes after the work is done
