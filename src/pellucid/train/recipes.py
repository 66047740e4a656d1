"""Complete training runs as frozen dataclasses; an ablation is `dataclasses.replace`, an override `--field value`.

The official recipes carry the papers' settings (DKT: arXiv:2512.23705 Sec. 4.1; DVD: arXiv:2603.12250 Table 5 and its
released configuration); the nano recipes are ours, sized for two CPU cores.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from pellucid.clip import InputError
from pellucid.data.augment import Augmentation
from pellucid.data.sets import SETS


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a training run; written beside its checkpoints."""

    method: Literal["dkt", "dvd", "autoencoder", "completion"]
    quantity: Literal["disparity", "normals"] = "disparity"
    tau: float = 0.5
    """DVD's fixed timestep, above 0 and at most 1; the trained pipeline works at it too."""
    weighted: bool = True
    """DKT's loss with the released code's weights, which are small where there is mostly noise, or all alike as in the
    paper."""
    spatial_weight: float = 0.5
    """Weight of DVD's loss on the latent's gradients within a frame."""
    temporal_weight: float = 0.5
    """Weight of DVD's loss on its gradients from frame to frame."""

    base: str | None = None
    """Model to start from: an official name, a folder, or a checkpoint of another run; none starts from scratch."""
    base_share: float = 0.0
    """Share of the base's weights in those that come out, when all are trained, so that it forgets less
    (arXiv:2109.01903)."""
    transformer: dict = field(default_factory=dict)
    """Constructor arguments of the transformer, when it starts from scratch."""
    vae: dict = field(default_factory=dict)
    """Constructor arguments of the autoencoder, when it starts from scratch."""
    autoencoder: str | None = None
    """Folder of the autoencoder, when the base brings none."""
    lora_rank: int | None = None
    """Rank of the adapters; none trains every weight."""
    lora_alpha: int | None = None
    lora_cross_attention: bool = True
    """Adapters on cross-attention too; without a prompt it gives every token the same."""
    lora_head: bool = False
    """An adapter of full rank on the head too, for answers of another kind than the base's."""
    adapter: str | None = None
    """Adapter to go on from, of the same ranks: a model's name, a folder, or another run."""

    steps: int
    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon: Muon for the matrices inside the blocks, with steps as large as AdamW's, AdamW for the rest."""
    learning_rate: float
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0
    accumulation: int = 1
    mixed_precision: Literal["no", "bf16"] = "bf16"
    gradient_checkpointing: bool = False

    sizes: tuple[tuple[int, int], ...] = ((480, 832),)
    """Crops, height and width; one size a step."""
    frames: tuple[int, ...] = (1, 5, 9, 13, 17, 21)
    """Clip lengths F = 4N + 1; stills are F = 1."""
    frame_weights: tuple[float, ...] = (1, 1, 1, 1, 1, 1)
    still_weights: tuple[tuple[str, float], ...] = ()
    """How often each set is drawn for stills: rendered, hypersim, tartanair, vkitti. A set that neither this nor
    clip_weights names has weight 1, one that the data lack drops out."""
    clip_weights: tuple[tuple[str, float], ...] = ()
    """How often each set is drawn for longer clips."""
    set_sizes: tuple[tuple[str, int, int], ...] = ()
    """Crops of sets that have their own: name, height and width."""
    batch_frames: int = 8
    """Latent frames in a batch: stills come by so many, clips by fewer."""
    packed: int = 4
    """Frames in a latent frame, but for the first, which stands alone: 4 in Wan's autoencoder, 1 in nano's."""
    variants: int = 8
    """Augmentations drawn of each clip; a finite number lets latents be cached."""
    augmentation: Augmentation = Augmentation()
    cache_latents: bool = True

    resolution: tuple[int, int] | None = None
    """Height and width that the trained pipeline works at by default; none is the first of the sizes."""
    window: int
    """Window of the trained pipeline: latent frames for DKT, video frames for DVD."""
    overlap: int
    """Overlap of its windows, counted alike."""
    num_inference_steps: int = 5
    """Euler steps that it takes by default with DKT; DVD always takes one."""

    validate_every: int = 500
    validation_batches: int = 12
    """Held-out batches of a validation; 0 does without."""
    checkpoint_every: int = 500
    keep_minutes: float = 5.0
    """A checkpoint is also written after so many minutes."""
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.frame_weights):
            raise InputError(
                f"frames has {len(self.frames)} entries, frame_weights {len(self.frame_weights)}; give each a weight"
            )
        if any((f - 1) % 4 for f in self.frames):
            raise InputError(f"frames {self.frames}: every clip length must be 4N + 1")
        weights = self.still_weights + self.clip_weights
        unknown = sorted(({name for name, _ in weights} | {name for name, _, _ in self.set_sizes}) - set(SETS))
        if unknown:
            raise InputError(f"there is no set {unknown[0]!r}; available: {', '.join(SETS)}")
        if any(not 0 <= w < float("inf") for _, w in weights):
            raise InputError("still_weights and clip_weights must be 0 or more")
        if not 0 < self.tau <= 1:
            raise InputError(f"tau is {self.tau}; it must be above 0 and at most 1")
        if not 0 <= self.base_share < 1:
            raise InputError(f"base_share is {self.base_share}; it must be at least 0 and below 1")
        if self.base_share and (self.base is None or self.lora_rank is not None):
            raise InputError("base_share needs a base all of whose weights are trained: give --base, no --lora-rank")
        if self.adapter is not None and self.lora_rank is None:
            raise InputError("adapter is for recipes that train one: give --lora-rank, or --base to go on from a model")
        if self.spatial_weight < 0 or self.temporal_weight < 0:
            raise InputError("spatial_weight and temporal_weight must be 0 or more")
        counts = "steps", "batch_frames", "accumulation", "validate_every", "checkpoint_every", "num_inference_steps"
        for name in counts:
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")


