"""The stack of layers: which layers run, in which order, and that each is held once."""

import copy

import pytest
import torch

from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack

SHAPES = [(1, 1, 0, 0), (1, 4, 0, 0), (2, 3, 1, 1), (4, 5, 2, 2), (1, 2, 3, 0), (2, 1, 0, 2)]
shapes = pytest.mark.parametrize("values", SHAPES, ids=str)


class Layer(torch.nn.Module):
    """Writes its number at the end of what it is given: the result is the order of execution."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.weight = torch.nn.Parameter(torch.full((1,), float(number)))

    def forward(self, xs, masks):
        return torch.cat([xs, self.weight]), masks


def build(values: tuple[int, ...]) -> RecursiveStack:
    shape = RecursionShape(*values)
    return RecursiveStack([Layer(i) for i in range(shape.unique_blocks)], shape)


def order(values: tuple[int, ...]) -> list[int]:
    """Eqs. 1-3, written down once more."""
    n_r, loops, n_p, n_c = values
    recurrent = list(range(n_p, n_p + n_r))
    return [*range(n_p), *recurrent * loops, *range(n_p + n_r, n_p + n_r + n_c)]


def test_order_of_a_small_stack():
    out, _ = build((2, 3, 1, 1))(torch.empty(0), None)
    assert out.tolist() == [0, 1, 2, 1, 2, 1, 2, 3]


@shapes
def test_forward_and_iteration_visit_the_layers_in_the_order_of_the_recursion(values):
    stack = build(values)
    mask = torch.ones(1)
    out, mask_out = stack(torch.empty(0), mask)
    assert out.tolist() == [layer.number for layer in stack] == order(values)
    assert len(stack) == len(order(values))
    assert mask_out is mask


@shapes
def test_iteration_starts_again(values):
    stack = build(values)
    assert [layer.number for layer in stack] == [layer.number for layer in stack]


@shapes
def test_parts_are_named_as_in_the_paper(values):
    n_r, _, n_p, n_c = values
    stack = build(values)
    assert (len(stack.prelude), len(stack.recurrent_block), len(stack.coda)) == (n_p, n_r, n_c)
    assert stack.prelude + stack.recurrent_block + stack.coda == stack.unique_layers
    assert [layer.number for layer in stack.unique_layers] == list(range(n_p + n_r + n_c))


@shapes
def test_each_parameter_is_held_once(values):
    n_r, _, n_p, n_c = values
    names = [f"{i}.weight" for i in range(n_p + n_r + n_c)]
    stack = build(values)
    assert list(stack.state_dict()) == names
    assert [name for name, _ in stack.named_parameters(remove_duplicate=False)] == names


def test_a_layer_that_loops_gets_the_gradient_of_every_execution():
    stack = build((2, 3, 1, 1))
    stack(torch.empty(0), None)[0].sum().backward()
    assert [layer.weight.grad.item() for layer in stack.unique_layers] == [1, 3, 3, 1]


@pytest.mark.parametrize("count", [0, 7, 9, 24])
def test_refuses_a_wrong_number_of_layers(count):
    with pytest.raises(ValueError, match=rf"^{{4, 5, 2, 2}} needs 8 layers, not {count}$"):
        RecursiveStack([Layer(i) for i in range(count)], RecursionShape(4, 5, 2, 2))


def test_takes_an_iterator_of_layers():
    stack = RecursiveStack((Layer(i) for i in range(2)), RecursionShape(2, 2, 0, 0))
    assert [layer.number for layer in stack] == [0, 1, 0, 1]


def test_copies_share_no_layer():
    stack = build((2, 2, 1, 0))
    twin = copy.deepcopy(stack)
    assert [layer.number for layer in twin] == order((2, 2, 1, 0))
    assert not {*map(id, stack.unique_layers)} & {*map(id, twin.unique_layers)}


def test_tells_its_shape_when_printed():
    assert "{2, 3, 1, 1}, 8 layers executed" in repr(build((2, 3, 1, 1)))
