"""ETH3D's high-resolution training scenes as its authors ship them (CVPR 2017): a camera's stills and a laser's depth.

`<scene>/images/dslr_images/<name>.JPG` (6048x4032, of the archive multi_view_training_dslr_jpg) and
`<scene>/ground_truth_depth/dslr_images/<name>.JPG` (of <scene>_dslr_depth), which is no picture but float32 metres, row
after row, infinite where the laser saw nothing. Or, as Marigold ships them, below `rgb` and `depth/<scene>_dslr_depth`.
The pictures are those with the lens's distortion, so there is no K.
"""

from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.frames import MissingFiles, missing, read_rgb, stable_seed
from pellucid.data.sequences import Sequence

# How many pictures each scene has: 454 in all.
SCENES = {
    "courtyard": 38, "delivery_area": 44, "electro": 45, "facade": 76, "kicker": 31, "meadow": 15, "office": 26,
    "pipes": 14, "playground": 38, "relief": 31, "relief_2": 31, "terrace": 23, "terrains": 42,
}  # fmt: skip
TRUTH = Path("ground_truth_depth/dslr_images")


def find(root: Path, split: str | None = "training", first: int | None = None) -> list[Sequence]:
    """The 454 pictures of the 13 scenes, each a sequence of its own. Raises MissingFiles for what is missing.

    Only the first so many, if told: the scenes after them need not be there.
    """
    assert split == "training"
    found, absent = [], []
    seen = 0
    for scene, count in SCENES.items():
        if first is not None and seen >= first:
            break
        seen += count
        homes = (root / scene, root / "rgb" / scene)
        folder = next((h for h in homes if h.is_dir()), homes[0]) / "images" / "dslr_images"
        pictures = sorted(folder.glob("*.JPG"))
        if len(pictures) < count:
            absent.append(folder / (f"*.JPG ({len(pictures)} of {count} are there)" if pictures else "*.JPG"))
        for picture in pictures:
            if not _truth(picture).is_file():
                absent.append(_truth(picture))
            label = f"eth3d_{scene}_{picture.stem}"
            found.append(Sequence(picture, 1, stable_seed(label), "eth3d", label))
    if absent:
        raise MissingFiles(absent)
    return found[:first]


def read(sequence: Sequence, start: int = 0, stop: int | None = None) -> Clip:
    """The picture as a clip of one frame with depth. Raises InputError when a file cannot be read."""
    assert (start, stop) in ((0, None), (0, 1))
    rgb = read_rgb(sequence.path)
    try:
        depth = np.fromfile(_truth(sequence.path), "<f4")
    except OSError as error:
        raise missing(_truth(sequence.path)) from error
    if depth.size != rgb.shape[0] * rgb.shape[1]:
        raise InputError(
            f"{_truth(sequence.path)}: {depth.size} values for a picture of {rgb.shape[1]}x{rgb.shape[0]}; "
            "give the pictures with distortion (dslr_jpg, not dslr_undistorted)"
        )
    depth = depth.reshape(rgb.shape[:2])
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.nan)  # infinite is unknown here, not the sky
    return Clip(name=sequence.name, rgb=rgb[None], depth=depth[None].astype(np.float32))


def _truth(picture: Path) -> Path:
    scene = picture.parents[2]
    if scene.parent.name == "rgb":
        return scene.parents[1] / "depth" / f"{scene.name}_dslr_depth" / scene.name / TRUTH / picture.name
    return scene / TRUTH / picture.name