def dkt_depth_1_3b() -> Recipe:
    """DKT-Depth-1.3B: LoRA on Wan2.1-Fun-1.3B-Control, 70 K steps of batch 8 at 832x480 (paper, 8 H100, two days)."""
    # Paper: rank not given; released application: a path names 128.
    return Recipe(
        method="dkt", base="wan2.1-fun-1.3b-control", window=21, overlap=3,
        lora_rank=128, lora_alpha=128, steps=70_000, learning_rate=1e-5,
        gradient_checkpointing=True, variants=1_000_000, cache_latents=False,
    )  # fmt: skip


def dkt_depth_14b() -> Recipe:
    """DKT-Depth-14B: the same on Wan2.1-Fun-14B-Control."""
    return replace(dkt_depth_1_3b(), base="wan2.1-fun-14b-control")


def dkt_normal_1_3b() -> Recipe:
    """Normals at 1.3B, which the authors did not release."""
    return replace(dkt_depth_1_3b(), quantity="normals", base="wan2.1-fun-1.3b-control-normal")


def dkt_normal_14b() -> Recipe:
    """DKT-Normal-14B."""
    return replace(dkt_depth_14b(), quantity="normals", base="wan2.1-fun-14b-control-normal")


def dvd_depth_1_3b() -> Recipe:
    """DVD: LoRA of rank 512 on Wan2.1-T2V-1.3B, stills in batches of 8 and clips of 45 frames one by one, x4."""
    # Released sampling weights: Hypersim 9 and Virtual KITTI stills 1, TartanAir 40 and Virtual KITTI clips 10.
    return Recipe(
        method="dvd", base="wan2.1-t2v-1.3b", window=81, overlap=21,
        lora_rank=512, lora_alpha=512, steps=20_000, learning_rate=1e-4,
        accumulation=4, sizes=((480, 640),), set_sizes=(("vkitti", 352, 1216),), batch_frames=8,
        frames=(1, 45), frame_weights=(10, 50),
        still_weights=(("hypersim", 9), ("vkitti", 1)), clip_weights=(("tartanair", 40), ("vkitti", 10)),
        gradient_checkpointing=True, variants=1_000_000, cache_latents=False,
    )  # fmt: skip


NANO_SIZES = ((160, 256), (192, 208), (256, 160))


