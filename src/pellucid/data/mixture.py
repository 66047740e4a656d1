"""The co-training mixture: which clips step n trains on, a pure function of (seed, step), so resume is exact.

DKT, Sec. 3.3: clips of F = 4N + 1 frames, one N for a step; stills join at F = 1. Every sample is a crop variant of
a stretch of a sequence, drawn from a finite set, so that latents can be cached. A batch comes from one set.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from pellucid.camera import depth_to_normals
from pellucid.clip import Clip, InputError
from pellucid.data.augment import Augmentation, augment
from pellucid.data.sequences import Sequence
from pellucid.data.sets import SETS, read_clip


@dataclass(frozen=True, slots=True)
class Sample:
    """A stretch of a sequence under one augmentation variant."""

    sequence: Sequence
    start: int
    num_frames: int
    variant: int

    @property
    def name(self) -> str:
        return f"{self.sequence.name}_{self.start:04d}_{self.num_frames}_{self.variant}"


@dataclass(frozen=True, slots=True)
class Mixture:
    """Samples of each step.

    sizes are (height, width) of the crops, chosen with the variant; frames and frame_weights say how often a clip
    length is drawn; batch_frames is the number of frames in a batch, so long clips come in smaller batches.
    still_weights and clip_weights say how often each set is drawn for stills and for longer clips: a set that only
    one of them names gives nothing to the other, a set that neither names has weight 1. set_sizes are crops of sets
    that have their own. With `normals`, sets without normals get those of their depth.
    """

    sequences: tuple[Sequence, ...]
    sizes: tuple[tuple[int, int], ...]
    frames: tuple[int, ...]
    frame_weights: tuple[float, ...]
    batch_frames: int
    variants: int
    seed: int
    packed: int = 4  # frames in a latent frame
    augmentation: Augmentation = Augmentation()
    still_weights: dict[str, float] = field(default_factory=dict)
    clip_weights: dict[str, float] = field(default_factory=dict)
    set_sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    normals: bool = True

    def weight(self, kind: str, length: int) -> float:
        """How often a set is drawn for clips of so many frames, among those that have some."""
        named = self.still_weights if length == 1 else self.clip_weights
        return named.get(kind, 0.0 if kind in self.still_weights | self.clip_weights else 1.0)

    def offered(self, length: int) -> dict[str, list[Sequence]]:
        """The sequences that may give clips of so many frames, by set."""
        drawn = {kind for kind in SETS if self.weight(kind, length) > 0}
        offered: dict[str, list[Sequence]] = {}
        for s in self.sequences:
            if s.num_frames >= length and s.kind in drawn:
                offered.setdefault(s.kind, []).append(s)
        return offered

    def require(self, length: int) -> dict[str, list[Sequence]]:
        """What `offered` gives; raises InputError when that is nothing."""
        offered = self.offered(length)
        if not offered:
            raise InputError(
                f"no sequence has {length} frames, and clips of {self.frames} are drawn; "
                "add a --data folder with longer ones, or draw none of that length: --frame-weights with 0 for it"
            )
        return offered

    def absent(self) -> list[str]:
        """The sets that the weights name and that it has no sequence of: they drop out, the others share."""
        present = {s.kind for s in self.sequences}
        return [kind for kind, w in (self.still_weights | self.clip_weights).items() if w > 0 and kind not in present]

    def feasible(self) -> "Mixture":
        """The mixture without the lengths that no set gives, as stills alone or clips alone have none of the others.

        Raises InputError when no length is left. Rendered sequences alone are left as they are: of them every length
        is expected, and InputError names the first that none of them has.
        """
        if {s.kind for s in self.sequences} == {"rendered"}:
            for length, weight in zip(self.frames, self.frame_weights, strict=True):
                if weight > 0:
                    self.require(length)
            return self
        kept = [i for i, length in enumerate(self.frames) if self.offered(length)]
        if not kept:
            raise InputError(f"no set gives clips of {self.frames} frames; add another --data folder")
        frames, weights = tuple(self.frames[i] for i in kept), tuple(self.frame_weights[i] for i in kept)
        return replace(self, frames=frames, frame_weights=weights)

    def sizes_of(self, kind: str) -> tuple[tuple[int, int], ...]:
        return (self.set_sizes[kind],) if kind in self.set_sizes else self.sizes

    def batch(self, step: int) -> list[Sample]:
        """The samples of one step: one clip length and one size for all of them.

        Raises InputError when no sequence has as many frames as the length that was drawn.
        """
        rng = np.random.default_rng([self.seed, step])
        weights = np.asarray(self.frame_weights) / np.sum(self.frame_weights)
        length = int(rng.choice(self.frames, p=weights))
        size = int(rng.integers(len(self.sizes)))
        offered = self.require(length)
        kind, *others = offered
        if others:
            shares = np.array([self.weight(k, length) for k in offered])
            kind = str(rng.choice(list(offered), p=shares / shares.sum()))
        usable = offered[kind]
        size %= len(self.sizes_of(kind))
        # the cost of a clip is that of its latent frames
        count = max(1, round(self.batch_frames / (1 + (length - 1) // self.packed)))
        samples = []
        for pick in rng.integers(len(usable), size=count):
            sequence = usable[pick]
            hop = max(1, (length - 1) // 2)
            starts = range(0, sequence.num_frames - length + 1, hop)
            variant = size + len(self.sizes_of(kind)) * int(rng.integers(self.variants))
            samples.append(Sample(sequence, starts[int(rng.integers(len(starts)))], length, variant))
        return samples

    def load(self, sample: Sample) -> Clip:
        """The augmented clip of a sample; the same sample always gives the same clip."""
        kind = sample.sequence.kind
        clip = read_clip(sample.sequence, sample.start, sample.start + sample.num_frames)
        if clip.normals is None and self.normals:
            clip = with_normals(clip)
        trained_depth = SETS[kind].trained_depth
        if trained_depth is not None and clip.depth is not None:
            clip = replace(clip, depth=trained_depth(clip.depth))
        rng = np.random.default_rng([self.seed, sample.sequence.seed, sample.start, sample.num_frames, sample.variant])
        sizes = self.sizes_of(kind)
        return augment(clip, sizes[sample.variant % len(sizes)], self.augmentation, rng)


def with_normals(clip: Clip) -> Clip:
    """The clip with the normals of its depth; they are unknown where depth or a neighbour's is."""
    assert clip.depth is not None and clip.K is not None
    return replace(clip, normals=np.stack([depth_to_normals(z, clip.K) for z in clip.depth]))
