"""Sizes beside the paper's."""

from espnet_recursive.analysis.paper.sizes import paper_table
from espnet_recursive.model.parameters import EncoderSize
from espnet_recursive.recursion.shape import RecursionShape


def size(name, layers):
    return EncoderSize(name, RecursionShape(1, 1, 0, 0), 1, 1, layers, layers + 10)


def test_paper_table():
    sizes = [size("mine", 5), size("L1", 1000), size("B", 4000), size("L4", 7)]
    rows = {row["row"]: row for row in paper_table(sizes)}
    assert list(rows) == ["mine", "L1", "B", "L4"]
    assert rows["L1"]["paper"] == "25.2M"
    assert rows["L1"]["reduction"] == "75.0%"
    assert rows["B"]["reduction"] == "0.0%"
    # No row of the paper; and one whose baseline, B2, is not in the table.
    assert rows["mine"]["paper"] == rows["mine"]["reduction"] == rows["L4"]["reduction"] == ""
    assert rows["L1"]["encoder in all"] == 1010
    assert len({tuple(row) for row in rows.values()}) == 1
