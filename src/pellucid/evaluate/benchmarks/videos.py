"""Rooms, streets, people and a film: the videos of DVD's tables."""

from dataclasses import replace

from pellucid.data import bonn, kitti, scannet, sintel
from pellucid.evaluate.benchmarks.items import benchmark
from pellucid.evaluate.protocol import Protocol

DVD = (
    "DVD (arXiv:2603.12250) Tables {} and 3, whose clips have {} frames: one scale and shift for a clip, range, size "
    "and crop of the released loader; which clips is not said, here those of {} benchmark code"
)
SHORT = DVD.format(1, "50 to 200", "DepthCrafter's (arXiv:2409.02095) and Video Depth Anything's (arXiv:2501.12375)")
LONG = DVD.format(2, "more than 200", "Video Depth Anything's (arXiv:2501.12375)") + ", up to 500 frames"
SCRIPT = (
    "DVD's released script: the first ten {} of 300 frames or more; instead of a shorter one its loader takes the "
    "next, which then counts twice; here the shorter one is left out"
)

KB, EIGEN = (352, 1216), (117, 321, 43, 1172)
KITTI = Protocol(
    split="val",
    clips=13,
    frames=110,
    view=KB,
    crop=EIGEN,
    min_depth=0.1,
    max_depth=80.0,
    invalid="0, and outside the range or Eigen's crop",
    source=f"{SHORT}: the 13 drives of the validation split",
)
SCANNET = Protocol(
    split="test",
    clips=100,
    frames=90,
    stride=3,
    min_depth=0.1,
    max_depth=10.0,
    invalid="0, and outside the range",
    source=f"{SHORT}: a hundred test scans; their crop by 8 and 11 pixels is not DVD's",
)
BONN = Protocol(
    split="five",
    clips=5,
    start=30,
    frames=110,
    min_depth=1e-3,
    max_depth=10.0,
    invalid="0, and outside the range",
    source=f"{SHORT}: five sequences, frames 30 to 140, here of the pairs within 0.02 s as in DVD's loader",
)


def _long(protocol: Protocol) -> Protocol:
    return replace(protocol, start=0, stride=1, frames=500, source=LONG)


def _script(protocol: Protocol, split: str, what: str) -> Protocol:
    return replace(
        protocol, split=split, start=0, stride=1, frames=300, min_frames=300, clips=10, source=SCRIPT.format(what)
    )


VIDEOS = (
    benchmark(
        "kitti",
        "KITTI's drives with annotated lidar depth (real)",
        (kitti.find, kitti.read),
        {
            "short": KITTI,
            "long": _long(KITTI),
            "dvd": replace(
                _script(KITTI, "train", "drives of the training split, which is the loader's default,"),
                min_frames=1,  # its reader knows which are long enough
            ),
            "image": replace(
                KITTI,
                split="eigen",
                clips=652,
                frames=None,
                min_depth=1e-5,
                source="DVD's released image configuration, which is Marigold's (arXiv:2312.02145): Eigen's 652 test "
                "pictures with annotated depth, KB view, Eigen crop",
            ),
        },
        url="https://www.cvlibs.net/datasets/kitti (raw data, and annotated depth of the depth benchmark)",
        licence="CC BY-NC-SA 3.0",
    ),
    benchmark(
        "scannet",
        "ScanNet's rooms (real, Structure sensor)",
        (scannet.find, scannet.read),
        {
            "short": SCANNET,
            "long": _long(SCANNET),
            "dvd": _script(SCANNET, "all", "scans that are there,"),
            "image": replace(
                SCANNET,
                split="800",
                clips=800,
                frames=None,
                stride=1,
                min_depth=1e-3,
                source="DVD's released image configuration, which its script leaves out, and which is Marigold's "
                "(arXiv:2312.02145): 800 pictures drawn from the validation scans",
            ),
        },
        url="http://www.scan-net.org",
        licence="ScanNet's terms of use, non-commercial",
    ),
    benchmark(
        "bonn",
        "Bonn's RGB-D videos of moving people and things (real, Xtion)",
        (bonn.find, bonn.read),
        {"short": BONN, "long": _long(BONN), "dvd": _script(BONN, "all", "sequences")},
        url="https://www.ipb.uni-bonn.de/data/rgbd-dynamic-dataset",
        licence="not stated by its authors",
    ),
    benchmark(
        "sintel",
        "MPI Sintel's 23 scenes with depth (animated film)",
        (sintel.find, sintel.read),
        {
            "short": Protocol(
                split="final",
                clips=23,
                size=(480, 640),
                min_depth=0.1,
                max_depth=70.0,
                invalid="outside the range, so the sky too",
                source="DVD (arXiv:2603.12250) Table 1 and its released loader: the final pass, one scale and shift "
                "for a clip; DepthCrafter and Video Depth Anything take the clean pass at its own size (split clean)",
            )
        },
        url="http://sintel.is.tue.mpg.de (training images, depth and cameras)",
        licence="of the film CC BY 3.0; of the set none is stated beyond citing it",
    ),
)
