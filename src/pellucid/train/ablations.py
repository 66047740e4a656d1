"""The papers' ablations at our scale: each varies one thing between arms of the same data, steps and seeds.

An arm is a recipe that is trained from the base, or the base itself under a setting of inference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pellucid.train.recipes import Recipe, nano_dvd

# Paper: AdamW, 1e-4 for rank 512 on 1.3B weights; here: larger rates, because the runs are short and the network small.
RATE, LORA_RATE = 3e-4, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One setting: a recipe to train, or none to run the base, and settings of inference."""

    name: str
    recipe: Recipe | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    printed: str = ""
    """Its row in the paper's table; empty where the paper has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Arms to compare, and what the paper says of them."""

    title: str
    arms: Callable[[Recipe, int], Sequence[Arm]]
    """Of the recipe they all share and the width of the base's transformer."""
    paper: str
    """System whose paper has it."""
    tables: tuple[str, ...] = ()
    """Where the paper prints its numbers, see assets/published.json."""
    said: str = ""
    """What the paper says of it in words."""
    best_said: str = ""
    """The arm that these words call the best."""
    differs: str
    """What is not as in the paper, and so may change the order."""
    base: str = "nano"
    """The default."""
    method: str = "dvd"
    windows: bool = False
    """Whether windows are varied: on long clips, with nothing drawn, so that clips take the place of seeds."""


