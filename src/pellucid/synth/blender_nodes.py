"""Short words for building shader nodes. Runs in Blender's Python; works on the node tree it is given."""

from typing import Any


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


def height_share(nodes: Nodes) -> Any:
    """From 0 at the foot of the body to 1 at its top."""
    return nodes.new("SeparateXYZ", {0: nodes.new("TexCoord").outputs["Generated"]}).outputs[2]
