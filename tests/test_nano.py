"""The model in the package: it fits, it loads without a network connection, and it sees the sample clip."""

from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid import GeometryPipeline
from pellucid.video import open_source, stream

ROOT = Path(__file__).parents[1]
NANO = Path(pellucid.__file__).parent / "assets" / "nano"


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return np.concatenate(list(stream(open_source(ROOT / "examples" / "sample.mp4"))))


def test_the_shipped_weights_are_small():
    assert sum(f.stat().st_size for f in NANO.rglob("*.safetensors")) < 40e6


def test_disparity_of_the_sample_falls_with_distance(sample):
    """The sample looks down on a table: what is low in the picture is near."""
    out = GeometryPipeline.from_pretrained("nano", local_files_only=True)(sample[:5])
    assert out.disparity.shape == sample[:5].shape[:3]
    top, bottom = np.split(out.disparity, [100], axis=1)[0], np.split(out.disparity, [200], axis=1)[1]
    assert bottom.mean() - top.mean() > 0.3


def test_normals_of_the_sample_face_the_camera_and_the_table_looks_up(sample):
    """OpenCV's frame: y down, z forward."""
    normals = GeometryPipeline.from_pretrained("nano-normal", local_files_only=True)(sample[:1]).normals[0]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-4)
    assert (normals[..., 2] < 0).mean() > 0.99
    table = np.median(normals[-30:].reshape(-1, 3), axis=0)
    assert table[1] < -0.5 and abs(table[0]) < 0.3


def test_dkt_sees_the_sample_whatever_the_noise(sample):
    """Another seed is another noise; what it paints is the picture's."""
    pipe = GeometryPipeline.from_pretrained("nano-dkt", local_files_only=True)
    assert pipe.config.method == "dkt"
    first, second = (pipe(sample[:1], seed=seed).disparity[0] for seed in (1, 2))
    for disparity in (first, second):
        assert disparity[200:].mean() - disparity[:100].mean() > 0.3
    assert not np.array_equal(first, second)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.95