def nano_autoencoder() -> Recipe:
    """nano's autoencoder: the Wan class with two levels and nothing packed in time, trained on colour, disparity and
    normals alike."""
    return Recipe(
        method="autoencoder", window=1, overlap=0,
        vae={
            "base_dim": 24, "decoder_base_dim": 24, "z_dim": 16, "dim_mult": [1, 2, 4], "num_res_blocks": 1,
            "temperal_downsample": [False, False], "in_channels": 12, "out_channels": 12, "patch_size": 2,
            "latents_mean": [0.0] * 16, "latents_std": [1.0] * 16,
            "scale_factor_spatial": 8, "scale_factor_temporal": 1,
        },
        steps=2700, learning_rate=1e-3, schedule="cosine", warmup=50, weight_decay=0.0, betas=(0.9, 0.98),
        sizes=((128, 128),), frames=(1,), frame_weights=(1,), batch_frames=15, cache_latents=False, variants=1000,
    )  # fmt: skip


def nano_stills() -> Recipe:
    """First half of nano: disparity of stills in one pass, from scratch on nano's latents."""
    return Recipe(
        method="dvd", window=1, overlap=0,
        transformer={
            "num_attention_heads": 4, "attention_head_dim": 64, "in_channels": 16, "out_channels": 16, "text_dim": 16,
            "patch_size": [1, 2, 2], "freq_dim": 256, "ffn_dim": 1024, "num_layers": 10, "cross_attn_norm": True,
        },
        steps=1400, optimizer="muon", learning_rate=2e-3, schedule="cosine", warmup=40, weight_decay=0.05,
        betas=(0.9, 0.98),
        sizes=NANO_SIZES, frames=(1,), frame_weights=(1,), batch_frames=16, packed=1, variants=4,
    )  # fmt: skip


def nano_dvd() -> Recipe:
    """Second half of nano: stills and clips jointly."""
    # Crops are zoomed, so that whole pictures do best at a larger size: of those tried, docs/training.md
    return replace(
        nano_stills(), window=13, overlap=3, resolution=(224, 352), steps=1000, learning_rate=1e-3,
        frames=(1, 5, 13), frame_weights=(5, 3, 2), transformer={}, base="runs/nano_stills",
    )  # fmt: skip


def nano_frames() -> Recipe:
    """The per-frame rival of nano_dvd: the same network, first half, frames and budget, but stills alone."""
    return replace(nano_dvd(), window=1, overlap=0, frames=(1,), frame_weights=(1,))


def nano_dkt() -> Recipe:
    """DKT-style disparity as an adapter on nano, noise in."""
    # one Euler step gives about the mean of what may be there, more draw one of it: docs/training.md
    return Recipe(
        method="dkt", base="nano", window=13, overlap=3, lora_rank=12, lora_alpha=12, lora_cross_attention=False,
        steps=1800, optimizer="muon", learning_rate=2e-3, schedule="cosine", warmup=30, weight_decay=0.0,
        betas=(0.9, 0.98), sizes=NANO_SIZES, resolution=(224, 352), frames=(1, 5, 13), frame_weights=(12, 1, 1),
        batch_frames=16, packed=1, variants=2, weighted=False, num_inference_steps=1,
    )  # fmt: skip


def nano_normal() -> Recipe:
    """Normals as an adapter on nano, in one pass."""
    return replace(
        nano_dkt(), quantity="normals", method="dvd", lora_rank=16, lora_alpha=16, lora_head=True,
        steps=480, learning_rate=5e-3,
    )  # fmt: skip


def nano_completion() -> Recipe:
    """The network that judges a depth sensor beside nano and completes it."""
    return Recipe(
        method="completion", base="nano", transformer={"block_out_channels": [24, 48, 96, 128]}, window=1, overlap=0,
        steps=1500, learning_rate=1e-3, schedule="cosine", warmup=50, betas=(0.9, 0.98),
        sizes=((160, 256), (192, 208)), frames=(1,), frame_weights=(1,), batch_frames=8, packed=1, variants=1000,
        augmentation=Augmentation(zoom=1.8, roll=6.0, stretch=0.08), cache_latents=False, validate_every=250,
    )  # fmt: skip


def nano_completion_more() -> Recipe:
    """Goes on from the network that nano has, on other data."""
    return replace(nano_completion(), transformer={}, steps=1500, learning_rate=7e-4)


RECIPES = {
    f.__name__: f
    for f in (
        dkt_depth_1_3b, dkt_depth_14b, dkt_normal_1_3b, dkt_normal_14b, dvd_depth_1_3b,
        nano_autoencoder, nano_stills, nano_dvd, nano_frames, nano_dkt, nano_normal, nano_completion,
        nano_completion_more,
    )
}  # fmt: skip
