"""Scenes from seeds."""

from pathlib import Path

from pellucid.synth.spec import SceneSpec, Split


def sample_scene(
    seed: int,
    *,
    frames: int = 120,
    resolution: tuple[int, int] = (480, 832),
    split: Split = "train",
    assets: object | None = None,
    hdris: tuple[Path, ...] = (),
) -> SceneSpec:
    """The scene of this seed, as pure data, not yet settled.

    `resolution` is (height, width). `assets` comes from `pellucid.synth.assets.find_assets(folder, blender)`, `hdris`
    are the user's .exr or .hdr files. Raises InputError when split is "train" and the seed is held out, or the other
    way round, and when frames or resolution are not positive.
    """
    raise NotImplementedError
