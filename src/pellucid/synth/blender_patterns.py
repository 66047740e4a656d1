"""Patterns of surfaces as shader nodes: wood, stone, cloth, brick. Runs in Blender's Python.

They lie on object coordinates, metres, so that no mesh needs a parametrisation. Each is a function of the nodes, the
spec's material and its scale to the colour and the height of the relief (None: smooth).
"""

from typing import Any

from blender_nodes import Nodes, height_share
from blender_print import key, label, page


def _plain(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:  # noqa: ARG001
    return spec["color"], None


def _scaled(color: Any, factor: float) -> tuple[float, ...]:
    return tuple(min(c * factor, 1.0) for c in color)


def _grain(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """Long wavy rings and fine pores along x."""
    long = nodes.coordinates((0.9 * scale, 9 * scale, 9 * scale))
    bend = nodes.noise(nodes.coordinates((0.5 * scale, 2.5 * scale, 2.5 * scale)), 1.6, detail=2)
    rings = nodes.math("FRACT", nodes.math("MULTIPLY_ADD", bend, 9.0, nodes.noise(long, 1.0, detail=6)))
    pores = nodes.noise(nodes.coordinates((12 * scale, 420 * scale, 420 * scale)), 1.0, detail=2)
    color = nodes.ramp(rings, (0.0, spec["color"]), (0.75, spec["color2"]), (1.0, spec["color"]))
    shade = nodes.ramp(pores, (0.35, (0.72, 0.7, 0.68)), (0.55, (1.0, 1.0, 1.0)))
    return nodes.mix(0.6, color, shade, "MULTIPLY"), pores


def _brick(
    nodes: Nodes, spec: dict[str, Any], width: float, height: float, offset: float, gap: float, **colors: Any
) -> Any:
    inputs = {
        "Vector": nodes.coordinates(),
        "Scale": 1.0,
        "Brick Width": width,
        "Row Height": height,
        "Mortar Size": gap,
        "Mortar Smooth": 0.2,
        "Color1": spec["color"],
        "Color2": _scaled(spec["color"], 0.82),
        "Mortar": spec["color2"],
        **colors,
    }
    return nodes.new("TexBrick", inputs, offset=offset, squash=1.0)


def _planks(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    grain, _ = _grain(nodes, spec, scale)
    tones = {"Color1": (1.0, 1.0, 1.0), "Color2": (0.62, 0.6, 0.58), "Mortar": (0.05, 0.04, 0.03)}
    brick = _brick(nodes, spec, 0.8 / scale, 0.1 / scale, 0.37, 0.0012, **tones)
    return nodes.mix(1.0, grain, brick.outputs["Color"], "MULTIPLY"), nodes.math("SUBTRACT", 1.0, brick.outputs["Fac"])


def _tiles(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    side = 0.11 / scale
    brick = _brick(nodes, spec, side, side, 0.0, 0.0025)
    clouds = nodes.ramp(nodes.noise(nodes.coordinates(), 14.0, 5), (0.3, (0.85,) * 3), (0.7, (1.0,) * 3))
    return nodes.mix(1.0, brick.outputs["Color"], clouds, "MULTIPLY"), nodes.math("SUBTRACT", 1.0, brick.outputs["Fac"])


def _upright(nodes: Nodes) -> Any:
    """Coordinates of a wall along x: its width and its height."""
    place = nodes.new("SeparateXYZ", {0: nodes.coordinates()})
    return nodes.new("CombineXYZ", {0: place.outputs[0], 1: place.outputs[2]}).outputs[0]


def _bricks(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    brick = _brick(nodes, spec, 0.24 / scale, 0.08 / scale, 0.5, 0.006, Vector=_upright(nodes))
    return brick.outputs["Color"], nodes.math("SUBTRACT", 1.0, brick.outputs["Fac"])


def _windows(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """Rows of dark panes in a front that stands along x."""
    panes = {"Color1": spec["color2"], "Color2": _scaled(spec["color2"], 0.6), "Mortar": spec["color"]}
    front = _brick(nodes, spec, 2.1 / scale, 2.9 / scale, 0.0, 0.5 / scale, Vector=_upright(nodes), **panes)
    return front.outputs["Color"], None


def _leaves(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """Clumps of leaves, light and dark."""
    clumps = nodes.noise(nodes.coordinates(), 9.0 * scale, detail=6)
    return nodes.ramp(clumps, (0.35, _scaled(spec["color"], 0.25)), (0.65, spec["color"])), clumps


def _marble(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """Thin veins where a noise crosses its middle, and clouds."""
    vector = nodes.coordinates()
    vein = nodes.math("ABSOLUTE", nodes.math("SUBTRACT", nodes.noise(vector, 4.5 * scale, 9, 0.6), 0.5))
    clouds = nodes.noise(vector, 2.2 * scale, 4)
    wide = nodes.math("MULTIPLY", vein, nodes.math("MULTIPLY_ADD", clouds, 3.0, 0.2))
    veins = nodes.ramp(wide, (0.0, spec["color2"]), (0.035, _scaled(spec["color"], 0.8)), (0.12, spec["color"]))
    return nodes.mix(0.35, veins, nodes.ramp(clouds, (0.3, (0.75,) * 3), (0.7, (1.0,) * 3)), "MULTIPLY"), None


def _cloth(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """A weave of two threads, in checks or stripes of two colours."""
    vector = nodes.coordinates()

    def waves(along: str, frequency: float) -> Any:
        inputs = {"Vector": vector, "Scale": frequency, "Distortion": 0.0, "Detail": 0.0}
        return nodes.new("TexWave", inputs, bands_direction=along).outputs["Fac"]

    weave = nodes.math("MULTIPLY", waves("X", 110 * scale), waves("Y", 110 * scale))
    broad = [nodes.math("GREATER_THAN", waves(axis, 6 * scale), 0.55) for axis in "XY"]
    checks = nodes.math("MULTIPLY_ADD", broad[0], 0.5, nodes.math("MULTIPLY", broad[1], 0.5))
    color = nodes.mix(checks, spec["color"], spec["color2"])
    shade = nodes.ramp(weave, (0.0, (0.6,) * 3), (0.6, (1.0,) * 3))
    return nodes.mix(0.7, color, shade, "MULTIPLY"), weave


def _checker(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    inputs = {"Vector": nodes.coordinates(), "Scale": 14 * scale, "Color1": spec["color"], "Color2": spec["color2"]}
    return nodes.new("TexChecker", inputs).outputs["Color"], None


def _speckle(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """Chips of several tones, as in granite and terrazzo."""
    cells = nodes.new("TexVoronoi", {"Vector": nodes.coordinates(), "Scale": 170 * scale}).outputs["Color"]
    tone = nodes.new("SeparateColor", {0: cells}).outputs[0]
    base = spec["color"]
    stops = [(0.0, base), (0.62, _scaled(base, 0.85)), (0.78, spec["color2"]), (0.93, _scaled(base, 0.3))]
    return nodes.ramp(tone, *stops, sharp=True), None


def _concrete(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    rough = nodes.noise(nodes.coordinates(), 11 * scale, 11)
    fine = nodes.noise(nodes.coordinates(), 160 * scale, 3)
    share = nodes.math("MULTIPLY_ADD", fine, 0.25, nodes.math("MULTIPLY", rough, 0.75))
    return nodes.ramp(share, (0.32, _scaled(spec["color"], 0.7)), (0.66, spec["color"])), share


def _bands(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    share = nodes.math("FRACT", nodes.math("MULTIPLY", height_share(nodes), 3.0 * scale))
    return nodes.ramp(share, (0.0, spec["color"]), (0.55, spec["color2"]), sharp=True), None


def _dipped(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    wavy = nodes.noise(nodes.coordinates(), 25 * scale, 2)
    level = nodes.math("MULTIPLY_ADD", wavy, 0.18, height_share(nodes))
    return nodes.ramp(level, (0.0, spec["color2"]), (0.5, spec["color"]), sharp=True), None


PATTERNS = {
    "plain": _plain,
    "wood": _grain,
    "planks": _planks,
    "marble": _marble,
    "tiles": _tiles,
    "bricks": _bricks,
    "cloth": _cloth,
    "checker": _checker,
    "speckle": _speckle,
    "concrete": _concrete,
    "bands": _bands,
    "dipped": _dipped,
    "print": label,
    "page": page,
    "key": key,
    "windows": _windows,
    "leaves": _leaves,
}
