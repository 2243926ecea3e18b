"""Intervals of error rates: against theory, kaldialign's bootstrap, and what can be counted."""

import random
import time
import tracemalloc

import kaldialign
import numpy as np
import pytest

from espnet_recursive.recipe.alignment import align
from espnet_recursive.recipe.bootstrap import Improvement, Interval, error_interval, improvement


def systems(utterances, *rates):
    """Errors of systems with the given chances of an error in each unit, and the units."""
    generator = np.random.default_rng(0)
    units = generator.integers(5, 40, utterances)
    return [generator.binomial(units, rate) for rate in rates], units


def test_interval_of_independent_errors_is_that_of_theory():
    """Errors that do not depend on their utterance have the binomial's standard deviation."""
    (errors,), units = systems(2000, 0.05)
    interval = error_interval(errors, units)
    rate = errors.sum() / units.sum()
    half = 100 * 1.96 * np.sqrt(rate * (1 - rate) / units.sum())
    assert interval.low == pytest.approx(100 * rate - half, abs=0.1 * half)
    assert interval.high == pytest.approx(100 * rate + half, abs=0.1 * half)


def test_errors_that_come_together_make_the_interval_wider():
    """All errors of a data set in one utterance of ten."""
    units = np.full(500, 20)
    spread, together = np.full(500, 1), np.where(np.arange(500) % 10 == 0, 10, 0)
    assert spread.sum() == together.sum()
    assert error_interval(spread, units) == Interval(5.0, 5.0)
    interval = error_interval(together, units)
    assert interval.low < 4 and interval.high > 6


def test_the_same_counts_have_the_same_interval():
    (errors,), units = systems(100, 0.1)
    assert error_interval(errors, units) == error_interval(list(errors), list(units))


def test_resampled_utterances_of_two_can_be_counted():
    """Of two utterances the draws are: one twice (1/4), the other twice (1/4), both (1/2)."""
    result = improvement([0, 0], [-1, 3], [4, 4])
    assert result.difference == pytest.approx(25.0)
    assert result.interval == Interval(-25.0, 75.0)
    assert result.probability == pytest.approx(1 / 4, abs=0.02)


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_to_draw(number):
    counts = [3] * number
    assert error_interval(counts, counts) is None
    assert improvement(counts, counts, counts) is None


def test_draws_without_a_reference_count_as_no_error():
    """As in a Score: a third of the draws has only the empty reference with its insertions."""
    assert error_interval([2, 0], [0, 4]) == Interval(0.0, 50.0)
    assert error_interval([2, 1], [0, 0]) == Interval(0.0, 0.0)


def test_improvement():
    (worse, better), units = systems(1000, 0.08, 0.06)
    result = improvement(worse, better, units)
    assert result.difference == pytest.approx(100 * (better.sum() - worse.sum()) / units.sum())
    assert result.interval.low < result.difference < result.interval.high < 0
    assert result.probability > 0.99
    back = improvement(better, worse, units)
    assert back.difference == pytest.approx(-result.difference)
    assert back.probability < 0.01


def test_no_system_improves_on_itself():
    (errors,), units = systems(50, 0.1)
    assert improvement(errors, errors, units) == Improvement(0.0, Interval(0.0, 0.0), 0.0)


def test_pairs_are_drawn_together():
    """Two systems that fail in the same utterances differ by less than their own intervals."""
    (errors,), units = systems(1000, 0.1)
    other = np.maximum(errors - (np.arange(1000) % 20 == 0), 0)
    result = improvement(errors, other, units)
    alone = error_interval(errors, units)
    assert result.interval.high - result.interval.low < 0.2 * (alone.high - alone.low)
    assert result.probability > 0.99


@pytest.fixture(scope="module")
def texts():
    """References and two systems' hypotheses, where both aligners count the same errors."""
    generator = random.Random(0)
    words = [f"W{n}" for n in range(500)]
    references, first, second = [], [], []
    while len(references) < 600:
        reference = generator.choices(words, k=generator.randint(3, 25))
        hypotheses = [
            [generator.choice(words) if generator.random() < rate else word for word in reference]
            for rate in (0.10, 0.095)
        ]
        if all(_same_counts(reference, hypothesis) for hypothesis in hypotheses):
            references.append(reference)
            first.append(hypotheses[0])
            second.append(hypotheses[1])
    return references, first, second


def _same_counts(reference, hypothesis):
    theirs = kaldialign.edit_distance(reference, hypothesis, sclite_mode=True)
    return align(reference, hypothesis).errors == theirs["total"]


def test_kaldialign_has_the_same_intervals(texts):
    """Its interval is 1.96 standard deviations of the draws to either side."""
    references, *hypotheses = texts
    theirs = kaldialign.bootstrap_wer_ci(references, *hypotheses, replications=10_000)
    units = [len(reference) for reference in references]
    errors = [
        [align(*pair).errors for pair in zip(references, texts, strict=True)]
        for texts in hypotheses
    ]
    for name, counts in zip(("system1", "system2"), errors, strict=True):
        interval, width = error_interval(counts, units), 200 * theirs[name]["ci95"]
        assert 100 * sum(counts) / sum(units) == pytest.approx(100 * theirs[name]["wer"], abs=0.02)
        assert interval.low == pytest.approx(100 * theirs[name]["ci95min"], abs=0.05 * width)
        assert interval.high == pytest.approx(100 * theirs[name]["ci95max"], abs=0.05 * width)
    probability = improvement(*errors, units).probability
    assert 0.5 < probability < 0.99
    assert probability == pytest.approx(theirs["p_s2_improv_over_s1"], abs=0.02)


def test_as_many_utterances_as_test_clean_in_a_moment_and_in_little_memory():
    (errors, other), units = systems(2620, 0.03, 0.04)
    error_interval(errors[:2], units[:2])  # imports scipy
    started = time.process_time()
    improvement(errors, other, units)
    assert time.process_time() - started < 5
    tracemalloc.start()
    error_interval(errors, units)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