def shared(base: str, steps: int, seed: int) -> Recipe:
    """What all trained arms have in common: every weight trained, AdamW, nano's data, small batches."""
    return replace(
        nano_dvd(), base=base, steps=steps, seed=seed, optimizer="adamw", learning_rate=RATE, weight_decay=0.0,
        warmup=max(1, steps // 10), batch_frames=8, resolution=None, validation_batches=0, checkpoint_every=steps,
    )  # fmt: skip


def with_lora(recipe: Recipe, rank: int) -> Recipe:
    """The recipe with adapters of that rank instead of all weights."""
    return replace(recipe, lora_rank=rank, lora_alpha=rank, learning_rate=LORA_RATE)


def _lora(recipe: Recipe, width: int) -> list[Arm]:
    return [
        Arm(name="all weights", recipe=recipe, printed="DKT 1.3B, all weights"),
        Arm(name="LoRA", recipe=with_lora(recipe, width // 3), printed="DKT 1.3B, LoRA"),
        Arm(name="all weights, the LoRA's rate", recipe=replace(recipe, learning_rate=LORA_RATE)),
        Arm(name="LoRA, the other rate", recipe=replace(with_lora(recipe, width // 3), learning_rate=RATE)),
    ]


def _rank(recipe: Recipe, width: int) -> list[Arm]:
    # Wan 1.3B is 1536 wide: 256, 512 and 1024 are a sixth, a third and two thirds of it.
    ranks = {width // 32: "", width // 6: "rank 256", width // 3: "rank 512", 2 * width // 3: "rank 1024"}
    return [Arm(name=f"rank {n}", recipe=with_lora(recipe, n), printed=printed) for n, printed in ranks.items()]


def _tau(recipe: Recipe, _: int) -> list[Arm]:
    taus = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    return [Arm(name=f"tau {tau}", recipe=replace(recipe, tau=tau), printed=f"tau {tau}") for tau in taus]


def _gradients(recipe: Recipe, _: int) -> list[Arm]:
    return [
        Arm(name="neither", recipe=replace(recipe, spatial_weight=0.0, temporal_weight=0.0), printed="L2"),
        Arm(name="spatial alone", recipe=replace(recipe, temporal_weight=0.0)),
        Arm(name="temporal alone", recipe=replace(recipe, spatial_weight=0.0)),
        Arm(name="both", recipe=recipe, printed="+ LMR"),
    ]


def _joint(recipe: Recipe, _: int) -> list[Arm]:
    clips = [(f, w) for f, w in zip(recipe.frames, recipe.frame_weights, strict=True) if f > 1]
    lengths, weights = tuple(f for f, _ in clips), tuple(w for _, w in clips)
    return [
        Arm(name="stills and clips", recipe=recipe),
        Arm(name="clips alone", recipe=replace(recipe, frames=lengths, frame_weights=weights)),
        Arm(name="stills alone", recipe=replace(recipe, frames=(1,), frame_weights=(1,))),
    ]


def _method(recipe: Recipe, width: int) -> list[Arm]:
    lora = with_lora(recipe, width // 3)
    return [
        Arm(name="DVD, one pass", recipe=lora, printed="one step"),
        Arm(name="DKT, five steps", recipe=replace(lora, method="dkt"), printed="diffusion, 10 steps"),
    ]


def _steps(_: Recipe, __: int) -> list[Arm]:
    return [Arm(name=f"steps {n}", settings={"steps": n}) for n in (1, 2, 3, 5, 10, 20)]


def _overlap(_: Recipe, __: int) -> list[Arm]:
    overlaps = (3, 6, 9, 14, 19)
    return [Arm(name=f"overlap {n}", settings={"window": 25, "overlap": n}, printed=f"overlap {n}") for n in overlaps]


def _window(_: Recipe, __: int) -> list[Arm]:
    return [Arm(name=f"window {n}", settings={"window": n, "overlap": 3}) for n in (5, 9, 13, 25, 37)]


_TRAINED = "The paper adapts a video generator of 1.3B weights with many steps; here a network of 10M that predicts "\
    "geometry already goes on for a few."  # fmt: skip

ABLATIONS = {
    "lora": Ablation(
        title="LoRA against all weights", arms=_lora, paper="DKT", tables=("III",),
        differs=f"{_TRAINED} The paper's is DKT; here it is DVD, the method of the base. The rank is a third of the "
        "width. Each kind has its own learning rate and is also tried at the other's.",
    ),
    "rank": Ablation(
        title="rank of the LoRA", arms=_rank, paper="DVD", tables=("10",),
        differs=f"{_TRAINED} Ranks are the paper's in proportion to the width of the network, and a small one.",
    ),
    "steps": Ablation(
        title="inference steps of DKT", arms=_steps, paper="DKT", base="nano-dkt", method="dkt",
        said="Fig. 7 is a plot of 1, 5, 10, 15, 20 and 30 steps, its numbers are not known to us; the text says that "
        "5 steps are the balance and that more lose detail.",
        best_said="steps 5",
        differs="The paper's is a model of 1.3B weights or more, trained from a video generator; nano's is a small "
        "adapter on a network that predicts disparity in one pass, and may not know what more steps could add.",
    ),
    "tau": Ablation(
        title="DVD's fixed timestep", arms=_tau, paper="DVD", tables=("6", "7"),
        differs=f"{_TRAINED} The base was itself trained at 0.5 and never saw another timestep, where the paper's "
        "generator saw all: the nearer to 0.5, the less there is to unlearn. That 0.5 is best is built in and no "
        "evidence for the paper's reason.",
    ),
    "gradients": Ablation(
        title="DVD's losses on latent gradients", arms=_gradients, paper="DVD", tables=("8",),
        said="Neither loss alone is in what is known to us of the paper.",
        differs=f"{_TRAINED} The base was trained with the spatial loss, nano itself with both.",
    ),
    "overlap": Ablation(
        title="overlap of windows", arms=_overlap, paper="DVD", tables=("9",), windows=True,
        differs="The paper's window is 45 frames of long drives; here 25, of clips that are played forth and back "
        "where they are shorter. Windows are joined by our robust fit, not by least squares.",
    ),
    "window": Ablation(
        title="size of windows", arms=_window, paper="DVD", windows=True,
        said="The paper prints no numbers of it.",
        differs="nano was trained on clips of up to 13 frames.",
    ),
    "joint": Ablation(
        title="stills and clips jointly, or one of them", arms=_joint, paper="DVD",
        said="Fig. 11: joint training does better than video alone (δ1.25 97.7 on ScanNet, REL 5.5 on NYUv2); the "
        "numbers of video alone are not known to us.",
        best_said="stills and clips",
        differs=f"{_TRAINED} Stills and clips here come of the same kind of scenes, in the paper of different sets.",
    ),
    "method": Ablation(
        title="DKT against DVD", arms=_method, paper="DVD", tables=("Fig. 11",),
        differs=f"{_TRAINED} The base is a DVD network: DKT must first learn to denoise, so few steps say more about "
        "the base than about the methods. The paper's diffusion is DVD's own with 10 steps. Both are LoRA here.",
    ),
}  # fmt: skip
