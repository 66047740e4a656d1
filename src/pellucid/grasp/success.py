"""Statistics of successes: how sure a rate is, and whether one method's differs from another's on the same scenes."""

from math import comb, sqrt

Z_95 = 1.959964


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a rate by Wilson's score. Raises ValueError when there is no trial."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials")
    rate, z2 = successes / trials, Z_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 * sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return centre - half, centre + half


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test: one method alone succeeded on `gained` scenes, the other alone on `lost`."""
    n, k = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
