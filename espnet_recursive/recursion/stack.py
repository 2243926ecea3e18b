"""The stack of layers that an encoder holds: prelude, recurrent block, coda (Eqs. 1-3)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from espnet_recursive.recursion.layer_call import LayerCall, call_layer
from espnet_recursive.recursion.loop_scale import LoopScale
from espnet_recursive.recursion.loop_strides import LoopPooling
from espnet_recursive.recursion.private_weights import PrivateWeights
from espnet_recursive.recursion.shape import RecursionShape


class RecursiveStack(torch.nn.Module):
    """Layers with parameters of their own, run in the order of a recursion.

    The children are the unique layers, named "0", "1", ... in the order prelude, recurrent block,
    coda, so that each parameter stands once in ``state_dict()`` and ``parameters()``. As a
    sequence, the stack is what is *executed*: iterating visits the recurrent block ``num_loops``
    times, and ``len()`` is n_p + L * n_r + n_c.

    That is the whole difference between a stock ESPnet encoder and a recursive one, which both
    reach their layers only by iterating over ``encoders`` or by calling it. Where a pass does more
    than visit layers, a :class:`espnet_recursive.recursion.recurrence.Pass` stands in the place of
    the stack. The stack itself holds nothing of any pass.

    Args:
        layers: The unique layers; each maps ``(xs, masks)`` to ``(xs, masks)``.
        shape: {n_r, L, n_p, n_c}.
        input_injection: What a loop sees of h_0, as in :mod:`input_injection`; None for nothing.
        loop_signals: What tells the layers which loop it is, as in :mod:`loop_signal`.
        private_weights: What a loop adds to the weights of the recurrent block.
        checkpoint_loops: Whether a loop keeps nothing but its beginning for the backward pass, and
            is computed once more there.
        layer_call: What runs a layer of the recurrent block.
        loop_pooling: The time resolutions of the loops; None for the full rate in all.
        loop_scale: How much of its change a layer of the recurrent block adds; None for all.

    Raises:
        ValueError: If `layers` are not as many as `shape` needs.
    """

    input_injection: torch.nn.Module | None
    loop_signals: Iterable[torch.nn.Module] | None
    private_weights: PrivateWeights | None
    loop_pooling: LoopPooling | None
    loop_scale: LoopScale | None

    def __init__(
        self,
        layers: Iterable[torch.nn.Module],
        shape: RecursionShape,
        input_injection: torch.nn.Module | None = None,
        loop_signals: Sequence[torch.nn.Module] = (),
        private_weights: PrivateWeights | None = None,
        checkpoint_loops: bool = False,
        layer_call: LayerCall = call_layer,
        loop_pooling: LoopPooling | None = None,
        loop_scale: LoopScale | None = None,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.checkpoint_loops = checkpoint_loops
        self.layer_call = layer_call
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)
        if len(self._modules) != shape.unique_blocks:
            raise ValueError(
                f"{shape} needs {shape.unique_blocks} layers, not {len(self._modules)}"
            )
        self.add_module("input_injection", input_injection)
        signals = torch.nn.ModuleList(loop_signals) if loop_signals else None
        self.add_module("loop_signals", signals)
        self.add_module("private_weights", private_weights)
        self.add_module("loop_pooling", loop_pooling)
        self.add_module("loop_scale", loop_scale)

    @property
    def unique_layers(self) -> tuple[torch.nn.Module, ...]:
        """All layers, each once, in the order prelude, recurrent block, coda."""
        return tuple(self.get_submodule(str(i)) for i in range(self.shape.unique_blocks))

    @property
    def has_private_parts(self) -> bool:
        """Whether a loop has anything that is not the recurrent block alone."""
        between = (self.input_injection, self.loop_signals, self.loop_pooling, self.loop_scale)
        return any(part is not None for part in (*between, self.private_weights))

    @property
    def prelude(self) -> tuple[torch.nn.Module, ...]:
        """P, the n_p layers that run before the loops."""
        return self.unique_layers[: self.shape.prelude_blocks]

    @property
    def recurrent_block(self) -> tuple[torch.nn.Module, ...]:
        """R, the n_r layers that every loop runs."""
        start = self.shape.prelude_blocks
        return self.unique_layers[start : start + self.shape.recurrent_blocks]

    @property
    def coda(self) -> tuple[torch.nn.Module, ...]:
        """C, the n_c layers that run after the loops."""
        return self.unique_layers[self.shape.prelude_blocks + self.shape.recurrent_blocks :]

    def enter_loop(self, loop: int, states: torch.Tensor, injected: torch.Tensor) -> torch.Tensor:
        """The states that the recurrent block takes in a loop.

        Args:
            loop: From 1.
            states: (rows, T, D) h_{i-1}.
            injected: (rows, T, D) h_0.
        """
        if self.input_injection is not None:
            states = self.input_injection(states, injected)
        for signal in self.loop_signals or ():
            states = signal(states, loop)
        return states

    def __iter__(self) -> Iterator[Any]:
        yield from self.prelude  # h_0 = P(x)                        (1)
        block = self.recurrent_block
        for _ in range(self.shape.num_loops):
            yield from block  # h_i = R(h_{i-1}), i = 1..L               (2)
        yield from self.coda  # y = C(h_L)                           (3)

    def __len__(self) -> int:
        return self.shape.executed_blocks

    def forward(self, *args: Any) -> Any:
        """Run all layers in the order of the recursion.

        Args:
            *args: What the layers take and return: xs of shape (B, T, D), or (xs, pos_emb), and
                masks of shape (B, 1, T).

        Returns:
            As the last layer does.
        """
        return run_as_container(self, *args)

    def extra_repr(self) -> str:
        return f"{self.shape}, {len(self)} layers executed"


def run_as_container(layers: Any, *args: Any) -> Any:
    """Run layers one after the other, as ESPnet's container of layers does when it is called.

    Args:
        layers: Callables, to be iterated over, with a length.
        *args: What each of them takes and returns.
    """
    # ESPnet's draws one number a layer here, for a layer drop that its callers never switch on.
    # Drawing them too keeps the random stream, and so dropout, identical.
    torch.empty(len(layers)).uniform_()
    for layer in layers:
        args = layer(*args)
    return args
