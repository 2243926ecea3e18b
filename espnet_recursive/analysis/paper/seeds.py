"""Models that differ in nothing but their seed: the mean of their error rates, and differences.

A difference between two rows has two sources of chance: which utterances were recorded, and which
seeds the models were trained with. The intervals here are of both: each draw takes utterances with
replacement, the same ones for all models, and of each row seeds with replacement (a bootstrap in
two levels, for which scipy has no function). Of S seeds it takes S - 1, because the mean of S draws
has only (S - 1) / S of the variance that the mean of S seeds has, half of it with two seeds
(J. N. K. Rao and C. F. J. Wu, "Resampling inference with complex survey data", J. Am. Stat. Assoc.
83, 1988). With one seed it is the bootstrap over utterances of
:mod:`espnet_recursive.recipe.bootstrap`, which does not include seeds; see
:mod:`espnet_recursive.analysis.paper.seed_spread`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Any

import numpy as np

from espnet_recursive.analysis.paper.results import Model, Result
from espnet_recursive.recipe.bootstrap import REPLICATIONS, Improvement, Interval
from espnet_recursive.recipe.scoring import read_utterances

#: The same counts always have the same interval.
_SEED = 0


@dataclass(frozen=True)
class Repeated:
    """One data set in one decoding, by models of a row that differ in the seed only.

    Attributes:
        results: One of each seed.
        spare: Models that have seed and settings of one of them, and so are no further sample.
    """

    results: Sequence[Result]
    spare: Sequence[Model] = ()

    @property
    def first(self) -> Result:
        """The first result, whose decoding, data set and unit are those of all."""
        return self.results[0]

    @property
    def error_rate(self) -> float:
        """The mean over the seeds, in percent."""
        return fmean(result.score.error_rate for result in self.results)

    def figure(self, name: str) -> float | None:
        """The mean of a figure of the decodings, such as "rtf"; None where one lacks it."""
        values = [result.figures.get(name) for result in self.results]
        known = [value for value in values if value is not None]
        return fmean(known) if len(known) == len(values) else None


def repeated(results: Iterable[Result]) -> list[Repeated]:
    """Put results together whose models differ in the seed only, in the order of their seeds."""
    groups: dict[Any, dict[int, list[Result]]] = {}
    for r in results:
        key = (r.model.settings, r.decoding, r.test_set, r.unit)
        groups.setdefault(key, {}).setdefault(r.model.seed, []).append(r)
    return [
        Repeated(
            [same[0] for _, same in sorted(seeds.items())],
            [r.model for same in seeds.values() for r in same[1:]],
        )
        for seeds in groups.values()
    ]


def leading(groups: Mapping[str, Sequence[Repeated]]) -> dict[str, list[Repeated]]:
    """Leave one group for each decoding of a data set by a row.

    Of several, the models of which were trained with different settings, it is the one with the
    settings that most models of all rows have: trials are not mixed with the rows of a table.
    """
    models = {r.model for own in groups.values() for group in own for r in group.results}
    number = Counter(model.settings for model in models)
    chosen: dict[str, list[Repeated]] = {}
    for row, own in groups.items():
        best: dict[Any, Repeated] = {}
        for group in own:
            key = (group.first.decoding, group.first.test_set, group.first.unit)
            there = best.setdefault(key, group)
            if number[group.first.model.settings] > number[there.first.model.settings]:
                best[key] = group
        chosen[row] = list(best.values())
    return chosen


def counterpart(group: Repeated, candidates: Iterable[Repeated]) -> Repeated | None:
    """Find what a group is compared with: the same data set in the same decoding.

    Of several, one whose models were trained with the same settings; always at its own depth.
    """
    one = group.first
    same = [
        c
        for c in candidates
        if (c.first.test_set, c.first.unit) == (one.test_set, one.unit)
        and c.first.decoding == one.own_decoding
    ]
    same.sort(key=lambda c: c.first.model.settings != one.model.settings)
    return same[0] if same else None


def mean_interval(group: Repeated) -> Interval | None:
    """The 95 % interval of the mean error rate, over utterances and seeds.

    Returns:
        The interval; None if the counts of the utterances are not there, or fewer than two.
    """
    if len(group.results) == 1:
        return group.first.score.interval_95
    counts = utterance_counts(group)
    return None if counts is None else interval_of(error_rate_draws(counts))


def improvement_over_seeds(first: Repeated, second: Repeated) -> Improvement | None:
    """Compare the means of two groups on the same utterances.

    Returns:
        The comparison; None if the utterances or their references differ, fewer than two, or
        without counts.
    """
    one, other = utterance_counts(first), utterance_counts(second)
    if one is None or other is None or one.units != other.units:
        return None
    draws = error_rate_draws(other, generator=1) - error_rate_draws(one, generator=2)
    difference = second.error_rate - first.error_rate
    return Improvement(difference, interval_of(draws), float((draws < 0).mean()))


@dataclass(frozen=True)
class UtteranceCounts:
    """Units of each utterance, and the errors in them: (seeds, utterances)."""

    units: dict[str, int]
    errors: np.ndarray


def utterance_counts(group: Repeated) -> UtteranceCounts | None:
    """Read the counts of all models of a group.

    Returns:
        The counts; None where some are not there, the models' utterances or references differ, or
        there are fewer than two utterances.
    """
    if not all(result.utterances.exists() for result in group.results):
        return None
    tables = [read_utterances(result.utterances) for result in group.results]
    units = {name: tables[0][name].units for name in sorted(tables[0])}
    if len(units) < 2 or any(
        {name: counts.units for name, counts in table.items()} != units for table in tables
    ):
        return None
    return UtteranceCounts(
        units, np.array([[table[name].errors for name in units] for table in tables])
    )


def error_rate_draws(counts: UtteranceCounts, generator: int = 0) -> np.ndarray:
    """Draw error rates in percent, (REPLICATIONS,), each the mean over drawn seeds.

    Args:
        counts: Those of a group.
        generator: Which seeds are drawn; groups that are compared need different numbers. The
            utterances are the same whatever the counts and the number.
    """
    weights = _weights(len(counts.units))
    units = np.array(list(counts.units.values()))
    seeds = len(counts.errors)
    size = (REPLICATIONS, max(1, seeds - 1))
    drawn = np.random.default_rng((_SEED, generator)).integers(seeds, size=size)
    parts = []
    for some in np.array_split(np.arange(REPLICATIONS), 20):  # which bounds the memory
        chosen = weights[some].astype(float)
        errors = np.take_along_axis(chosen @ counts.errors.T, drawn[some], axis=1).mean(axis=1)
        total = chosen @ units
        parts.append(np.divide(100 * errors, total, out=np.zeros_like(errors), where=total > 0))
    return np.concatenate(parts)


@lru_cache(maxsize=2)
def _weights(utterances: int) -> np.ndarray:
    """(REPLICATIONS, utterances): how often each draw has each utterance."""
    rng = np.random.default_rng(_SEED)
    weights = np.empty((REPLICATIONS, utterances), dtype=np.uint16)
    for row in weights:
        row[:] = np.bincount(rng.integers(utterances, size=utterances), minlength=utterances)
    return weights


def interval_of(draws: np.ndarray) -> Interval:
    """The percentile interval of draws."""
    low, high = np.percentile(draws, (2.5, 97.5))
    return Interval(float(low), float(high))
