"""Bins of utterances, and that equally good models look so where bins favour neither."""

import numpy as np
import pytest

from espnet_recursive.analysis.depth_gain import depth_gain
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.bootstrap import improvement
from tests.analysis.scored_decodings import FIRST, LENGTHS, SECOND, decode, rescore


@pytest.fixture
def pair(tmp_path):
    return decode(tmp_path / "asr_B", LENGTHS, FIRST), decode(tmp_path / "asr_L1", LENGTHS, SECOND)


def numbers(bins):
    return {b.label: b.utterances for b in bins}


def test_bins_by_error_rate(pair):
    result = depth_gain(*pair, error_edges=[0, 10, 50])
    assert (result.test_set, result.unit) == ("test", "wer")
    assert result.names == ["asr_B/decode", "asr_L1/decode"]
    assert list(result.views) == ["baseline", "both", "other", "length"]
    assert {b.label: (b.units, b.first, b.second) for b in result.views["baseline"]} == {
        "0": (23, 0.0, pytest.approx(100 / 23)),
        "0–10": (10, 10.0, 0.0),
        "10–50": (2, 50.0, 50.0),
        "> 50": (14, pytest.approx(1000 / 14), pytest.approx(400 / 14)),
    }
    assert numbers(result.views["baseline"]) == {"0": 3, "0–10": 1, "10–50": 1, "> 50": 2}
    assert numbers(result.views["other"]) == {"0": 3, "0–10": 1, "10–50": 3}
    # The means are 0, 5, 5, 40, 75, 0 and 50.
    assert numbers(result.views["both"]) == {"0": 2, "0–10": 2, "10–50": 2, "> 50": 1}


def test_bins_by_length(pair):
    result = depth_gain(*pair, length_edges=[2, 3, 9])
    assert numbers(result.views["length"]) == {"≤ 2": 1, "3": 1, "4–9": 1, "> 9": 4}


def test_every_way_to_bin_has_all_utterances(pair):
    result = depth_gain(*pair)
    assert (result.total.utterances, result.total.units) == (7, sum(LENGTHS))
    for bins in result.views.values():
        assert sum(b.utterances for b in bins) == 7
        assert sum(b.first * b.units for b in bins) == pytest.approx(100 * sum(FIRST))
        assert sum(b.second * b.units for b in bins) == pytest.approx(100 * sum(SECOND))


def test_intervals_are_of_the_same_utterances_for_both(pair):
    result = depth_gain(*pair)
    assert result.total.change == improvement(FIRST, SECOND, LENGTHS)
    (single,) = (b for b in result.views["length"] if b.label == "≤ 2")
    assert (single.utterances, single.change, single.difference) == (1, None, 0.0)


def test_the_other_way_round_is_the_reversed_comparison(pair):
    one, other = depth_gain(*pair), depth_gain(*pair[::-1])
    for view, opposite in (("baseline", "other"), ("both", "both"), ("other", "baseline")):
        assert [(b.label, b.difference) for b in one.views[view]] == [
            (b.label, -b.difference) for b in other.views[opposite]
        ]


def test_regression_to_the_mean(tmp_path):
    """Three models that are wrong with the same probability: only the fair bins say so."""
    lengths = [8] * 400
    hard = np.random.default_rng(0).beta(0.5, 4, 400)
    decodings = [
        decode(tmp_path / f"asr_{seed}", lengths, np.random.default_rng(seed).binomial(8, hard))
        for seed in (1, 2, 3)
    ]
    result = depth_gain(*decodings[:2], third=decodings[2])
    assert result.names[2] == "asr_3/decode"

    def changes(view):
        return {b.label: b.change.interval for b in result.views[view] if b.utterances > 20}

    for view, sign in (("baseline", 1), ("other", -1)):
        there = changes(view)
        easy, difficult = there["0"], there["20–50"]
        assert sign * easy.low > 0 and sign * easy.high > 0
        assert sign * difficult.low < 0 and sign * difficult.high < 0
    for view in ("both", "third"):
        for interval in changes(view).values():
            assert interval.low <= 0 <= interval.high


def test_nothing_said(tmp_path):
    """An utterance without words, into which one was inserted."""
    folders = [decode(tmp_path / name, [3, 3], [0, 0]) for name in ("asr_a", "asr_b")]
    for folder, text in zip(folders, ("", "A"), strict=True):
        rescore(folder, {"s-0": "A A A", "s-1": ""}, {"s-0": "A A A", "s-1": text})
    result = depth_gain(*folders)
    assert numbers(result.views["other"]) == {"0": 1, "> 50": 1}
    assert result.total.second == pytest.approx(100 / 3)


def test_characters(tmp_path):
    folders = [decode(tmp_path / name, [2, 2], [1, 0], "cer") for name in ("asr_a", "asr_b")]
    assert depth_gain(*folders, unit="cer").total.units == 6
    with pytest.raises(UserError, match="score_wer.utterances.tsv does not exist. Score it: stage"):
        depth_gain(*folders)


def test_decodings_of_other_utterances(pair, tmp_path):
    fewer = decode(tmp_path / "asr_fewer", LENGTHS[:5], SECOND[:5])
    with pytest.raises(UserError, match=r"not decodings of the same utterances: 2 only in .*asr_B"):
        depth_gain(pair[0], fewer)
    longer = decode(tmp_path / "asr_longer", [11, *LENGTHS[1:]], SECOND)
    with pytest.raises(UserError, match="s-0000 has 10 units in .* and 11 in .*references differ"):
        depth_gain(pair[0], longer)
    with pytest.raises(UserError, match="not decodings of the same utterances"):
        depth_gain(*pair, third=fewer)


def test_folders_that_are_no_decoding(pair, tmp_path):
    with pytest.raises(UserError, match="no does not exist: name the decoding of a data set"):
        depth_gain(pair[0], tmp_path / "no")
    with pytest.raises(UserError, match="Decodings below it: .*asr_L1/decode/test"):
        depth_gain(pair[0], pair[1].parent)


@pytest.mark.parametrize("edges", [[], [10, 0], [0, 0], [-1, 5]])
def test_edges_that_do_not_rise(pair, edges):
    with pytest.raises(
        UserError, match="--error_edges.*each larger than the one before, 0 or more"
    ):
        depth_gain(*pair, error_edges=edges)
