"""The standard deviation of error rates between models that differ in the seed only.

The few seeds of one row determine it poorly, those of all rows together better. It is needed for
rows with a single model, whose intervals do not include seeds, and for planning how many seeds a
difference needs.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from espnet_recursive.analysis.paper.seeds import Repeated


@dataclass(frozen=True)
class SeedSpread:
    """The standard deviation between seeds on one data set in one decoding, pooled over rows.

    Attributes:
        decoding: The name of the decoding.
        test_set: The name of the data set.
        unit: What errors are counted in: "wer" or "cer".
        deviation: The standard deviation of one model's error rate, in points of percent, taken to
            be the same in all rows.
        degrees: Its degrees of freedom: all models less one of each row.
        rows: Number of rows with several seeds.
        seeds: The number of seeds that most of these have.
    """

    decoding: str
    test_set: str
    unit: str
    deviation: float
    degrees: int
    rows: int
    seeds: int

    def resolved(self, seeds: int) -> float:
        """The difference of means over `seeds` seeds that 1 in 20 pairs of equal rows exceeds.

        Two-sided, by Student's t distribution; the choice of the utterances is not included.

        Returns:
            Points of percent.
        """
        from scipy.stats import t  # takes a second to import

        return float(t.ppf(0.975, self.degrees)) * self.deviation * sqrt(2 / seeds)


def seed_spreads(groups: Iterable[Repeated]) -> list[SeedSpread]:
    """Pool rows with several seeds, each at its own depth.

    Decodings stand apart, because those of one model are no further samples.

    Args:
        groups: Results of the rows.
    """
    pools: dict[tuple[str, str, str], list[Repeated]] = {}
    for group in groups:
        one = group.first
        if len(group.results) > 1 and one.decoded_at is None:
            pools.setdefault((one.decoding, one.test_set, one.unit), []).append(group)
    return [_spread(*key, own) for key, own in pools.items()]


def _spread(decoding: str, test_set: str, unit: str, groups: list[Repeated]) -> SeedSpread:
    rates = [[result.score.error_rate for result in group.results] for group in groups]
    degrees = sum(len(own) - 1 for own in rates)
    squares = sum((len(own) - 1) * float(np.var(own, ddof=1)) for own in rates)
    seeds = Counter(map(len, rates)).most_common(1)[0][0]
    deviation = sqrt(squares / degrees)
    return SeedSpread(decoding, test_set, unit, deviation, degrees, len(rates), seeds)
