"""Rendered scenes as WebDataset tars, in the layout of the released TransPhy3D (see `transphy3d`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pellucid.clip import InputError
from pellucid.data.sequences import Sequence, list_sequences, read_sequence
from pellucid.store import atomic, damaged_files, read_json

MAX_DEPTH = 65535 * 2e-4  # metres; with it the codes of our depth are those of theirs


def export_tars(root: Path, out: Path) -> Iterator[Path]:
    """Writes each scene of `root` as `out`/train or `out`/test/NAME.000000.tar, and yields its path; those that are
    there already are not written again.

    Raises InputError when webdataset is missing, a scene is damaged, or the disk is full.
    """
    try:
        from webdataset.writer import TarWriter  # which imports torch
    except ImportError as error:
        raise InputError("--tars needs webdataset; pip install 'pellucid[synth]'") from error
    sequences = list_sequences(root, "all")
    if not sequences:
        raise InputError(f"{root}: holds no finished scene to export; render some first, with --scenes N")
    for sequence in sequences:
        meta = read_json(sequence.path / "camera.json")
        path = out / meta.get("split", "train") / f"{sequence.name}.000000.tar"
        if not path.exists():
            if damaged := damaged_files(sequence.path):
                raise InputError(f"{sequence.path / damaged[0]}: missing or damaged; delete the scene, render it again")
            with atomic(path) as temporary, temporary.open("wb") as file:
                writer = TarWriter(file, user="", group="", mode=0o644, encoder=False, mtime=0)
                for t in range(sequence.num_frames):
                    writer.write(_sample(sequence, t, meta))
                writer.close()
        yield path


def _sample(sequence: Sequence, t: int, meta: dict[str, Any]) -> dict[str, Any]:
    """The members of one frame."""
    clip = read_sequence(sequence, t, t + 1)
    assert clip.K is not None and clip.T_world_camera is not None and clip.normals is not None
    height, width = clip.rgb.shape[1:3]
    # OpenCV's axes to OpenGL's; unknown is grey, as near to no vector as 8 bits come.
    normals = np.nan_to_num(clip.normals[0]) * np.array([1, -1, -1], np.float32)
    cameras = {
        "extrinsics": np.linalg.inv(clip.T_world_camera[0]).tolist(),
        "intrinsics": (np.diag([1 / width, 1 / height, 1.0]) @ clip.K).tolist(),
    }
    about = {"camera_matrices": cameras, "frame_id": t, "sequence_id": sequence.name, "seed": sequence.seed}
    return {
        "__key__": f"{sequence.name}_{t:08d}",
        "image.png": _png(clip.rgb[0][..., ::-1]),
        "depth.png": (sequence.path / f"depth_{t + 1:04d}.png").read_bytes(),
        "depth.json": json.dumps({"max_depth": MAX_DEPTH, "saturated": "sky"}).encode(),
        "normal.png": _png(np.rint((normals[..., ::-1] + 1) * 127.5).astype(np.uint8)),
        "label.png": (sequence.path / f"label_{t + 1:04d}.png").read_bytes(),
        "metadata.json": json.dumps(about | {"split": meta.get("split", "train")}).encode(),
    }


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()
