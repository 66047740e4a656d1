"""Builds a scene in Blender from a job: meshes, materials, world, lamps, camera. Runs in Blender's Python."""

import math
import os
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from blender_materials import dress
from mathutils import Matrix, Vector

SHARP = math.radians(38)  # edges with a wider angle between their faces are not smoothed
TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's camera looks along -z with y up
SKY_STRENGTH = 0.12


def build(job: dict[str, Any], meshes: Any) -> list[Any]:
    """The job's scene, alone in Blender; returns the objects that are transparent."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    materials: dict[str, Any] = {}
    transparent = []
    for body in job["bodies"]:
        key = repr(body["material"])
        if key not in materials:
            materials[key] = bpy.data.materials.new(body["material"]["kind"])
            materials[key].pass_index = body["material_id"]
            dress(materials[key], body["material"])
        made = _body(body, meshes[f"{body['name']} vertices"], meshes[f"{body['name']} triangles"], materials[key])
        if body["transparent"]:
            transparent.append(made)
    _light(job["light"])
    _camera(job)
    return transparent


def camera_truth(frame: int) -> tuple[list[list[float]], list[list[float]]]:
    """K (pixel centres at whole numbers) and T_world_camera (OpenCV axes) as Blender evaluates them."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    camera = scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    W, H = scene.render.resolution_x, scene.render.resolution_y
    focal = W / (2 * math.tan(camera.data.angle_x / 2))
    K = [[focal, 0.0, (W - 1) / 2], [0.0, focal, (H - 1) / 2], [0.0, 0.0, 1.0]]
    return K, (np.array(camera.matrix_world, np.float64) @ TO_BLENDER).tolist()


def _body(body: dict[str, Any], vertices: Any, triangles: Any, material: Any) -> Any:
    mesh = bpy.data.meshes.new(body["name"])
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
    mesh.loops.add(3 * len(triangles))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(triangles, np.int32).ravel())
    mesh.polygons.add(len(triangles))
    mesh.polygons.foreach_set("loop_start", np.arange(len(triangles), dtype=np.int32) * 3)
    mesh.update(calc_edges=True)
    mesh.validate()
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=SHARP)
    mesh.materials.append(material)
    made = bpy.data.objects.new(body["name"], mesh)
    made.pass_index = body["id"]
    made.matrix_world = Matrix(body["T_world_body"])
    bpy.context.scene.collection.objects.link(made)
    return made


def _camera(job: dict[str, Any]) -> None:
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    data.sensor_fit, data.angle_x = "HORIZONTAL", math.radians(job["fov_x_degrees"])
    data.clip_start, data.clip_end = 0.01, 100.0
    camera.rotation_mode = "QUATERNION"
    # Frames are whole numbers and never blurred, so each has its own key and nothing is interpolated.
    for frame, pose in enumerate(job["T_world_camera"]):
        place, turn, _ = Matrix((np.array(pose) @ TO_BLENDER).tolist()).decompose()
        camera.location, camera.rotation_quaternion = place, turn
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_quaternion", frame=frame)


def _light(light: dict[str, Any]) -> None:
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    background = tree.nodes["Background"]
    if light["hdri"]:
        tree.links.new(_picture(tree, light["hdri"], light["rotation"]), background.inputs["Color"])
        world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 512
    elif light["sky"]:
        tree.links.new(_sky(tree, light["sky"]), background.inputs["Color"])
        background.inputs["Strength"].default_value = SKY_STRENGTH
    else:
        tree.links.new(_gradient(tree, *light["gradient"]), background.inputs["Color"])
    for number, lamp in enumerate(light["lamps"]):
        _lamp(lamp, f"lamp {number}")


def _picture(tree: Any, name: str, rotation: float) -> Any:
    if name.startswith("blender:"):
        folder = Path(bpy.utils.system_resource("DATAFILES", path=os.path.join("studiolights", "world")))  # noqa: PTH118
        name = str(folder / name.partition(":")[2])
    if not Path(name).is_file():
        raise FileNotFoundError(f"{name}: no such picture of surroundings")
    picture, turn = tree.nodes.new("ShaderNodeTexEnvironment"), tree.nodes.new("ShaderNodeMapping")
    try:
        picture.image = bpy.data.images.load(name)
    except RuntimeError as error:
        raise OSError(f"{name}: cannot be read as a picture of surroundings") from error
    if not picture.image.size[0]:  # Blender would render it pink
        raise OSError(f"{name}: cannot be read as a picture of surroundings")
    turn.inputs["Rotation"].default_value[2] = rotation
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"], turn.inputs["Vector"])
    tree.links.new(turn.outputs[0], picture.inputs["Vector"])
    return picture.outputs["Color"]


def _sky(tree: Any, sky: dict[str, float]) -> Any:
    """Nishita's model; its name differs between versions of Blender."""
    node = tree.nodes.new("ShaderNodeTexSky")
    names = node.bl_rna.properties["sky_type"].enum_items.keys()
    node.sky_type = next(n for n in ("MULTIPLE_SCATTERING", "NISHITA") if n in names)
    node.sun_elevation, node.sun_rotation = sky["sun_elevation"], sky["sun_azimuth"]
    node.sun_size, node.sun_intensity = math.radians(3.0), 0.06
    for name in ("aerosol_density", "dust_density"):
        if hasattr(node, name):
            setattr(node, name, sky["haze"])
    return node.outputs["Color"]


def _gradient(tree: Any, below: list[float], above: list[float]) -> Any:
    ramp, split = tree.nodes.new("ShaderNodeValToRGB"), tree.nodes.new("ShaderNodeSeparateXYZ")
    level = tree.nodes.new("ShaderNodeMapRange")
    level.inputs["From Min"].default_value = -1.0
    for element, color in zip(ramp.color_ramp.elements, (below, above)):  # noqa: B905
        element.color = (*color, 1.0)
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], level.inputs["Value"])
    tree.links.new(level.outputs["Result"], ramp.inputs["Fac"])
    return ramp.outputs["Color"]


def _lamp(lamp: dict[str, float], name: str) -> None:
    data = bpy.data.lights.new(name, "AREA")
    data.size, data.energy, data.color = lamp["size"], lamp["watts"], _kelvin(lamp["kelvin"])
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    flat = math.cos(lamp["elevation"])
    direction = Vector(
        (flat * math.cos(lamp["azimuth"]), flat * math.sin(lamp["azimuth"]), math.sin(lamp["elevation"]))
    )
    made.location = lamp["distance"] * direction
    made.rotation_euler = (-direction).to_track_quat("-Z", "Y").to_euler()


def _kelvin(temperature: float) -> tuple[float, float, float]:
    """The colour of a black body, linear RGB, greatest channel about 1 (fit by Tanner Helland)."""
    t = temperature / 100
    red = 1.0 if t <= 66 else min(1.0, 1.2929 * (t - 60) ** -0.1332)
    green = 0.3901 * math.log(t) - 0.6318 if t <= 66 else 1.1299 * (t - 60) ** -0.0755
    blue = 1.0 if t >= 66 else max(0.0, 0.5432 * math.log(max(t - 10, 1e-3)) - 1.1963)
    return tuple(min(max(c, 0.0), 1.0) ** 2.2 for c in (red, green, blue))  # type: ignore[return-value]
