"""Where the golden numbers and the real photographs and videos lie.

They are kept beside the repository, not in it. `PELLUCID_SHARED` names their folder (default: `../shared`).
Without them the tests that need them are skipped and say so, unless `PELLUCID_REQUIRE_SHARED=1`, as in CI.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

SHARED = Path(os.environ.get("PELLUCID_SHARED", Path(__file__).parents[2] / "shared"))


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        message = f"{name}/ not found in the shared folder; set PELLUCID_SHARED to the folder that holds it"
        if os.environ.get("PELLUCID_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch on one thread: small networks are no faster on more, and tests run beside each other."""
    import torch  # the tests of the layers without it use this file too

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden() -> Path:
    return _shared("golden")


@pytest.fixture(scope="session")
def real() -> Path:
    return _shared("real")


@pytest.fixture(scope="session")
def transphy3d_mini() -> Path:
    return _shared("transphy3d_mini")


@pytest.fixture(scope="session")
def sequences(tmp_path_factory) -> Path:
    """Four small sequences in the format of rendered scenes, seeds 2 to 4 and 8: a sphere before a tilted plane."""
    root = tmp_path_factory.mktemp("sequences")
    rows, columns = np.indices((48, 64)).astype(np.float32)
    for seed in (2, 3, 4, 8):
        folder = root / f"s{seed:05d}"
        folder.mkdir()
        for t in range(9):
            x, y = (columns - 24 - t) / 10, (rows - 20) / 10
            inside = x**2 + y**2 < 1
            bulge = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
            depth = np.where(inside, 0.8 - 0.1 * bulge, 1.6 - rows / 60)
            normal = np.where(inside[..., None], np.stack([x, y, -bulge], -1), np.array([0, -0.6, -0.8]))
            label = np.zeros((48, 64, 3), np.uint8)
            label[inside] = (0, 1, 1)  # blue, green = material, red = instance
            rgb = np.stack([columns * 4, rows * 5, np.where(inside, 200, 40 + 10 * seed)], -1)
            name = f"{t + 1:04d}"
            cv2.imwrite(str(folder / f"rgb_{name}.jpg"), rgb.clip(0, 255).astype(np.uint8))
            cv2.imwrite(str(folder / f"depth_{name}.png"), (depth / 2e-4).astype(np.uint16))
            coded = (np.round(normal * 127) + 128).astype(np.uint8)
            cv2.imwrite(str(folder / f"normal_{name}.png"), coded[..., ::-1])
            cv2.imwrite(str(folder / f"label_{name}.png"), label)
        camera = {
            "frames": 9,
            "seed": seed,
            "K": [[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]],
            "camera_from_world": np.tile(np.eye(4), (9, 1, 1)).tolist(),
        }
        (folder / "camera.json").write_text(json.dumps(camera))
    return root


@pytest.fixture(scope="session")
def public_sets(tmp_path_factory) -> dict[str, Path]:
    """Hypersim, TartanAir and Virtual KITTI 2 in small, each with something to train on and something held out."""
    from public_sets import write_hypersim, write_tartanair, write_vkitti

    root = tmp_path_factory.mktemp("public")
    return {
        "hypersim": write_hypersim(root / "hypersim", {"ai_001_001": 1, "ai_001_002": 2}),
        "tartanair": write_tartanair(root / "tartanair", {"office/Easy/P000": 7, "office/Hard/P001": 5}),
        "vkitti": write_vkitti(root / "vkitti", {"Scene01/clone": 5, "Scene02/fog": 6}),
    }
