"""Light: a picture of the surroundings, a sky or a gradient, and lamps."""

from pathlib import Path

import numpy as np

from pellucid.synth.spec import Color, Lamp, Light, Sky

BLENDER_HDRIS = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
INDOOR_WEIGHTS = (1.0, 1.2, 1.0, 2.0, 0.5, 2.0, 1.0, 1.0)  # rooms and studios suit table tops


def sample_light(rng: np.random.Generator, hdris: tuple[Path, ...] = ()) -> Light:
    """A light; with the user's pictures, half of those worlds that are pictures are the user's."""
    draw = rng.random()
    hdri, sky, gradient = None, None, None
    if draw < 0.72:
        if hdris and rng.random() < 0.5:
            hdri = str(hdris[rng.integers(len(hdris))])
        else:
            weights = np.array(INDOOR_WEIGHTS)
            hdri = f"blender:{BLENDER_HDRIS[rng.choice(len(weights), p=weights / weights.sum())]}.exr"
    elif draw < 0.86:
        sky = Sky(
            sun_elevation=float(rng.uniform(0.2, 1.2)),
            sun_azimuth=float(rng.uniform(0, 2 * np.pi)),
            haze=float(rng.uniform(0.3, 4)),
        )
    else:
        gradient = (_near_white(rng, 0.03, 0.35), _near_white(rng, 0.15, 0.8))
    count = int(rng.integers(2, 5)) if gradient else int(rng.choice([0, 1, 2, 3], p=[0.35, 0.3, 0.25, 0.1]))
    return Light(
        hdri=hdri,
        rotation=float(rng.uniform(0, 2 * np.pi)),
        sky=sky,
        gradient=gradient,
        lamps=tuple(_lamp(rng) for _ in range(count)),
        exposure_ev=float(rng.uniform(-0.35, 0.5)),
    )


def _near_white(rng: np.random.Generator, low: float, high: float) -> Color:
    r, g, b = (float(v) for v in rng.uniform(low, high) * np.clip(rng.normal(1, 0.12, 3), 0.6, 1.3))
    return r, g, b


def _lamp(rng: np.random.Generator) -> Lamp:
    size = float(rng.uniform(0.08, 0.7))
    return Lamp(
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        elevation=float(rng.uniform(0.5, 1.45)),
        distance=float(rng.uniform(0.9, 1.4)),
        size=size,
        watts=float(rng.uniform(6, 40)),
        kelvin=float(rng.uniform(2800, 7500)),
    )
