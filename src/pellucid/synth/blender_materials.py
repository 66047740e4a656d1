"""Shader nodes of a spec's materials. Runs in Blender's Python; works on the node trees it is given.

Patterns lie on object coordinates, metres, so that no mesh needs a parametrisation.
"""

from typing import Any

TRANSPARENT = ("glass", "clear plastic", "liquid")
GOLDEN = 1.618


class Nodes:
    """A material's node tree, with short words for what is done to it."""

    def __init__(self, material: Any) -> None:
        material.use_nodes = True
        self.tree = material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]
        self.output = self.tree.nodes["Material Output"]

    def new(self, kind: str, inputs: dict[Any, Any] | None = None, **attributes: Any) -> Any:
        """A node; inputs are numbers, colours or sockets of other nodes."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in attributes.items():
            setattr(node, name, value)
        self.set(node, inputs or {})
        return node

    def set(self, node: Any, inputs: dict[Any, Any]) -> None:
        for name, value in inputs.items():
            if hasattr(value, "is_output"):
                self.tree.links.new(value, node.inputs[name])
            else:
                socket = node.inputs[name]
                color = socket.type == "RGBA" and len(value) == 3
                socket.default_value = (*value, 1.0) if color else value

    def principled(self, **inputs: Any) -> None:
        self.set(self.surface, {name.replace("_", " "): value for name, value in inputs.items()})

    def coordinates(self, scale: tuple[float, float, float] = (1, 1, 1), kind: str = "Object") -> Any:
        vector = self.new("TexCoord").outputs[kind]
        return self.new("Mapping", {"Vector": vector, "Scale": scale}).outputs[0]

    def noise(self, vector: Any, scale: float, detail: float = 4, distortion: float = 0.0) -> Any:
        inputs = {"Vector": vector, "Scale": scale, "Detail": detail, "Distortion": distortion}
        return self.new("TexNoise", inputs).outputs[0]

    def math(self, operation: str, *values: Any) -> Any:
        return self.new("Math", dict(enumerate(values)), operation=operation).outputs[0]

    def ramp(self, share: Any, *stops: tuple[float, Any], sharp: bool = False) -> Any:
        """Colours at positions from 0 to 1."""
        node = self.new("ValToRGB", {"Fac": share})
        ramp = node.color_ramp
        ramp.interpolation = "CONSTANT" if sharp else "LINEAR"
        while len(ramp.elements) < len(stops):
            ramp.elements.new(0.5)
        for element, (position, color) in zip(ramp.elements, stops):  # noqa: B905
            element.position, element.color = position, (*color, 1.0)
        return node.outputs["Color"]

    def mix(self, share: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        return self.new("MixRGB", {0: share, 1: a, 2: b}, blend_type=blend).outputs[0]

    def bump(self, height: Any, metres: float) -> None:
        node = self.new("Bump", {"Height": height, "Distance": metres, "Strength": 1.0})
        self.principled(Normal=node.outputs[0])


def dress(material: Any, spec: dict[str, Any]) -> None:
    """Gives a Blender material the nodes of a spec's material (its JSON)."""
    nodes = Nodes(material)
    kind, rough = spec["kind"], spec["roughness"]
    if kind in TRANSPARENT:
        _transparent(nodes, spec)
    elif kind in ("metal", "mirror"):
        _metal(nodes, spec)
    else:
        color, height = _pattern(nodes, spec)
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


def _pattern(nodes: Nodes, spec: dict[str, Any]) -> tuple[Any, Any]:
    """The colour, and the height of the relief (None: smooth)."""
    draw = {
        "wood": _wood,
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
        "print": _print,
    }.get(spec["pattern"])
    return draw(nodes, spec, spec["pattern_scale"]) if draw else (spec["color"], None)


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


