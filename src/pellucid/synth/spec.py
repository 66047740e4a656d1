"""A scene as pure data: what stands where, of what, in which light, seen from where.

Lengths in metres, angles in radians unless a name says degrees, colours linear RGB in [0, 1]. The world's z points up
and the table top lies at z = 0. Everything here is numbers, strings and tuples of them, so that a spec written as JSON
and read again is equal to the last bit.
"""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from pellucid.clip import InputError
from pellucid.synth.encoding import decoded, encoded
from pellucid.synth.geometry import Geometry, Vector

Color = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # w, x, y, z
Split = Literal["train", "test"]
Layout = Literal["heap", "apart", "room", "close", "near", "people", "wide", "street", "row", "pour", "held"]

MATERIAL_IDS = {
    "none": 0,  # the sky
    "glass": 1,
    "plastic": 2,
    "metal": 3,
    "ceramic": 4,
    "diffuse": 5,
    "surface": 6,
    "liquid": 7,
    "clear plastic": 8,
    "mirror": 9,
}
TRANSPARENT = frozenset({"glass", "clear plastic", "liquid"})
ORBIT_FRAMES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a surface is made of; `kind` is a key of MATERIAL_IDS, `finish` its name within the kind."""

    kind: str
    finish: str
    color: Color
    color2: Color
    pattern: str = "plain"
    pattern_scale: float = 1.0
    roughness: float = 0.5
    ior: float = 1.5
    anisotropy: float = 0.0
    density: float = 0.0  # absorption by the body, 1/m, coloured by `color`
    bump: float = 0.0  # height of the relief, metres

    @property
    def transparent(self) -> bool:
        return self.kind in TRANSPARENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a body's own frame lies in the world."""

    position: Vector
    quaternion: Quaternion = (1.0, 0.0, 0.0, 0.0)

    @property
    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """T_world_body."""
        w, x, y, z = np.asarray(self.quaternion) / np.linalg.norm(self.quaternion)
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), self.position[0]],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x), self.position[1]],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), self.position[2]],
                [0, 0, 0, 1],
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquid:
    """What a vessel holds, up to a share of its inner height."""

    level: float
    material: Material


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What belongs to a thing but is made of something else: a cap, a stopper, a label. It has the thing's id.

    `pose` is T_thing_part.
    """

    role: str
    geometry: Geometry
    material: Material
    pose: Pose = Pose(position=(0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """A thing that is dropped. `pose` is where it came to rest once the scene is settled.

    Before that it is how it is let go, its height being that above whatever is below it.
    """

    id: int  # 1 to 99, the instance id in the labels
    family: str
    geometry: Geometry
    material: Material
    pose: Pose
    liquid: Liquid | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedObject:
    """A thing that stays: table, legs, floor, walls, container, mirror, props in the background."""

    id: int  # 100 to 255
    role: str
    geometry: Geometry
    material: Material
    pose: Pose
    collides: bool = True
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """A square area lamp that looks at the scene's centre."""

    azimuth: float
    elevation: float
    distance: float
    size: float
    watts: float
    kelvin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """A clear sky with a sun."""

    sun_elevation: float
    sun_azimuth: float
    haze: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """One of three worlds (a picture, a sky, a gradient from below to above) and lamps.

    `hdri` is a file, or "blender:NAME.exr" for one that Blender brings.
    """

    hdri: str | None
    rotation: float
    sky: Sky | None
    gradient: tuple[Color, Color] | None
    lamps: tuple[Lamp, ...]
    exposure_ev: float  # stops over what the automatic exposure finds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wobble:
    """amplitude * sin(2 pi cycles x + phase), x from 0 to 1 over the full orbit."""

    amplitude: float
    cycles: float
    phase: float

    def at(self, x: float) -> float:
        return self.amplitude * float(np.sin(2 * np.pi * self.cycles * x + self.phase))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPath:
    """A circle about the scene's centre, perturbed in elevation, radius and look-at point.

    `centre` and `radius` are of the things to look at; settling measures them. `total` frames make the whole path.
    """

    fov_x_degrees: float
    azimuth: float
    sweep: float
    elevation: float
    fill: float  # share of the view that the scene's ball takes
    elevation_wobble: Wobble
    radius_wobble: Wobble
    target_wobbles: tuple[Wobble, Wobble, Wobble]
    total: int = ORBIT_FRAMES
    centre: Vector = (0.0, 0.0, 0.05)
    radius: float = 0.2
    keep_out: float = 0.0  # no nearer to the centre than this
    rise: float = 0.0  # metres by which eye and look-at point lie above the circle


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """All that makes a scene. `resolution` is (height, width); `frames` of the camera path are rendered."""

    seed: int
    split: Split
    frames: int
    resolution: tuple[int, int]
    environment: str
    objects: tuple[SceneObject, ...]
    fixed: tuple[FixedObject, ...]
    light: Light
    camera: CameraPath
    settled: bool = False

    def to_json(self) -> str:
        """The spec as text; `from_json` gives it back, equal to the last bit."""
        return json.dumps(encoded(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "SceneSpec":
        """The spec that `to_json` wrote. Raises InputError when the text is no spec of this version."""
        try:
            spec = decoded(cls, json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"not a scene spec of this version ({error}); sample the scene again") from error
        assert isinstance(spec, cls)
        return spec
