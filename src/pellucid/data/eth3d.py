"""ETH3D's high-resolution training scenes as its authors ship them (CVPR 2017): a camera's stills and a laser's depth.

`<scene>/images/dslr_images/<name>.JPG` (6048x4032, of the archive multi_view_training_dslr_jpg) and
`<scene>/ground_truth_depth/dslr_images/<name>.JPG` (of <scene>_dslr_depth), which is no picture but float32 metres, row
after row, infinite where the laser saw nothing. Or, as Marigold ships them, below `rgb` and `depth/<scene>_dslr_depth`.
The pictures are those with the lens's distortion, so there is no K.
"""

from pathlib import Path

import numpy as np

from pellucid.clip import Clip, InputError
from pellucid.data.frames import missing, read_rgb, require, stable_seed
from pellucid.data.sequences import Sequence
from pellucid.data.splits import listed

TRUTH = Path("ground_truth_depth/dslr_images")


def find(root: Path, split: str | None = "training", first: int | None = None) -> list[Sequence]:
    """The 454 pictures of the 13 scenes in the order of Marigold's list, each a sequence of its own.

    Only the first so many, if told: those after them need not be there. Raises MissingFiles for what is missing.
    """
    assert split == "training"
    files = listed("eth3d")[:first]
    homes = {
        scene: next((h for h in (root / scene, root / "rgb" / scene) if h.is_dir()), root / scene) for scene, _ in files
    }
    pictures = [homes[scene] / "images" / "dslr_images" / f"DSC_{number:04d}.JPG" for scene, number in files]
    require([p for picture in pictures for p in (picture, _truth(picture))])
    labels = [f"eth3d_{scene}_DSC_{number:04d}" for scene, number in files]
    return [Sequence(p, 1, stable_seed(x), "eth3d", x) for p, x in zip(pictures, labels, strict=True)]


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
