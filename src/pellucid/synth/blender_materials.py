"""Shader nodes of a spec's materials. Runs in Blender's Python; works on the node trees it is given."""

from typing import Any

from blender_nodes import Nodes
from blender_patterns import PATTERNS

TRANSPARENT = ("glass", "clear plastic", "liquid")


def dress(material: Any, spec: dict[str, Any]) -> None:
    """Gives a Blender material the nodes of a spec's material (its JSON)."""
    nodes = Nodes(material)
    kind, rough = spec["kind"], spec["roughness"]
    if kind in TRANSPARENT:
        _transparent(nodes, spec)
    elif kind in ("metal", "mirror"):
        _metal(nodes, spec)
    else:
        color, height = PATTERNS[spec["pattern"]](nodes, spec, spec["pattern_scale"])
        nodes.principled(Base_Color=color)
        if kind == "ceramic":
            nodes.principled(Roughness=0.5, Coat_Weight=1.0, Coat_Roughness=rough, Coat_IOR=1.5)
        elif kind == "surface":
            smudge = nodes.noise(nodes.coordinates(), 7.0, detail=3)
            nodes.principled(Roughness=nodes.math("MULTIPLY_ADD", smudge, 0.3 * rough, 0.85 * rough))
        else:
            nodes.principled(Roughness=rough)
        if height is not None and spec["bump"] > 0:
            nodes.bump(height, spec["bump"])


def _transparent(nodes: Nodes, spec: dict[str, Any]) -> None:
    """A clear boundary, and a body that absorbs: thick parts are darker, as in real glass."""
    nodes.principled(Base_Color=(1.0, 1.0, 1.0), Transmission_Weight=1.0, Roughness=spec["roughness"], IOR=spec["ior"])
    if spec["density"] > 0:
        body = nodes.new("VolumeAbsorption", {"Color": spec["color"], "Density": spec["density"]})
        nodes.set(nodes.output, {"Volume": body.outputs[0]})
    if spec["bump"] > 0:
        nodes.bump(nodes.noise(nodes.coordinates(), 90 * spec["pattern_scale"], detail=1), spec["bump"])


def _metal(nodes: Nodes, spec: dict[str, Any]) -> None:
    nodes.principled(
        Base_Color=spec["color"], Metallic=1.0, Roughness=spec["roughness"], Anisotropic=spec["anisotropy"]
    )
    if spec["pattern"] == "brushed":
        scale = spec["pattern_scale"]
        lines = nodes.noise(nodes.coordinates((8 * scale, 8 * scale, 900 * scale)), 1.0, detail=2)
        rough = nodes.math("MULTIPLY_ADD", lines, 0.5 * spec["roughness"], 0.75 * spec["roughness"])
        nodes.principled(Roughness=rough)
        nodes.bump(lines, 2e-5)
