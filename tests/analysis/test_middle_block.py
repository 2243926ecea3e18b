"""The middle layers that are most alike."""

import numpy as np
import pytest

from espnet_recursive.analysis.middle_block import middle_block


def blocks(layers, first, end, inside=0.9, outside=0.5):
    """Layers first..end - 1 are alike, all others are not."""
    matrix = np.full((layers, layers), outside)
    matrix[first:end, first:end] = inside
    np.fill_diagonal(matrix, 1)
    return matrix


def drift(layers):
    places = np.arange(layers)
    return 0.95 ** abs(places[:, None] - places)


@pytest.mark.parametrize(
    "layers, first, end, shape",
    [
        (24, 2, 22, "{4, 5, 2, 2}"),
        (12, 1, 11, "{2, 5, 1, 1}"),
        (12, 3, 10, "{2, 4, 3, 2}"),
        (6, 1, 4, "{1, 3, 1, 2}"),
        (4, 1, 3, "{1, 2, 1, 1}"),
    ],
)
def test_the_block_that_is_there(layers, first, end, shape):
    block = middle_block(blocks(layers, first, end))
    assert (block.prelude, block.layers, block.coda) == (first, end - first, layers - end)
    assert str(block.shape) == shape
    assert block.within == pytest.approx(0.9) and block.least == pytest.approx(0.9)
    assert 0.5 <= block.all_pairs <= 0.9


def test_without_a_block_it_is_central():
    block = middle_block(drift(24))
    assert block.prelude == block.coda == 4
    assert middle_block(np.ones((8, 8))).layers == 6


def test_layers_at_the_edges_are_left_out():
    """The first two are the most alike, but they are not the middle."""
    matrix = blocks(8, 3, 6)
    matrix[0, 1] = matrix[1, 0] = 0.99
    assert middle_block(matrix).prelude == 3


def test_too_few_layers():
    assert middle_block(drift(3)) is None


def test_reason():
    assert middle_block(blocks(6, 1, 4)).reason("cosine") == (
        "Layers 2 to 4 of 6 stand out: cosine 0.90 on average between them, 0.90 at least; "
        "0.58 on average between all layers."
    )
