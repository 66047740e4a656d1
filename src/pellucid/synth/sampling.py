"""Scenes from seeds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from pellucid.clip import InputError
from pellucid.synth.apart import sample_apart
from pellucid.synth.assets import Assets
from pellucid.synth.close import sample_close
from pellucid.synth.held import sample_held
from pellucid.synth.lights import sample_light
from pellucid.synth.orbit import sample_orbit
from pellucid.synth.people import POUR, STREET, WIDE, sample_people
from pellucid.synth.room import sample_room
from pellucid.synth.row import sample_row
from pellucid.synth.spec import Layout, SceneSpec, Split
from pellucid.synth.surroundings import sample_surroundings
from pellucid.synth.things import packaged, sample_thing
from pellucid.synth.viewpoint import sample_view

# The 28 scenes of TransPhy3D-Test of ours: the first multiples of 7 from 700,000 that settle. Being 0 modulo 7, the
# readers' split keeps them from training too.
TEST_SEEDS = (
    700_000,
    700_007,
    700_014,
    700_021,
    700_028,
    700_035,
    700_042,
    700_049,
    700_056,
    700_063,
    700_077,
    700_091,
    700_105,
    700_112,
    700_119,
    700_126,
    700_133,
    700_140,
    700_147,
    700_154,
    700_161,
    700_175,
    700_182,
    700_189,
    700_203,
    700_217,
    700_224,
    700_238,
)
SALT = 7919  # keeps these streams apart from others that begin at the same seed

_SAMPLERS: dict[Layout, Callable[[int, int, tuple[int, int]], SceneSpec]] = {
    "apart": sample_apart,
    "close": sample_close,
    "held": sample_held,
    "near": partial(sample_close, near=True),
    "people": sample_people,
    "pour": partial(sample_people, setting=POUR),
    "room": sample_room,
    "row": sample_row,
    "street": partial(sample_people, setting=STREET),
    "wide": partial(sample_people, setting=WIDE),
}


def sample_scene(
    seed: int,
    *,
    frames: int = 120,
    resolution: tuple[int, int] = (480, 832),
    split: Split = "train",
    layout: Layout = "heap",
    assets: Assets | None = None,
    hdris: tuple[Path, ...] = (),
) -> SceneSpec:
    """The scene of this seed, as pure data, not yet settled.

    `resolution` is (height, width). `assets` comes from `find_assets`, `hdris` are the user's .exr or .hdr files.
    Raises InputError when split is "train" and the seed is held out, or the other way round, when the seed is negative
    or frames or resolution are not positive, and when another layout than a heap is asked of the test set, or of the
    user's files.
    """
    _check(seed, frames, resolution, split)
    if layout != "heap":
        if split == "test" or assets is not None or hdris:
            raise InputError(f"layout {layout}: is for the training split, without assets and HDRIs of the user")
        return _SAMPLERS[layout](seed, frames, resolution)
    rng = np.random.default_rng(np.random.SeedSequence([SALT, seed]))
    # Each part has its own stream: more choices in one do not change the others.
    of_surroundings, of_objects, of_light, of_camera, of_view, of_packaging = rng.spawn(6)
    name, fixed, spread = sample_surroundings(of_surroundings, split)
    count = int(of_objects.integers(4, 13))
    objects = tuple(
        sample_thing(child, i + 1, split, spread, assets) for i, child in enumerate(of_objects.spawn(count))
    )
    objects = tuple(
        packaged(child, split, item) for child, item in zip(of_packaging.spawn(count), objects, strict=True)
    )
    camera = sample_orbit(of_camera)
    if split == "train":  # the test set looks as the paper's: circles alone
        camera, backdrop = sample_view(of_view, camera)
        fixed += backdrop
    return SceneSpec(
        seed=seed,
        split=split,
        frames=frames,
        resolution=resolution,
        environment=name,
        objects=objects,
        fixed=fixed,
        light=sample_light(of_light, hdris),
        camera=camera,
    )


def _check(seed: int, frames: int, resolution: tuple[int, int], split: Split) -> None:
    if seed < 0:
        raise InputError(f"seed {seed}: seeds are 0 or more")
    if split == "train" and seed in TEST_SEEDS:
        raise InputError(f"seed {seed} is one of the 28 of the test set, which never train; take another")
    if split == "test" and seed not in TEST_SEEDS:
        raise InputError(f"seed {seed} is not of the test set; its 28 seeds are {TEST_SEEDS[0]} to {TEST_SEEDS[-1]}")
    if frames < 1 or min(resolution) < 1:
        raise InputError(f"{frames} frames of {resolution[0]}x{resolution[1]}: all must be at least 1")
