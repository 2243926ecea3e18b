"""Confidence intervals of error rates, from resampled utterances.

Source: M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance
evaluation", ICASSP 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Draws of as many utterances as there are, with replacement.
REPLICATIONS = 10_000
#: The same counts always have the same interval.
_SEED = 0
#: Numbers drawn at a time, which bounds the memory: 8 MB for each array of them.
_CHUNK = 2**20


@dataclass(frozen=True)
class Interval:
    """A 95 % interval: its ends, in percent of the reference's units."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.2f}–{self.high:.2f}"


@dataclass(frozen=True)
class Improvement:
    """Comparison of a second system with a first one on the same utterances.

    Attributes:
        difference: Error rate of the second less that of the first, in points of percent.
        interval: The 95 % interval of the difference.
        probability: Share of the draws in which the second has fewer errors than the first.
    """

    difference: float
    interval: Interval
    probability: float


def error_interval(errors: Sequence[int], units: Sequence[int]) -> Interval | None:
    """Compute the 95 % percentile interval of an error rate.

    Args:
        errors: Substitutions, deletions and insertions of each utterance.
        units: Units of each utterance's reference.

    Returns:
        The interval; None for fewer than two utterances, of which nothing can be drawn.
    """
    if len(units) < 2:
        return None
    return _bootstrap(errors, units)[0]


def improvement(
    first: Sequence[int], second: Sequence[int], units: Sequence[int]
) -> Improvement | None:
    """Compare two systems on the same utterances, drawing the same ones for both.

    Args:
        first: Errors of the first system in each utterance.
        second: Errors of the second system in the same utterances.
        units: Units of each utterance's reference.

    Returns:
        The comparison; None for fewer than two utterances.
    """
    if len(units) < 2:
        return None
    differences = np.subtract(second, first)
    interval, draws = _bootstrap(differences, units)
    total = _rate(differences, np.asarray(units))
    return Improvement(float(total), interval, float((draws < 0).mean()))


def _bootstrap(counts: Any, units: Any) -> tuple[Interval, np.ndarray]:
    """The interval of the rate of `counts`, and the rates of all draws."""
    from scipy.stats import bootstrap  # takes a second to import

    result = bootstrap(
        (np.asarray(counts), np.asarray(units)),
        _rate,
        paired=True,
        n_resamples=REPLICATIONS,
        batch=max(1, _CHUNK // len(units)),
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    low, high = map(float, result.confidence_interval)
    return Interval(low, high), result.bootstrap_distribution


def _rate(counts: np.ndarray, units: np.ndarray, axis: int = -1) -> np.ndarray:
    """Counts for each hundred units; 0 where there are no units."""
    counts, units = 100.0 * counts.sum(axis), units.sum(axis)
    return np.divide(counts, units, out=np.zeros_like(counts), where=units > 0)
