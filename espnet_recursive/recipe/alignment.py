"""The alignment of a hypothesis with its reference, as NIST's sclite aligns them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: sclite's costs: a substitution is cheaper than a deletion and an insertion together.
_GAP, _SUBSTITUTION = 3, 4
#: What a pair saves against a deletion and an insertion, as a negative cost.
_SAME, _OTHER = -2 * _GAP, _SUBSTITUTION - 2 * _GAP


@dataclass(frozen=True)
class Edits:
    """The edit operations that turn the reference into the hypothesis."""

    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """All of them."""
        return self.substitutions + self.deletions + self.insertions


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Edits:
    """Count the edits of sclite's alignment.

    Of the alignments with the smallest cost, several with different counts may be best: three
    substitutions cost as much as two deletions and two insertions. sclite then goes back from the
    end and takes a pair before an insertion and an insertion before a deletion. kaldialign has the
    same costs but another order, and counts a few more errors where texts are unlike each other.

    Args:
        reference: What was spoken, in units.
        hypothesis: What was recognised, in units.
    """
    numbers: dict[str, int] = {}
    ref, hyp = (
        np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int32)
        for units in (reference, hypothesis)
    )
    pairs = np.where(ref[:, None] == hyp, np.int32(_SAME), np.int32(_OTHER))
    costs = _costs(pairs)
    is_pair = costs[1:, 1:] == costs[:-1, :-1] + pairs
    is_insertion = costs[1:, 1:] == costs[1:, :-1]
    row, column = len(ref) - 1, len(hyp) - 1
    hits = substitutions = 0
    while row >= 0 and column >= 0:
        if is_pair.item(row, column):
            same = pairs.item(row, column) == _SAME
            hits, substitutions = hits + same, substitutions + (not same)
            row, column = row - 1, column - 1
        elif is_insertion.item(row, column):
            column -= 1
        else:
            row -= 1
    kept = hits + substitutions
    return Edits(substitutions, deletions=len(ref) - kept, insertions=len(hyp) - kept)


def _costs(pairs: np.ndarray) -> np.ndarray:
    """The smallest cost of aligning each beginning of the one with each beginning of the other.

    The cost of gaps alone is taken off, so that a gap is free and a pair saves something.

    Args:
        pairs: The cost of pairing each unit of the reference (rows) with each of the hypothesis.
    """
    costs = np.zeros((pairs.shape[0] + 1, pairs.shape[1] + 1), dtype=pairs.dtype)
    for above, row, pair in zip(costs, costs[1:], pairs, strict=False):
        np.minimum(above[1:], above[:-1] + pair, out=row[1:])
        # An insertion comes from the left in the same row: a running minimum.
        np.minimum.accumulate(row, out=row)
    return costs
