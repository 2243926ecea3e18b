"""How far seeds lie apart, pooled over rows."""

import numpy as np
import pytest

from espnet_recursive.analysis.paper.results import Model, Result
from espnet_recursive.analysis.paper.seed_spread import seed_spreads
from espnet_recursive.analysis.paper.seeds import Repeated
from espnet_recursive.recipe.scoring import Score


def group(rates, test_set="test", decoding="d"):
    """Models of a row with these error rates, in whole percent."""
    results = [
        Result(Model(f"asr_{seed}", seed), decoding, test_set, "wer", a_score(rate))
        for seed, rate in enumerate(rates)
    ]
    return Repeated(results)


def a_score(rate):
    return Score(sentences=10, units=100, hits=100 - rate, substitutions=rate)


def test_rows_are_pooled_by_their_degrees_of_freedom():
    groups = [group([10, 12]), group([20, 23, 26]), group([40])]
    (spread,) = seed_spreads(groups)
    assert spread.deviation == pytest.approx(((2 + 18) / 3) ** 0.5)
    assert (spread.degrees, spread.rows) == (3, 2)


def test_data_sets_and_decodings_stand_apart_and_other_depths_do_not_count():
    groups = [
        group([10, 12]),
        group([10, 16], "dev"),
        group([20, 24], decoding="fast"),
        group([0, 90], decoding="d_num_loops5"),
    ]
    found = {(s.test_set, s.decoding): s.deviation**2 for s in seed_spreads(groups)}
    assert found == pytest.approx({("test", "d"): 2, ("dev", "d"): 18, ("test", "fast"): 8})


def test_single_models_show_no_spread():
    assert seed_spreads([group([10]), group([12])]) == []


def test_equal_rows_differ_by_more_in_one_of_twenty_pairs():
    """Tried on 1000 tables of twelve equal rows with three normal seeds each."""
    rng = np.random.default_rng(0)
    beyond = []
    for _ in range(1000):
        rates = rng.normal(50, 4, (12, 3)).round().astype(int)
        (spread,) = seed_spreads([group(own) for own in rates.tolist()])
        assert spread.seeds == 3
        difference = rates[0].mean() - rates[1].mean()
        beyond.append(abs(difference) > spread.resolved(3))
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.02)
