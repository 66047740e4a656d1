"""A benchmark of three small clips and an estimator that errs by a known wave."""

import dataclasses

import numpy as np

from pellucid.clip import Clip, Prediction
from pellucid.evaluate.protocol import Benchmark, Item, Protocol
from pellucid.evaluate.run import Job
from pellucid.evaluate.sources import Running, Saved

SHAPE = (3, 40, 48)
SEAMS = [
    {"start": 1, "overlap": 1, "scale": 1.02, "shift": -0.01, "residual": 0.01},
    {"start": 2, "overlap": 1, "scale": 0.7, "shift": 0.1, "residual": 0.2},
]
K = np.array([[60.0, 0, 23.5], [0, 60, 19.5], [0, 0, 1]])


def clip(name, seed, shape=SHAPE):
    rng = np.random.default_rng(seed)
    rows = np.arange(shape[1]).reshape(-1, 1)
    depth = np.broadcast_to(3 - rows / 40, shape).copy().astype(np.float32)
    depth[:, 10:25, 15:35] = 1
    transparent = depth == 1
    rgb = (np.broadcast_to(rng.integers(0, 256, (*shape[1:], 3)), (*shape, 3))).astype(np.uint8)
    poses = np.broadcast_to(np.eye(4), (shape[0], 4, 4))
    return Clip(name=name, rgb=rgb, K=K, T_world_camera=poses, depth=depth, transparent=transparent)


CLIPS = {name: clip(name, seed) for seed, name in enumerate(("one", "two/a", "three"))}


class Estimate:
    """True disparity with an error that grows by the clip; counts its calls and has a receipt."""

    def __init__(self, error=0.05, settings=0):
        self.error, self.settings, self.calls = error, settings, 0

    def __call__(self, rgb):
        self.calls += 1
        found = next(c for c in CLIPS.values() if c.rgb.shape == rgb.shape and (c.rgb == rgb).all())
        phase = np.arange(SHAPE[2]) / 3 + np.arange(SHAPE[0]).reshape(-1, 1, 1)  # a wave that wanders
        wave = 1 + self.error * (1 + list(CLIPS).index(found.name)) * np.sin(phase)
        values = (wave / found.depth).astype(np.float32)
        return Prediction(quantity="disparity", invariance="affine", values=values)

    def receipt(self):
        measured = {"seconds": {"total": 1.5}, "seams": SEAMS} if self.calls else {}
        return {"estimator": "wavy", "weights_sha256": "abc", "settings": self.settings, **measured}


def benchmark(name="clearpose", clips=CLIPS):
    """A set that pretends to be one of the papers', so that their rows stand beside ours."""
    return Benchmark(
        name=name, title="Three boxes", protocols={"short": Protocol(source="this test")},
        find=lambda *_: [Item(name=n, read=lambda c=c: c) for n, c in clips.items()], masks="the box",
        url="nowhere", licence="none",
    )  # fmt: skip


def a_job(out, estimator, name="wavy", bench=None, **changes):
    bench = bench or benchmark()
    protocol = dataclasses.replace(bench.protocols["short"], **changes)
    source = estimator if isinstance(estimator, Saved) else Running(name, estimator)
    items = bench.find(out, protocol)[: protocol.clips]
    return Job(source=source, benchmark=bench, protocol_name="short", protocol=protocol, items=items, out=out)
