"""Rows of a batch that leave, and the batch put together again."""

import torch

from espnet_recursive.recursion.active_rows import ActiveRows


def test_a_batch_is_put_together_in_its_order():
    rows = ActiveRows(5)
    states = torch.arange(5.0).reshape(5, 1, 1)
    stay = rows.remove(torch.tensor([False, True, False, False, True]), states)
    states = states.index_select(0, stay) + 10
    assert len(rows) == 3 and rows.rows.tolist() == [0, 2, 3]
    assert rows.whole(states).flatten().tolist() == [10, 1, 12, 13, 4]
    stay = rows.remove(torch.tensor([True, False, False]), states)
    states = states.index_select(0, stay) + 10
    assert rows.whole(states).flatten().tolist() == [10, 1, 22, 23, 4]


def test_a_batch_that_is_whole_is_not_copied():
    states = torch.randn(3, 2, 1)
    assert ActiveRows(3).whole(states) is states


def test_gradients_reach_every_row():
    x = torch.ones(4, 2, 3, requires_grad=True)
    rows = ActiveRows(4)
    states = x * 2
    stay = rows.remove(torch.tensor([True, False, False, True]), states)
    states = states.index_select(0, stay) * 5
    rows.whole(states).sum().backward()
    assert x.grad[:, 0, 0].tolist() == [2, 10, 10, 2]
