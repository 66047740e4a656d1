"""Rooms, streets, people and a film: the videos of DVD's tables."""

from dataclasses import replace

from pellucid.data import bonn, kitti, scannet, sintel
from pellucid.evaluate.benchmarks.items import benchmark
from pellucid.evaluate.protocol import Protocol

CLIPS = "clips of DepthCrafter's (arXiv:2409.02095) and Video Depth Anything's (arXiv:2501.12375) benchmark code"
LONG_CLIPS = "clips of Video Depth Anything's (arXiv:2501.12375) benchmark code, up to 500 frames"
DVD = "DVD (arXiv:2603.12250) Tables {}: one scale and shift for a clip; range and size of its released loader"
SCRIPT = "DVD's released script: the first ten {} of 300 frames or more; the loader scores the next one instead of a "
SCRIPT += "shorter one, and then again; here it is left out"

KB, EIGEN = (352, 1216), (117, 321, 43, 1172)
KITTI = Protocol(
    split="val",
    frames=110,
    view=KB,
    crop=EIGEN,
    min_depth=0.1,
    max_depth=80.0,
    invalid="0, and outside the range or Eigen's crop",
    source=f"{DVD.format('1 and 3')}, with its KB view and Eigen crop; {CLIPS}: the 13 drives of the validation split",
)
SCANNET = Protocol(
    split="test",
    frames=90,
    stride=3,
    min_depth=0.1,
    max_depth=10.0,
    invalid="0, and outside the range",
    source=f"{DVD.format('1 and 3')}; {CLIPS}: a hundred test scans, but for the crop by 8 and 11 pixels",
)
BONN = Protocol(
    split="five",
    start=30,
    frames=110,
    min_depth=1e-3,
    max_depth=10.0,
    invalid="0, and outside the range",
    source=f"{DVD.format('1 and 3')}; {CLIPS}: five sequences, frames 30 to 140, here of the pairs within 0.02 s as in "
    "DVD's loader",
)


def _long(protocol: Protocol) -> Protocol:
    return replace(protocol, start=0, stride=1, frames=500, source=f"{DVD.format('2 and 3')}; {LONG_CLIPS}")


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
            "dvd": _script(KITTI, "train", "drives of the training split, which is the loader's default,"),
            "image": replace(
                KITTI,
                split="eigen",
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
        {"short": SCANNET, "long": _long(SCANNET), "dvd": _script(SCANNET, "all", "scans that are there,")},
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
                size=(480, 640),
                min_depth=0.1,
                max_depth=70.0,
                invalid="outside the range, so the sky too",
                source=f"{DVD.format('1')}: the final pass; Video Depth Anything and DepthCrafter take the clean pass "
                "at its own size (split clean)",
            )
        },
        url="http://sintel.is.tue.mpg.de (training images, depth and cameras)",
        licence="of the film CC BY 3.0; of the set none is stated beyond citing it",
    ),
)
