"""What an interval says of a claim; the table of claims is tested with the others."""

import pytest

from espnet_recursive.analysis.paper.claims import CLAIMS, MARGIN, verdict
from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.recipe.bootstrap import Improvement, Interval


@pytest.mark.parametrize(
    ("expected", "low", "high", "says"),
    [
        ("fewer", -2.0, -0.1, "supported"),
        ("fewer", -2.0, 0.1, "not resolved by 773 words"),
        ("fewer", 0.1, 2.0, "contradicted"),
        ("more", 0.1, 2.0, "supported"),
        ("more", -2.0, -0.1, "contradicted"),
        ("close", -3.0, 0.5, "supported"),
        ("close", 0.2, 0.6, "not resolved by 773 words"),
        ("close", 0.6, 2.0, "contradicted"),
    ],
)
def test_verdict(expected, low, high, says):
    compared = Improvement((low + high) / 2, Interval(low, high), 0.5)
    assert verdict(expected, compared, allowed=0.5, counted="773 words") == says


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.row}-{claim.reference}")
def test_claims_are_the_papers(claim):
    """Its own figures are on the side that it says: both, but for two that its text overstates."""
    row, reference = PAPER_ROWS[claim.row], PAPER_ROWS[claim.reference]
    assert row.corpus == reference.corpus
    on_its_side = []
    for mine, other in zip(row.errors, reference.errors, strict=True):
        difference, allowed = mine - other, MARGIN / 100 * other
        on_its_side.append(
            {
                "fewer": difference < 0,
                "more": difference > 0,
                "close": difference <= allowed,
            }[claim.expected]
        )
    doubtful = {
        ("R3", "B"): [True, False],  # 10.1 % more on test-other
        ("loops_length", "loops_20"): [False, False],  # the text contradicts the row
        ("loops_schedule", "L1"): [True, False],  # the best on test-clean only
    }
    assert on_its_side == doubtful.get((claim.row, claim.reference), [True] * len(row.errors))
