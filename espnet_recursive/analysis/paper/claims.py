"""Which of the paper's claims hold in our results: each a difference between two rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.analysis.paper.seeds import Repeated, counterpart, improvement_over_seeds
from espnet_recursive.recipe.bootstrap import Improvement
from espnet_recursive.recipe.scoring import UNITS

#: More errors than the reference has, in percent of those, that still count as nearly as good. The
#: paper says "marginal" and "comparable" and names no number: a guess of ours, which is a little
#: less than what its R3 has more than its B on test-other (10.1 %).
MARGIN = 10.0


@dataclass(frozen=True)
class Claim:
    """A claim of the paper about two rows.

    Attributes:
        text: The claim in a few words.
        row: The row that it is about.
        reference: The row that this is compared with.
        expected: What the row has: "fewer" errors, "more" errors, or no more than MARGIN ("close").
    """

    text: str
    row: str
    reference: str
    expected: str


#: In the order of the paper's Section 5.
CLAIMS = (
    Claim("recursion is nearly free: half of the layers", "R1", "B", "close"),
    Claim("a quarter of the layers", "R2", "B", "close"),
    Claim("a sixth of the layers", "R3", "B", "close"),
    Claim("only the extreme, a single layer, loses accuracy", "R4", "B", "more"),
    Claim("prelude and coda help", "L1", "R3", "fewer"),
    Claim("they help a single recurrent layer", "L2", "R4", "fewer"),
    Claim("a third of the layers, in three parts, is nearly as good as all", "L1", "B", "close"),
    Claim("with as many parameters, recursion is better", "L3", "B", "fewer"),
    Claim("too few loops hurt: 1", "loops_1", "L1", "more"),
    Claim("too few loops hurt: 2", "loops_2", "L1", "more"),
    Claim("too many loops hurt: 10", "loops_10", "L1", "more"),
    Claim("too many loops hurt: 20", "loops_20", "L1", "more"),
    Claim("loops by length are no better than 20 for all", "loops_length", "loops_20", "more"),
    Claim("a schedule is better than 20 loops throughout", "loops_schedule", "loops_20", "fewer"),
    Claim("a schedule is the best of all", "loops_schedule", "L1", "fewer"),
    Claim("AISHELL-1: half of the layers is nearly as good", "L4", "B2", "close"),
    Claim("Branchformer: a third of the layers is nearly as good", "L5", "B3", "close"),
)


def verdict(expected: str, compared: Improvement, allowed: float, counted: str) -> str:
    """Say whether an interval of 95 % speaks for a claim.

    Args:
        expected: "fewer", "more" or "close".
        compared: The row against its reference.
        allowed: Points of percent that are close.
        counted: What the errors were counted in, as "773 words".

    Returns:
        "supported", "contradicted", or "not resolved by 773 words".
    """
    low, high = compared.interval.low, compared.interval.high
    supported, contradicted = {
        "fewer": (high < 0, low > 0),
        "more": (low > 0, high < 0),
        "close": (high <= allowed, low > allowed),
    }[expected]
    if supported:
        return "supported"
    return "contradicted" if contradicted else f"not resolved by {counted}"


def claim_values(
    groups: Mapping[str, Sequence[Repeated]], policies: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Look at every claim the two rows of which have results on the same data set.

    Args:
        groups: The results of each row, one group for a decoding of a data set.
        policies: The loop policy of each row. A fixed number of loops is looked at where the model
            decodes at its own depth; other rows also where a decoding was told its loops.

    Returns:
        For each claim, data set and decoding: the rows, the difference in points of percent, its
        interval, the paper's difference on each of its test sets, and the verdict.
    """
    values = []
    for claim in CLAIMS:
        for group in groups.get(claim.row, ()):
            if group.first.decoded_at and policies[claim.row] == "fixed":
                continue
            reference = counterpart(group, groups.get(claim.reference, ()))
            compared = reference and improvement_over_seeds(reference, group)
            if reference and compared:
                values.append(_values(claim, group, reference, compared))
    return values


def _values(
    claim: Claim, group: Repeated, reference: Repeated, compared: Improvement
) -> dict[str, Any]:
    one, units = group.first, group.first.score.units
    allowed = MARGIN / 100 * reference.error_rate
    printed, beside = (PAPER_ROWS[name].error_rates for name in (claim.row, claim.reference))
    return {
        "claim": claim.text,
        "row": claim.row,
        "reference": claim.reference,
        "expected": claim.expected,
        "test_set": one.test_set,
        "unit": one.unit,
        "decoding": one.own_decoding,
        "decoded_at": one.decoded_at,
        "seeds": [len(group.results), len(reference.results)],
        "units": units,
        "difference": compared.difference,
        "interval_95": {"low": compared.interval.low, "high": compared.interval.high},
        "allowed": allowed if claim.expected == "close" else None,
        "paper": {name: printed[name] - beside[name] for name in printed},
        "verdict": verdict(claim.expected, compared, allowed, f"{units:,} {UNITS[one.unit]}"),
    }
