"""The stack of layers that an encoder runs: prelude, recurrent block L times, coda (Eqs. 1-3)."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from espnet_recursive.recursion.shape import RecursionShape


class RecursiveStack(torch.nn.Module):
    """Layers with parameters of their own, run in the order of a recursion.

    The children are the unique layers, named "0", "1", ... in the order prelude, recurrent block,
    coda, so that each parameter stands once in ``state_dict()`` and ``parameters()``. As a
    sequence, the stack is what is *executed*: iterating visits the recurrent block ``num_loops``
    times, and ``len()`` is n_p + L * n_r + n_c.

    That is the whole difference between a stock ESPnet encoder and a recursive one, which both
    reach their layers only by iterating over ``encoders`` or by calling it.

    Args:
        layers: The unique layers; each maps ``(xs, masks)`` to ``(xs, masks)``.
        shape: {n_r, L, n_p, n_c}.

    Raises:
        ValueError: If `layers` are not as many as `shape` needs.
    """

    def __init__(self, layers: Iterable[torch.nn.Module], shape: RecursionShape) -> None:
        super().__init__()
        self.shape = shape
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)
        if len(self._modules) != shape.unique_blocks:
            raise ValueError(
                f"{shape} needs {shape.unique_blocks} layers, not {len(self._modules)}"
            )

    @property
    def unique_layers(self) -> tuple[torch.nn.Module, ...]:
        """All layers, each once, in the order prelude, recurrent block, coda."""
        return tuple(self.children())

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

    def __iter__(self) -> Iterator[torch.nn.Module]:
        yield from self.prelude  # h_0 = P(x)                        (1)
        for _ in range(self.shape.num_loops):
            yield from self.recurrent_block  # h_i = R(h_{i-1}), i = 1..L  (2)
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
