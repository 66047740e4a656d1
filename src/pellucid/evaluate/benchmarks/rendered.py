"""Scenes that `pellucid render` made: the test set, and what a folder of training scenes holds out."""

from pathlib import Path
from typing import Any

from pellucid.data import sequences
from pellucid.data.frames import MissingFiles, missing, require
from pellucid.data.sequences import Sequence
from pellucid.evaluate.benchmarks.items import benchmark
from pellucid.evaluate.protocol import Protocol
from pellucid.synth.sampling import TEST_SEEDS

MASKS = "every transparent object"
LICENCE = "yours, it is rendered on your machine"
# Tables and the floor around them. Without an end, one pixel that a fit takes for infinite would be all of the RMSE.
RANGE: dict[str, Any] = {"min_depth": 0.1, "max_depth": 10.0, "invalid": "not finite, and outside the range"}


def _test(root: Path, split: str | None, first: int | None = None) -> list[Sequence]:
    found = [s for s in sequences.list_sequences(root, "all") if _rendered_for(s) == split]
    if not found:
        raise MissingFiles([root / f"s{seed}" / "camera.json" for seed in TEST_SEEDS])
    return _whole(found[:first])


def _held_out(root: Path, split: str | None, first: int | None = None) -> list[Sequence]:
    assert split == "held-out"
    found = sequences.list_sequences(root, "held-out")
    if not found:
        raise missing(root / "s00001" / "camera.json")
    return _whole(found[:first])


def _rendered_for(sequence: Sequence) -> str | None:
    return sequences.read_camera(sequence.path).get("split")


def _whole(found: list[Sequence]) -> list[Sequence]:
    """The sequences, if none of them lacks a file."""
    streams = ("rgb_{:04d}.jpg", "depth_{:04d}.png", "normal_{:04d}.png", "label_{:04d}.png")
    require([s.path / name.format(t + 1) for s in found for t in range(s.num_frames) for name in streams])
    return found


RENDERED = (
    benchmark(
        "transphy3d-ours",
        "TransPhy3D-Test of ours: 28 scenes of shapes and materials that training scenes never have",
        (_test, sequences.read_sequence),
        {
            "short": Protocol(
                split="test",
                clips=len(TEST_SEEDS),
                **RANGE,
                source="after DKT (arXiv:2512.23705) Table I: all frames of 28 scenes, one scale and shift for a "
                "clip; the scenes and the range are ours",
            ),
        },
        masks=MASKS,
        url="pellucid render --out DIR --scenes 28 --frames 120 --split test",
        licence=LICENCE,
    ),
    benchmark(
        "transphy3d-mini",
        "What a folder of rendered training scenes holds out: seeds 1 modulo 7",
        (_held_out, sequences.read_sequence),
        {"short": Protocol(split="held-out", **RANGE, source="ours: all frames, one scale and shift for a clip")},
        masks=MASKS,
        url="pellucid render --out DIR --scenes N",
        licence=LICENCE,
    ),
)
