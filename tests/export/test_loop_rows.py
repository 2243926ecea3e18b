"""The parts of one loop are those that the stack itself takes in that loop."""

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export.loop_rows import check_signals, rows_of_loop
from espnet_recursive.export.replaced import tensors_replaced
from tests.export.conftest import build

ALL = {"loop_film": True, "loop_norms": True, "input_injection": "add"}
ADAPTER = {"loop_adapter_conf": {"target_modules": ["linear_q"], "rank": 2, "diagonal": True}}


@pytest.mark.parametrize("embedding", ["learned", "sinusoid"])
@pytest.mark.parametrize("loop", [1, 2, 3, 7])
@torch.no_grad()
def test_every_loop(embedding, loop):
    stack = build("transformer", loop_embedding=embedding, **ALL, **ADAPTER).encoders
    states, injected = torch.randn(2, 2, 5, 16)
    layer = stack.recurrent_block[0]
    expected = stack.enter_loop(loop, states, injected)
    weights = stack.private_weights.weights(layer, 0, loop)
    rows = rows_of_loop(stack, torch.tensor(loop))
    with tensors_replaced(stack, rows):
        entered = stack.enter_loop(1, states, injected)
        own = stack.private_weights.weights(layer, 0, 1)
    torch.testing.assert_close(entered, expected)
    torch.testing.assert_close(own, weights)


def test_nothing_private():
    stack = build("transformer").encoders
    check_signals(stack)
    assert rows_of_loop(stack, torch.tensor(1)) == {}


def test_an_unknown_signal():
    stack = build("transformer", loop_film=True).encoders
    check_signals(stack)
    stack.loop_signals.append(torch.nn.Identity())
    with pytest.raises(UserError, match="a loop signal Identity cannot be exported"):
        check_signals(stack)
