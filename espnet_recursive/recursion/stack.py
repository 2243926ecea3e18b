"""The stack of layers that an encoder runs: prelude, recurrent block L times, coda (Eqs. 1-3)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from espnet_recursive.recursion.layer_call import LayerCall, call_layer
from espnet_recursive.recursion.loop_invariant import LoopInvariantLinear, LoopInvariants
from espnet_recursive.recursion.private_weights import PrivateWeights
from espnet_recursive.recursion.recurrence import LoopPlan, Recurrence
from espnet_recursive.recursion.shape import RecursionShape


class RecursiveStack(torch.nn.Module):
    """Layers with parameters of their own, run in the order of a recursion.

    The children are the unique layers, named "0", "1", ... in the order prelude, recurrent block,
    coda, so that each parameter stands once in ``state_dict()`` and ``parameters()``. As a
    sequence, the stack is what is *executed*: iterating visits the recurrent block ``num_loops``
    times, and ``len()`` is n_p + L * n_r + n_c.

    That is the whole difference between a stock ESPnet encoder and a recursive one, which both
    reach their layers only by iterating over ``encoders`` or by calling it.

    Loops that differ, between utterances or from each other, run by a plan: within
    :meth:`running`, the whole recursion is one callable, and iterating visits that. Within
    :meth:`sharing`, iterating visits the layers as they are when they know what is the same in all
    loops.

    Args:
        layers: The unique layers; each maps ``(xs, masks)`` to ``(xs, masks)``.
        shape: {n_r, L, n_p, n_c}.
        input_injection: What a loop sees of h_0, as in :mod:`input_injection`; None for nothing.
        loop_signals: What tells the layers which loop it is, as in :mod:`loop_signal`.
        private_weights: What a loop adds to the weights of the recurrent block.
        checkpoint_loops: Whether a loop keeps nothing but its beginning for the backward pass, and
            is computed once more there.
        layer_call: What runs a layer of the recurrent block.

    Raises:
        ValueError: If `layers` are not as many as `shape` needs.
    """

    input_injection: torch.nn.Module | None
    loop_signals: Iterable[torch.nn.Module] | None
    private_weights: PrivateWeights | None

    def __init__(
        self,
        layers: Iterable[torch.nn.Module],
        shape: RecursionShape,
        input_injection: torch.nn.Module | None = None,
        loop_signals: Sequence[torch.nn.Module] = (),
        private_weights: PrivateWeights | None = None,
        checkpoint_loops: bool = False,
        layer_call: LayerCall = call_layer,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.checkpoint_loops = checkpoint_loops
        self.layer_call = layer_call
        self._running: Recurrence | None = None
        self._sharing = False
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

    @property
    def unique_layers(self) -> tuple[torch.nn.Module, ...]:
        """All layers, each once, in the order prelude, recurrent block, coda."""
        return tuple(self.get_submodule(str(i)) for i in range(self.shape.unique_blocks))

    @property
    def has_private_parts(self) -> bool:
        """Whether a loop has anything that is not the recurrent block alone."""
        parts = (self.input_injection, self.loop_signals, self.private_weights)
        return any(part is not None for part in parts)

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

    @contextmanager
    def running(self, plan: LoopPlan) -> Iterator[Recurrence]:
        """Have the next pass run by a plan; what was done can be read off what this gives."""
        self._running = Recurrence(self, plan)
        try:
            yield self._running
        finally:
            self._running = None

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Have the next pass compute once what is the same in all loops.

        A pass by a plan does so anyway. Not for callers that compute single layers once more within
        the backward pass, where what was shared is gone.
        """
        self._sharing = True
        try:
            yield
        finally:
            self._sharing = False

    def invariants(self) -> LoopInvariants:
        """A place for what is the same in all loops of a pass that begins."""
        places = range(len(self.recurrent_block))
        return LoopInvariants([self._invariant_linears(place) for place in places])

    def _invariant_linears(self, place: int) -> list[LoopInvariantLinear]:
        private = self.private_weights.names[place] if self.private_weights else ()
        return [
            module
            for name, module in self.recurrent_block[place].named_modules()
            if isinstance(module, LoopInvariantLinear) and f"{name}.weight" not in private
        ]

    def in_loop(self, loop: int, invariants: LoopInvariants) -> Sequence[Callable[..., Any]]:
        """The layers of the recurrent block as they are in a loop, counted from 1.

        Args:
            loop: From 1.
            invariants: Those of the pass, which has begun.
        """
        return [partial(self._call, loop, invariants, i) for i in range(len(self.recurrent_block))]

    def _call(
        self, loop: int, invariants: LoopInvariants, place: int, xs: Any, masks: Any
    ) -> tuple[Any, Any]:
        layer, private = self.recurrent_block[place], self.private_weights
        weights = {} if private is None else private.weights(layer, place, loop)
        with invariants.in_layer(place):
            return self.layer_call(layer, weights, xs, masks)

    def _call_plain(
        self, invariants: LoopInvariants, place: int, xs: Any, masks: Any
    ) -> tuple[Any, Any]:
        """A layer of the recurrent block for a caller who knows of no loops."""
        invariants.begin(xs[1:] if isinstance(xs, tuple) else (), masks)
        xs, _ = self._call(1, invariants, place, xs, invariants.masks)
        return xs, masks

    def enter_loop(self, loop: int, states: torch.Tensor, injected: torch.Tensor) -> torch.Tensor:
        """What the recurrent block takes in a loop.

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
        if self._running is not None:
            yield self._running
            return
        yield from self.prelude  # h_0 = P(x)                        (1)
        block: Sequence[Any] = self.recurrent_block
        if self._sharing and self.shape.num_loops > 1:
            shared = self.invariants()
            block = [partial(self._call_plain, shared, place) for place in range(len(block))]
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
            What the last layer returns.
        """
        # ESPnet's stock container draws one number a layer here, for a layer drop that its callers
        # never switch on. Drawing them too keeps the random stream, and so dropout, identical.
        torch.empty(len(self)).uniform_()
        for layer in self:
            args = layer(*args)
        return args

    def extra_repr(self) -> str:
        return f"{self.shape}, {len(self)} layers executed"
