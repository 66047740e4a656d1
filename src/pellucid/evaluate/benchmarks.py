"""Every benchmark by name."""

from functools import partial
from pathlib import Path

from pellucid.clip import InputError
from pellucid.data import sequences
from pellucid.evaluate.cut import read_cut
from pellucid.evaluate.protocol import Benchmark, Item, Protocol


def _held_out(root: Path, protocol: Protocol) -> list[Item]:
    found = sequences.find_sequences([root], "held-out")[: protocol.clips]
    return [Item(name=s.name, read=partial(read_cut, sequences.read_sequence, s, protocol)) for s in found]


def _test_scenes(root: Path, protocol: Protocol) -> list[Item]:
    found = [s for s in sequences.find_sequences([root], "all") if sequences.is_test(s)][: protocol.clips]
    if not found:
        raise InputError(f"{root}: no scene of the test set; render it with pellucid render --split test --seed 0")
    return [Item(name=s.name, read=partial(read_cut, sequences.read_sequence, s, protocol)) for s in found]


BENCHMARKS = {
    b.name: b
    for b in (
        Benchmark(
            name="transphy3d-ours",
            title="TransPhy3D-Test as rendered by pellucid render --split test",
            protocols={"short": Protocol(source="ours, after DKT Sec. 4.2: all frames, one scale and shift per clip")},
            find=_test_scenes,
            url="https://pellucid.readthedocs.io/rendering",
            licence="yours: the scenes are rendered on your machine",
        ),
        Benchmark(
            name="transphy3d-mini",
            title="held-out scenes (seeds 1 modulo 7) of a folder of rendered training scenes",
            protocols={"short": Protocol(source="ours: all frames, one scale and shift per clip")},
            find=_held_out,
            url="https://pellucid.readthedocs.io/rendering",
            licence="yours: the scenes are rendered on your machine",
        ),
    )
}
