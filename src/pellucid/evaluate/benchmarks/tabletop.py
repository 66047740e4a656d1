"""Transparent and shiny things on tables: the sets of DKT's tables, ClearGrasp's real twins, and your own frames."""

from dataclasses import replace
from pathlib import Path

from pellucid.data import cleargrasp, clearpose, dreds, rgbd, transphy3d
from pellucid.data.frames import missing
from pellucid.data.sequences import Sequence
from pellucid.evaluate.benchmarks.items import benchmark
from pellucid.evaluate.protocol import Protocol

SHORT, LONG = 120, 500  # frames
FRAMES = "the paper does not say how many frames; here the first {} of each scene"
CLEARPOSE = Protocol(
    split="test",
    clips=27,
    frames=SHORT,
    min_depth=0.3,
    max_depth=1.5,
    invalid="0, and outside the range: the background is masked to it",
    source="DKT (arXiv:2512.23705) Tables I, III and V: 27 scenes, 0.3 to 1.5 m, one scale and shift for a clip; which "
    f"27 is inferred, they are the authors' test split; {FRAMES.format(SHORT)}",
)
STD = Protocol(
    frames=SHORT,
    min_depth=0.2,
    max_depth=2.0,
    invalid="not finite, 0 or less, and outside the range",
    source="DKT (arXiv:2512.23705) Table II: one scale and shift for a clip; the range is D3RoMa's (arXiv:2409.14365), "
    f"the paper gives none; {FRAMES.format(SHORT)}",
)


def _longer(protocol: Protocol) -> Protocol:
    return replace(
        protocol, frames=LONG, source=f"ours: as short, with the first {LONG} frames; the paper has no long clips"
    )


def _released_test(root: Path, split: str | None, first: int | None = None) -> list[Sequence]:
    assert split == "test"
    found = [s for s in transphy3d.find(root, "all") if s.path.parent.name == "test"]
    if not found:
        raise missing(root / "test" / "*.000000.tar")
    return found[:first]


TABLETOP = (
    benchmark(
        "clearpose",
        "ClearPose, the 27 scenes of its test split (real, L515)",
        (clearpose.find, clearpose.read),
        {"short": CLEARPOSE, "long": _longer(CLEARPOSE)},
        masks="household and laboratory things of glass and clear plastic (object numbers 1 to 63)",
        url="https://github.com/opipari/ClearPose",
        licence="MIT",
    ),
    *(
        benchmark(
            f"std-cat{split}",
            f"DREDS's STD-Cat{split.capitalize()}, {count} scenes (real, D415)",
            (dreds.find_std, dreds.read_std),
            {
                "short": replace(STD, split=split, clips=count),
                "long": _longer(replace(STD, split=split, clips=count)),
            },
            masks="objects of transparent material",
            url="https://github.com/PKU-EPIC/DREDS",
            licence="CC BY-NC 4.0",
        )
        for split, count in (("known", len(dreds.STD_KNOWN)), ("novel", dreds.STD_NOVEL))
    ),
    benchmark(
        "transphy3d",
        "TransPhy3D-Test as released (rendered)",
        (_released_test, transphy3d.read),
        {
            "short": Protocol(
                split="test",
                invalid=f"beyond {transphy3d.SATURATED} of a frame's max_depth",
                source="DKT (arXiv:2512.23705) Table I: all frames, one scale and shift for a clip; the paper scores "
                "28 scenes, the release does not say which of its sequences they are, so all are scored",
            ),
        },
        masks="none as released; every transparent object in tars of ours",
        url="https://github.com/Daniellli/DKT (which links to the set on Hugging Face)",
        licence="Apache-2.0",
    ),
    benchmark(
        "cleargrasp",
        "ClearGrasp's real pictures, measured again with painted twins of the objects (real, D415 and D435)",
        (cleargrasp.find_real, cleargrasp.read_real),
        {
            "image": Protocol(
                invalid="0 or NaN: the sensor saw nothing of the painted twin",
                source="ours, on real-val and real-test of ClearGrasp (arXiv:1910.02550): every picture, one scale and "
                "shift; that paper scores metric depth on the mask alone (alignment none)",
            ),
        },
        masks="the transparent objects",
        url="https://github.com/Shreeyak/cleargrasp",
        licence="Apache-2.0 for the code and its samples; for the data none is stated",
    ),
    benchmark(
        "rgbd-frames",
        "Frames of a depth camera of yours; its depth is no truth on glass, mirrors and metal",
        (rgbd.find, rgbd.read),
        {
            "image": Protocol(
                max_depth=10.0, invalid="0: the sensor saw nothing", source="ours: every frame, one scale and shift"
            )
        },
        url="a depth camera of yours: NAME_rgb.jpg and NAME_depth.png in millimetres",
        licence="yours",
    ),
)
