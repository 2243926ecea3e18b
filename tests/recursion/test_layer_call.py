"""Compiled layers: the same numbers, one compilation for all layers, lengths and loops."""

import pickle
import warnings

import pytest
import torch
from torch._dynamo.testing import CompileCounter, CompileCounterWithBackend

from espnet_recursive.recursion.layer_call import CompiledCall, call_layer


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = torch.nn.LayerNorm(6), torch.nn.Linear(6, 6)

    def forward(self, xs, masks):
        x, *positions = xs if isinstance(xs, tuple) else (xs,)
        x = x + self.linear(self.norm(x)).relu()
        return ((x, *positions) if positions else x), masks


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_own_weights_and_others_in_their_place():
    layer, x = Layer(), torch.randn(2, 3, 6)
    other = {"linear.weight": torch.zeros(6, 6), "linear.bias": torch.zeros(6)}
    assert torch.equal(call_layer(layer, None, x, None)[0], layer(x, None)[0])
    assert torch.equal(call_layer(layer, lambda _: other, x, None)[0], x)
    assert layer.linear.weight.any(), "the layer itself has not changed"


def test_hooks_see_a_layer_with_private_weights():
    """Pre-hooks come before the weights are computed: FSDP gathers them there."""
    layer, x, seen = Layer(), torch.randn(2, 3, 6), []
    layer.register_forward_pre_hook(lambda *_: seen.append("before"))
    layer.register_forward_hook(lambda *_: seen.append("after"))
    layer.linear.register_forward_hook(lambda module, *_: seen.append(module.weight))
    weight = torch.randn(6, 6)

    def weights(of):
        assert of is layer
        seen.append("weights")
        return {"linear.weight": weight}

    call_layer(layer, weights, x, None)
    assert seen == ["before", "weights", weight, "after"]


def test_a_compiled_layer_has_its_private_weights():
    layer, x = Layer(), torch.randn(2, 3, 6)
    other = {"linear.weight": torch.zeros(6, 6), "linear.bias": torch.zeros(6)}
    layer.compile(backend="eager")
    layer(x, None)
    assert torch.equal(call_layer(layer, lambda _: other, x, None)[0], x)


def test_a_copy_compiles_anew():
    call = CompiledCall("eager")
    layer, x = Layer(), torch.randn(2, 3, 6)
    expected = call(layer, None, x, None)[0]
    twin = pickle.loads(pickle.dumps(call))
    torch.testing.assert_close(twin(layer, None, x, None)[0], expected)


@pytest.mark.parametrize("private", [False, True])
def test_one_compilation_for_all_layers_and_lengths(private):
    counter = CompileCounter()
    call, layers = CompiledCall(counter), [Layer() for _ in range(3)]
    for rows, frames in ((2, 5), (3, 9), (7, 4), (2, 30)):
        x, masks = torch.randn(rows, frames, 6), torch.ones(rows, 1, frames, dtype=torch.bool)
        for layer in layers:
            own = {"linear.weight": torch.randn(6, 6, requires_grad=True)}
            weights = (lambda _, own=own: own) if private else None
            found, expected = (c(layer, weights, x, masks)[0] for c in (call, call_layer))
            torch.testing.assert_close(found, expected)
    assert counter.frame_count == 1


def test_gradients_of_what_aot_autograd_compiles():
    counter = CompileCounterWithBackend("aot_eager")
    call, layer = CompiledCall(counter), Layer()
    gradients = []
    for run in (call, call_layer):
        layer.zero_grad()
        for frames in (4, 9):
            torch.manual_seed(frames)
            run(layer, None, torch.randn(2, frames, 6), None)[0].square().sum().backward()
        gradients.append([p.grad.clone() for p in layer.parameters()])
    torch.testing.assert_close(*gradients)
    assert counter.frame_count == 2, "forward and backward"


def test_a_watched_layer_runs_as_it_is():
    counter = CompileCounter()
    call, layer, x = CompiledCall(counter), Layer(), torch.randn(2, 5, 6)
    call(layer, None, x, None)
    seen = []
    handle = layer.linear.register_forward_hook(lambda *_: seen.append(1))
    call(layer, None, x, None)
    assert seen == [1]
    handle.remove()
    call(layer, None, x, None)
    assert (seen, counter.frame_count) == ([1], 1)


def test_without_a_compiler_there_is_one_warning():
    calls = []

    def failing(*_):
        calls.append(1)
        raise RuntimeError("no C++ compiler")

    call, layer, x = CompiledCall(failing), Layer(), torch.randn(2, 5, 6)
    with pytest.warns(UserWarning, match="compile: true has no effect.*no C\\+\\+ compiler"):
        found = call(layer, None, x, None)[0]
    assert torch.equal(found, layer(x, None)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(layer, None, x, None)
    assert calls == [1]


def test_errors_of_a_layer_are_its_own():
    with pytest.raises(RuntimeError, match=r"mat1|shape|size"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CompiledCall(CompileCounter())(Layer(), None, torch.randn(2, 5, 7), None)
