"""What lies behind the glass of a rendered scene: the camera's view without anything transparent."""

import numpy as np
from jaxtyping import Float32

from pellucid.data.sequences import Sequence
from pellucid.store import load_scene_frame


def read_behind(
    sequence: Sequence, start: int = 0, stop: int | None = None
) -> tuple[Float32[np.ndarray, "T H W"], Float32[np.ndarray, "T H W 3"]]:
    """Depth in metres and normals of the frames [start, stop), where `pellucid render` wrote them.

    Raises InputError when a file is missing or cannot be read, as in scenes of other makers.
    """
    frames = range(start, sequence.num_frames if stop is None else stop)
    found = [load_scene_frame(sequence.path, t) for t in frames]
    return np.stack([frame.depth_behind for frame in found]), np.stack([frame.normals_behind for frame in found])
