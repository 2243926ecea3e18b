"""The alignment on cases that can be counted by hand, and against all others on short ones."""

from itertools import product

import pytest

from espnet_recursive.recipe.alignment import Edits, align


@pytest.mark.parametrize(
    "reference, hypothesis, edits",
    [
        ("", "", Edits(0, 0, 0)),
        ("a b c", "a b c", Edits(0, 0, 0)),
        ("a b c", "", Edits(0, 3, 0)),
        ("", "a b", Edits(0, 0, 2)),
        ("a b c", "a x c", Edits(1, 0, 0)),
        ("a b c", "a c", Edits(0, 1, 0)),
        ("a c", "a b c", Edits(0, 0, 1)),
        # Three substitutions and two pairs of gaps cost twelve each; pairs come first.
        ("x y h", "h p q", Edits(3, 0, 0)),
    ],
)
def test_edits_counted_by_hand(reference, hypothesis, edits):
    assert align(reference.split(), hypothesis.split()) == edits


def smallest_cost(reference, hypothesis):
    """By trying everything."""
    if not reference or not hypothesis:
        return 3 * (len(reference) + len(hypothesis))
    pair = 0 if reference[0] == hypothesis[0] else 4
    return min(
        pair + smallest_cost(reference[1:], hypothesis[1:]),
        3 + smallest_cost(reference[1:], hypothesis),
        3 + smallest_cost(reference, hypothesis[1:]),
    )


def test_no_alignment_is_cheaper():
    sequences = [s for n in range(5) for s in product("ab", repeat=n)]
    for reference, hypothesis in product(sequences, sequences):
        edits = align(reference, hypothesis)
        cost = 4 * edits.substitutions + 3 * (edits.deletions + edits.insertions)
        assert cost == smallest_cost(reference, hypothesis)
        assert len(reference) - edits.deletions == len(hypothesis) - edits.insertions
