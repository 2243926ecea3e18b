"""The figures of the paper's tables, as far as they check each other."""

import pytest

from espnet_recursive.analysis.paper.rows import PAPER_ROWS

#: Layers that have parameters, as a share of those of the baseline.
SHARES = {"R1": 1 / 2, "R2": 1 / 4, "R3": 1 / 6, "R4": 1 / 24, "L1": 1 / 3, "L2": 5 / 24,
          "L3": 1, "L4": 1 / 2, "L5": 1 / 3}  # fmt: skip


def test_every_baseline_is_a_row_of_the_same_size_or_larger():
    for row in PAPER_ROWS.values():
        baseline = PAPER_ROWS[row.baseline]
        assert baseline.baseline == row.baseline
        assert row.size <= baseline.size


@pytest.mark.parametrize("name", SHARES)
def test_sizes_are_the_share_of_layers(name):
    """Both sizes are cut to 0.1M; the two Branchformers fit each other less well than that."""
    row = PAPER_ROWS[name]
    exact = SHARES[name] * PAPER_ROWS[row.baseline].size
    assert row.size == pytest.approx(exact, abs=0.3 if name == "L5" else 0.15)


def test_one_error_for_aishell_and_two_for_librispeech():
    for name, row in PAPER_ROWS.items():
        assert len(row.errors) == (1 if name in ("B2", "L4") else 2)
        assert all(1 < error < 10 for error in row.errors)
        # test-other is the harder one.
        assert list(row.errors) == sorted(row.errors)


def test_corpora_and_test_sets():
    assert PAPER_ROWS["L1"].error_rates == {"test_clean": 2.16, "test_other": 4.92}
    assert (PAPER_ROWS["L1"].corpus, PAPER_ROWS["L1"].unit) == ("librispeech", "wer")
    assert PAPER_ROWS["L4"].error_rates == {"test": 6.50}
    assert (PAPER_ROWS["L4"].corpus, PAPER_ROWS["L4"].unit) == ("aishell", "cer")


def test_loops_of_table_2_own_the_layers_of_l1():
    loops = [row for name, row in PAPER_ROWS.items() if name.startswith("loops_")]
    assert len(loops) == 6
    assert {(row.table, row.size) for row in loops} == {(2, PAPER_ROWS["L1"].size)}


@pytest.mark.parametrize(
    ("name", "layers", "own"),
    [
        ("B", 75_657_216, True),
        ("R4", 3_152_384, True),
        ("L5", 34_054_144, True),
        ("L1", 900_000, False),
        ("L4", 25_219_072, False),
    ],
)
def test_rows_of_another_size(name, layers, own):
    """Sizes of ESPnet's layers, as the parameter table counts them."""
    assert PAPER_ROWS[name].has_size_of(layers) is own
