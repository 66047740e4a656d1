"""The co-training mixture: which clips step n trains on, a pure function of (seed, step), so resume is exact.

DKT, Sec. 3.3: clips of F = 4N + 1 frames, one N for a step; stills join at F = 1. Every sample is a crop variant of
a stretch of a sequence, drawn from a finite set, so that latents can be cached.
"""

from dataclasses import dataclass

import numpy as np

from pellucid.clip import Clip
from pellucid.data.augment import Augmentation, augment
from pellucid.data.sequences import Sequence, read_sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """A stretch of a sequence under one augmentation variant."""

    sequence: Sequence
    start: int
    num_frames: int
    variant: int

    @property
    def name(self) -> str:
        return f"{self.sequence.path.name}_{self.start:04d}_{self.num_frames}_{self.variant}"


@dataclass(frozen=True, slots=True)
class Mixture:
    """Samples of each step.

    sizes are (height, width) of the crops, chosen with the variant; frames and frame_weights say how often a clip
    length is drawn; batch_frames is the number of frames in a batch, so long clips come in smaller batches.
    """

    sequences: tuple[Sequence, ...]
    sizes: tuple[tuple[int, int], ...]
    frames: tuple[int, ...]
    frame_weights: tuple[float, ...]
    batch_frames: int
    variants: int
    seed: int
    augmentation: Augmentation = Augmentation()

    def batch(self, step: int) -> list[Sample]:
        """The samples of one step: one clip length and one size for all of them."""
        rng = np.random.default_rng([self.seed, step])
        weights = np.asarray(self.frame_weights) / np.sum(self.frame_weights)
        length = int(rng.choice(self.frames, p=weights))
        size = int(rng.integers(len(self.sizes)))
        usable = [s for s in self.sequences if s.num_frames >= length]
        if not usable:
            raise ValueError(f"no sequence has {length} frames; render longer ones or draw shorter clips")
        # the cost of a clip is that of its latent frames
        count = max(1, round(self.batch_frames / (1 + (length - 1) // 4)))
        samples = []
        for pick in rng.integers(len(usable), size=count):
            sequence = usable[pick]
            hop = max(1, (length - 1) // 2)
            starts = range(0, sequence.num_frames - length + 1, hop)
            variant = size + len(self.sizes) * int(rng.integers(self.variants))
            samples.append(Sample(sequence, starts[int(rng.integers(len(starts)))], length, variant))
        return samples

    def load(self, sample: Sample) -> Clip:
        """The augmented clip of a sample; the same sample always gives the same clip."""
        clip = read_sequence(sample.sequence, sample.start, sample.start + sample.num_frames)
        rng = np.random.default_rng([self.seed, sample.sequence.seed, sample.start, sample.num_frames, sample.variant])
        return augment(clip, self.sizes[sample.variant % len(self.sizes)], self.augmentation, rng)
