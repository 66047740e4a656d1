"""The print on labels, pages and keys as shader nodes. Runs in Blender's Python."""

from typing import Any

from blender_nodes import Nodes, height_share

PAPER = (0.8, 0.79, 0.75)


def label(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """The colour of a label round z, and no relief: printed outside, plain paper on its back and its edges."""
    outward = {0: nodes.new("TexCoord").outputs["Normal"], 1: nodes.coordinates((1, 1, 0))}
    facing = nodes.new("VectorMath", outward, operation="DOT_PRODUCT").outputs["Value"]
    outside = nodes.math("GREATER_THAN", facing, 0.0)
    return nodes.mix(outside, PAPER, nodes.mix(_ink(nodes, scale), spec["color"], spec["color2"])), None


def page(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """The colour of a printed page of half width `scale` metres that lies across z, and no relief: a headline, lines
    of small print, and a picture."""
    place = nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Object"]}).outputs
    x, y = (nodes.math("DIVIDE", place[axis], scale) for axis in (0, 1))
    height = nodes.math("MULTIPLY_ADD", y, 0.62, 0.5)
    head = _letters(nodes, x, height, (0.76, 0.88), 0.13, 1, 0.75, scale)
    lines = _letters(nodes, x, height, (0.1, 0.7), 0.035, 11, 0.82, scale + 7)
    ink = nodes.mix(nodes.math("MAXIMUM", head, lines), spec["color"], spec["color2"])
    inside = nodes.math("MULTIPLY", _between(nodes, x, (0.1, 0.8)), _between(nodes, height, (0.14, 0.42)))
    picture = nodes.ramp(
        nodes.noise(nodes.coordinates((1 / scale,) * 3), 3.0), (0.35, spec["color2"]), (0.65, (0.35, 0.45, 0.55))
    )
    return nodes.mix(inside, ink, picture), None


def key(nodes: Nodes, spec: dict[str, Any], scale: float) -> tuple[Any, Any]:
    """The colour of a key `scale` metres wide, and no relief: a letter or two, its own on each."""
    place = nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Object"]}).outputs
    x, y = (nodes.math("DIVIDE", place[axis], scale) for axis in (0, 1))
    salt = nodes.math("MULTIPLY", nodes.new("ObjectInfo").outputs["Random"], 1000.0)
    letter = _letters(nodes, nodes.math("ADD", x, 0.12), y, (0.0, 0.3), 0.2, 1, 0.19, salt)
    return nodes.mix(letter, spec["color"], spec["color2"]), None


def _ink(nodes: Nodes, scale: float) -> Any:
    """1 where there is ink: a stripe, a word in large letters, a mark above it and lines of small print below."""
    place = nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Object"]}).outputs
    turn, height = nodes.math("ARCTAN2", place[1], place[0]), height_share(nodes)
    mark = nodes.math("SQRT", nodes.math("ADD", _squared(nodes, turn, 0.0, 0.34), _squared(nodes, height, 0.77, 0.13)))
    ring = nodes.math("MULTIPLY", nodes.math("LESS_THAN", mark, 1.0), nodes.math("GREATER_THAN", mark, 0.55 * scale))
    stripe = nodes.math("COMPARE", height, 0.03 + 0.9 * (scale % 0.4) / 0.4, 0.035 * scale)
    word = _letters(nodes, turn, height, (0.46, 0.61), 0.15 / scale, 1, 0.75, scale)
    lines = _letters(nodes, turn, height, (0.1, 0.38), 0.035, 5, 1.1, scale + 7)
    return nodes.math("MAXIMUM", nodes.math("MAXIMUM", ring, stripe), nodes.math("MAXIMUM", word, lines))


def _squared(nodes: Nodes, value: Any, centre: float, half: float) -> Any:
    share = nodes.math("DIVIDE", nodes.math("SUBTRACT", value, centre), half)
    return nodes.math("MULTIPLY", share, share)


def _letters(
    nodes: Nodes, turn: Any, height: Any, rows: tuple[float, float], width: float, count: int, half: float, salt: Any
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
    # Of a number the sum is exact here, and a noise knows the last bit; only a key's salt is a socket.
    gaps = salt + 3 if isinstance(salt, float) else nodes.math("ADD", salt, 3.0)
    letters = nodes.new("CombineXYZ", {0: nodes.math("FLOOR", across), 1: nodes.math("FLOOR", up), 2: gaps})
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
