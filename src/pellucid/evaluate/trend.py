"""Whether a paper's order of settings is ours too, as far as our noise lets us say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

SURE = 0.95  # two-sided


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Our settings from best to worst, and the least difference of two means that is beyond the noise.

    `least` is None where there is one repetition and so nothing to tell noise by.
    """

    means: dict[str, float]
    least: float | None

    @property
    def best(self) -> str:
        """The setting with the best mean."""
        return next(iter(self.means))

    @property
    def equals_of_best(self) -> list[str]:
        """The other settings that are not worse than the best beyond the noise."""
        return [name for name in self.means if name != self.best and not self.tells(self.best, name)]

    def tells(self, one: str, other: str) -> bool:
        """Whether two settings differ beyond the noise."""
        return self.least is not None and abs(self.means[one] - self.means[other]) > self.least


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A paper's order beside ours, over the settings that both have. Pairs that the paper has equal do not count."""

    settings: list[str]
    best: str  # of the paper's
    rank_correlation: float | None  # Spearman's, from three settings
    same: list[tuple[str, str]]  # pairs that we tell apart, better first, and the paper alike
    opposite: list[tuple[str, str]]  # the paper the other way round
    untold: int  # pairs within our noise

    @property
    def verdict(self) -> str:
        """In a word."""
        if not self.same and not self.opposite:
            return "cannot be told"
        return "agrees" if not self.opposite else "disagrees" if not self.same else "agrees in part"


def order(scores: Mapping[str, Sequence[float]], better: str = "lower") -> Order:
    """The order of settings by their mean over repetitions; the k-th score of each is of the same seed, or clip.

    Noise is what is left of the scores after the effects of settings and of repetitions (randomised blocks); `least`
    is Fisher's least significant difference at 95 %, without a correction for the number of pairs.
    Raises ValueError when settings have different numbers of repetitions, or none.
    """
    x = np.array([list(row) for row in scores.values()], np.float64)  # settings, repetitions
    if x.ndim != 2 or not x.size:
        raise ValueError("every setting needs the same number of scores, and at least one")
    settings, repetitions = x.shape
    means = x.mean(axis=1)
    least = None
    freedom = (settings - 1) * (repetitions - 1)
    if freedom:
        residual = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0, keepdims=True) + x.mean()
        noise = np.sqrt((residual**2).sum() / freedom)
        least = float(stats.t.ppf((1 + SURE) / 2, freedom) * noise * np.sqrt(2 / repetitions))
    ranked = np.argsort(means if better == "lower" else -means, kind="stable")
    names = list(scores)
    return Order(means={names[i]: float(means[i]) for i in ranked}, least=least)


def agreement(ours: Order, printed: Mapping[str, float], better: str = "lower") -> Agreement | None:
    """How our order is beside the printed numbers of the same settings; None where fewer than two are shared."""
    shared = [name for name in ours.means if name in printed]
    if len(shared) < 2:
        return None
    sign = 1 if better == "lower" else -1
    same: list[tuple[str, str]] = []
    opposite: list[tuple[str, str]] = []
    untold = 0
    for one, other in combinations(shared, 2):  # one is ours better
        step = sign * (printed[other] - printed[one])
        if step == 0:
            continue
        if not ours.tells(one, other):
            untold += 1
        else:
            (same if step > 0 else opposite).append((one, other))
    theirs = [printed[name] for name in shared]
    correlation = None
    if len(shared) > 2 and len(set(theirs)) > 1:
        correlation = float(stats.spearmanr([ours.means[name] for name in shared], theirs).statistic)
    best = min(shared, key=lambda name: sign * printed[name])
    return Agreement(
        settings=shared, best=best, rank_correlation=correlation, same=same, opposite=opposite, untold=untold
    )
