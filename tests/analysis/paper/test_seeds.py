"""Means over seeds, and their intervals."""

import numpy as np
import pytest

from espnet_recursive.analysis.paper.results import Model, Result
from espnet_recursive.analysis.paper.seeds import (
    counterpart,
    improvement_over_seeds,
    leading,
    mean_interval,
    repeated,
)
from espnet_recursive.recipe.bootstrap import improvement
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import score

WORDS = 4


def result(exp, errors, seed=0, decoding="d", test_set="test", settings="{}", words=WORDS):
    """So many of the words of each utterance are wrong."""
    directory = exp / decoding / test_set
    references = {f"s-{n:02d}": "A " * words for n in range(len(errors))}
    hypotheses = {
        key: "X " * wrong + "A " * (words - wrong)
        for key, wrong in zip(references, errors, strict=True)
    }
    write_table(directory / "ref", references)
    write_table(directory / "text", hypotheses)
    write_table(directory / "utt2spk", dict.fromkeys(references, "s"))
    files = (directory / name for name in ("ref", "text", "utt2spk"))
    total = score(*files, directory / "score_wer", "wer")
    return Result(Model(exp, seed, settings), decoding, test_set, "wer", total)


def random_errors(seed, number=40):
    return np.random.default_rng(seed).integers(0, WORDS + 1, number).tolist()


def group(tmp_path, name, *errors, **options):
    """One model for each list of errors."""
    (found,) = repeated(
        result(tmp_path / f"{name}{seed}", own, seed, **options) for seed, own in enumerate(errors)
    )
    return found


def test_results_of_several_seeds_are_put_together(tmp_path):
    results = [
        result(tmp_path / "c", [1, 1], seed=2),
        result(tmp_path / "a", [0, 2], seed=0),
        result(tmp_path / "b", [0, 2], seed=0),
        result(tmp_path / "t", [4, 4], seed=0, settings='{"max_epoch": 3}'),
        result(tmp_path / "a", [0, 0], seed=0, decoding="other"),
    ]
    first, trial, other = repeated(results)
    assert [r.model.path.name for r in first.results] == ["a", "c"]
    assert [model.path.name for model in first.spare] == ["b"]
    assert first.error_rate == pytest.approx(25.0)
    assert (trial.error_rate, other.error_rate) == (100.0, 0.0)


def test_one_seed_has_the_interval_of_its_utterances(tmp_path):
    one = group(tmp_path, "a", random_errors(0))
    assert mean_interval(one) == one.first.score.interval_95


def test_seeds_that_agree_add_no_doubt(tmp_path):
    """Three models with the same errors: the interval is that of the utterances alone."""
    errors = random_errors(0)
    one, three = group(tmp_path, "a", errors), group(tmp_path, "b", errors, errors, errors)
    alone, together = mean_interval(one), mean_interval(three)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1.0)


def test_seeds_that_differ_add_doubt(tmp_path):
    """Models that are all wrong or all right: only which seeds are drawn makes a difference."""
    mixed = group(tmp_path, "a", [WORDS] * 30, [0] * 30)
    assert mixed.error_rate == 50.0
    interval = mean_interval(mixed)
    assert (interval.low, interval.high) == (0.0, 100.0)


def test_one_seed_fewer_is_drawn_than_there_are(tmp_path):
    """The one of five that is all wrong is among four draws three times in 2.7 % of the cases."""
    mixed = group(tmp_path, "a", [WORDS] * 30, *[[0] * 30] * 4)
    interval = mean_interval(mixed)
    assert (interval.low, interval.high) == (0.0, 75.0)


def test_comparison_of_single_models_is_the_paired_bootstrap(tmp_path):
    first, second = random_errors(0), random_errors(1)
    compared = improvement_over_seeds(group(tmp_path, "a", first), group(tmp_path, "b", second))
    expected = improvement(first, second, [WORDS] * len(first))
    assert compared.difference == pytest.approx(expected.difference)
    assert compared.interval.low == pytest.approx(expected.interval.low, abs=1.0)
    assert compared.interval.high == pytest.approx(expected.interval.high, abs=1.0)
    assert compared.probability == pytest.approx(expected.probability, abs=0.02)


def test_the_same_utterances_are_drawn_for_both(tmp_path):
    """A model that is worse by one word in each utterance is so in every draw."""
    errors = np.minimum(random_errors(0), WORDS - 1)
    compared = improvement_over_seeds(
        group(tmp_path, "a", errors), group(tmp_path, "b", errors + 1)
    )
    assert compared.difference == pytest.approx(100 / WORDS)
    assert (compared.interval.low, compared.interval.high) == pytest.approx((25, 25))
    assert compared.probability == 0.0


def test_what_cannot_be_compared(tmp_path):
    one = group(tmp_path, "a", random_errors(0))
    assert improvement_over_seeds(one, group(tmp_path, "b", random_errors(0, 39))) is None
    assert improvement_over_seeds(one, group(tmp_path, "c", random_errors(0), words=5)) is None
    two = group(tmp_path, "d", random_errors(0), random_errors(1))
    two.results[1].utterances.unlink()
    assert improvement_over_seeds(one, two) is None
    assert mean_interval(two) is None


def test_counterpart_has_own_depth_and_if_possible_the_settings(tmp_path):
    settings = '{"lr": 1}'
    mine = group(tmp_path, "a", [1, 1], decoding="d_num_loops5", settings=settings)
    others = [
        group(tmp_path, "b", [1, 1], decoding="d"),
        group(tmp_path, "c", [1, 1], decoding="d", settings=settings),
        group(tmp_path, "d", [1, 1], decoding="d_num_loops5", settings=settings),
    ]
    assert counterpart(mine, others) is others[1]
    assert counterpart(mine, others[:1]) is others[0]
    assert counterpart(mine, others[2:]) is None


def test_trials_do_not_lead(tmp_path):
    trial = group(tmp_path, "t", [1, 1], settings='{"max_epoch": 3}')
    alone = group(tmp_path, "u", [1, 1], settings='{"max_epoch": 3}')
    grid = [group(tmp_path, name, [1, 1], [1, 1]) for name in "ab"]
    chosen = leading({"B": [trial, grid[0]], "L1": [grid[1]], "mine": [alone]})
    assert chosen == {"B": [grid[0]], "L1": [grid[1]], "mine": [alone]}