def _wood(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    return _grain(nodes, spec, scale)


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


def _bricks(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    vector = nodes.coordinates()
    swap = nodes.new("SeparateXYZ", {0: vector})
    upright = nodes.new("CombineXYZ", {0: swap.outputs[0], 1: swap.outputs[2]}).outputs[0]
    brick = _brick(nodes, spec, 0.24 / scale, 0.08 / scale, 0.5, 0.006, Vector=upright)
    return brick.outputs["Color"], nodes.math("SUBTRACT", 1.0, brick.outputs["Fac"])


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


def _height(nodes: Nodes) -> Any:
    """From 0 at the foot of the body to 1 at its top."""
    return nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Generated"]}).outputs[2]


def _bands(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    share = nodes.math("FRACT", nodes.math("MULTIPLY", _height(nodes), 3.0 * scale))
    return nodes.ramp(share, (0.0, spec["color"]), (0.55, spec["color2"]), sharp=True), None


def _dipped(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    wavy = nodes.noise(nodes.coordinates(), 25 * scale, 2)
    level = nodes.math("MULTIPLY_ADD", wavy, 0.18, _height(nodes))
    return nodes.ramp(level, (0.0, spec["color2"]), (0.5, spec["color"]), sharp=True), None


def _print(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """A label's front: a stripe, a word in large letters, a mark above it and lines of small print below."""
    place = nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Object"]}).outputs
    turn, height = nodes.math("ARCTAN2", place[1], place[0]), _height(nodes)
    mark = nodes.math("SQRT", nodes.math("ADD", _squared(nodes, turn, 0.0, 0.34), _squared(nodes, height, 0.77, 0.13)))
    ring = nodes.math("MULTIPLY", nodes.math("LESS_THAN", mark, 1.0), nodes.math("GREATER_THAN", mark, 0.55 * scale))
    stripe = nodes.math("COMPARE", height, 0.03 + 0.9 * (scale % 0.4) / 0.4, 0.035 * scale)
    word = _letters(nodes, turn, height, (0.46, 0.61), 0.15 / scale, 1, 0.75, scale)
    lines = _letters(nodes, turn, height, (0.1, 0.38), 0.035, 5, 1.1, scale + 7)
    ink = nodes.math("MAXIMUM", nodes.math("MAXIMUM", ring, stripe), nodes.math("MAXIMUM", word, lines))
    return nodes.mix(ink, spec["color"], spec["color2"]), None


def _squared(nodes: Nodes, value: Any, centre: float, half: float) -> Any:
    share = nodes.math("DIVIDE", nodes.math("SUBTRACT", value, centre), half)
    return nodes.math("MULTIPLY", share, share)


def _letters(
    nodes: Nodes, turn: Any, height: Any, rows: tuple[float, float], width: float, count: int, half: float, salt: float
) -> Any:
    """1 where there is ink: `count` rows of letters `width` radians wide, each of 3 by 5 dots, within `half` radians.

    Some letters are gaps between words.
    """
    low, high = rows
    across, up = (
        nodes.math("DIVIDE", turn, width),
        nodes.math("MULTIPLY", nodes.math("SUBTRACT", height, low), count / (high - low)),
    )
    dots = nodes.new(
        "CombineXYZ",
        {
            0: nodes.math("FLOOR", nodes.math("MULTIPLY", across, 4)),
            1: nodes.math("FLOOR", nodes.math("MULTIPLY", up, 7)),
            2: salt,
        },
    )
    letters = nodes.new("CombineXYZ", {0: nodes.math("FLOOR", across), 1: nodes.math("FLOOR", up), 2: salt + 3})
    drawn = nodes.math("GREATER_THAN", nodes.new("TexWhiteNoise", {"Vector": dots.outputs[0]}).outputs["Value"], 0.35)
    there = nodes.math(
        "GREATER_THAN", nodes.new("TexWhiteNoise", {"Vector": letters.outputs[0]}).outputs["Value"], 0.18
    )
    beside = nodes.math("LESS_THAN", nodes.math("FRACT", across), 0.75)
    below = nodes.math("LESS_THAN", nodes.math("FRACT", up), 5 / 7)
    inside = nodes.math(
        "MULTIPLY", nodes.math("LESS_THAN", nodes.math("ABSOLUTE", turn), half), _between(nodes, height, rows)
    )
    ink = inside
    for mask in (drawn, there, beside, below):
        ink = nodes.math("MULTIPLY", ink, mask)
    return ink


def _between(nodes: Nodes, value: Any, bounds: tuple[float, float]) -> Any:
    above = nodes.math("GREATER_THAN", value, bounds[0])
    return nodes.math("MULTIPLY", above, nodes.math("LESS_THAN", value, bounds[1]))
