"""Single pictures of rooms, streets and buildings: the stills of DVD's table of images."""

from pellucid.data import diode, eth3d, nyuv2
from pellucid.evaluate.benchmarks.items import benchmark
from pellucid.evaluate.protocol import Protocol

DVD = "DVD (arXiv:2603.12250) Table 4 and its released image configuration, which is Marigold's (arXiv:2312.02145)"

STILLS = (
    benchmark(
        "nyuv2",
        "NYU Depth V2, 654 test pictures of rooms (real, Kinect)",
        (nyuv2.find, nyuv2.read),
        {
            "image": Protocol(
                split="test",
                clips=654,
                crop=(45, 471, 41, 601),
                min_depth=1e-3,
                max_depth=10.0,
                invalid="0 in the sensor's own depth, and outside the range or Eigen's crop",
                source=f"{DVD}: one scale and shift for a picture",
            )
        },
        url="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html (labelled set, splits.mat)",
        licence="not stated by its authors",
    ),
    benchmark(
        "diode",
        "DIODE's validation set, 771 pictures indoors and outdoors (real, laser)",
        (diode.find, diode.read),
        {
            "image": Protocol(
                split="val",
                clips=771,
                min_depth=0.6,
                max_depth=350.0,
                invalid="where the set's mask is 0, and outside the range",
                source=f"{DVD}, which scores all that the mask marks and keeps predictions in the range",
            )
        },
        url="https://diode-dataset.org (val.tar.gz, and val_normals.tar.gz for normals)",
        licence="MIT",
    ),
    benchmark(
        "eth3d",
        "ETH3D's training scenes, 454 pictures (real, laser)",
        (eth3d.find, eth3d.read),
        {
            "image": Protocol(
                split="training",
                clips=454,
                size=(480, 720),
                min_depth=1e-5,
                invalid="infinite or 0: the laser saw nothing",
                source=f"{DVD}: brought to 480x720",
            )
        },
        url="https://www.eth3d.net/datasets (multi_view_training_dslr_jpg, and <scene>_dslr_depth of each scene)",
        licence="CC BY-NC-SA 4.0",
    ),
)
