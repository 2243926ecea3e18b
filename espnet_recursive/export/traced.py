"""The two modules that are traced: an encoder without its recurrent block, and that block.

Tracing writes down what is executed, so a block that loops would stand in the file once for each
loop. Here the pass around it holds a mark in its place, and the block is traced by itself.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder
from espnet_recursive.export.loop_rows import rows_of_loop
from espnet_recursive.export.positions import computed_positions
from espnet_recursive.export.replaced import replaced, tensors_replaced
from espnet_recursive.recursion.stack import RecursiveStack

Tensor = torch.Tensor

#: The operator that stands for the loops, (num_loops, states, masks, positions ...) -> states.
MARK = "espnet_recursive::Loops"


class Mark(torch.autograd.Function):
    """The operator MARK in a trace; without one, nothing."""

    @staticmethod
    def forward(ctx: Any, num_loops: Tensor, states: Tensor, *others: Tensor) -> Tensor:
        return states.clone()

    @staticmethod
    def symbolic(g: Any, num_loops: Any, states: Any, *others: Any) -> Any:
        return g.op(MARK, num_loops, states, *others).setType(states.type())


class MarkedStack(torch.nn.Module):
    """Prelude, mark, coda; run as ESPnet's encoders run their layers.

    Args:
        stack: The recursion.
        num_loops: () int64.

    Attributes:
        seen: States, masks and positions of the last pass, as the recurrent block takes them.
    """

    def __init__(self, stack: RecursiveStack, num_loops: Tensor) -> None:
        super().__init__()
        self.stack = stack
        self._num_loops = num_loops
        self.seen: tuple[Tensor, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        yield self

    def forward(self, xs: Any, masks: Tensor) -> tuple[Any, Tensor]:
        """As a layer: (B, T, D) or a tuple of it and positions, and masks (B, 1, T)."""
        states, *positions = xs if isinstance(xs, tuple) else (xs,)
        states = _run(self.stack.prelude, states, positions, masks)
        self.seen = (states, masks, *positions)
        states = Mark.apply(self._num_loops, *self.seen)
        states = _run(self.stack.coda, states, positions, masks)
        return ((states, *positions) if positions else states), masks


class Around(torch.nn.Module):
    """An encoder and a CTC head, with a mark where the recurrent block is to loop.

    Args:
        encoder: A recursive encoder, or a stock one.
        ctc: ESPnet's CTC module; None for no such output.
        frames: The fewest frames that the encoder takes; shorter utterances have as many of
            the zeros behind them.
    """

    def __init__(self, encoder: Any, ctc: Any = None, frames: int = 1) -> None:
        super().__init__()
        self.encoder, self.ctc, self._frames = encoder, ctc, frames
        self.seen: tuple[Tensor, ...] = ()

    def forward(
        self, features: Tensor, lengths: Tensor, num_loops: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode.

        Args:
            features: (B, T, F).
            lengths: (B,) int64.
            num_loops: () int64; None for all layers one after the other, as configured.

        Returns:
            (B, T', D) encoder output, (B,) its lengths, and with CTC (B, T', V) log posteriors.
        """
        encoder = self.encoder
        features, lengths = _at_least(features, self._frames), lengths.clamp(min=self._frames)
        with ExitStack() as stack, _mask_of_all_frames(encoder, features):
            if num_loops is not None:
                marked = MarkedStack(encoder.encoders, num_loops)
                stack.enter_context(_layers(encoder, marked))
            if hasattr(encoder, "interctc_layer_idx"):
                stack.enter_context(replaced(encoder, "interctc_layer_idx", []))
            out, out_lengths, _ = stock_forward(encoder)(features, lengths)
        if num_loops is not None:
            self.seen = marked.seen
        if self.ctc is None:
            return out, out_lengths
        return out, out_lengths, self.ctc.log_softmax(out)


class Block(torch.nn.Module):
    """One loop.

    Args:
        stack: The recursion.
    """

    def __init__(self, stack: RecursiveStack) -> None:
        super().__init__()
        self.stack = stack

    def forward(
        self, iteration: Tensor, states: Tensor, injected: Tensor, masks: Tensor, *positions: Tensor
    ) -> Tensor:
        """h_i = R(h_{i-1}).

        Args:
            iteration: () int64, i - 1.
            states: (B, T, D) h_{i-1}.
            injected: (B, T, D) h_0.
            masks: (B, 1, T).
            *positions: (1, T or 2T - 1, D), where positions are relative.
        """
        stack, private = self.stack, self.stack.private_weights
        with tensors_replaced(stack, rows_of_loop(stack, iteration + 1)):
            states = stack.enter_loop(1, states, injected)
            for place, layer in enumerate(stack.recurrent_block):
                weights = {} if private is None else private.weights(layer, place, 1)
                with tensors_replaced(layer, weights):
                    after = _run([layer], states, positions, masks)
                scale = stack.loop_scale
                states = after if scale is None else scale(states, after, 1)
        return states


@contextmanager
def traceable(encoder: Any) -> Iterator[None]:
    """Prepare an encoder in evaluation mode: its trace then holds for all lengths and batches."""
    with ExitStack() as stack:
        stack.enter_context(computed_positions(encoder))
        for module in encoder.modules():
            if getattr(module, "use_flash_attn", False):
                stack.enter_context(replaced(module, "use_flash_attn", False))
        stack.enter_context(torch.no_grad())
        yield


def stock_forward(encoder: Any) -> Callable[..., Any]:
    """ESPnet's forward method of an encoder, below that of a recursive one."""
    if isinstance(encoder, LatentRecursiveEncoder):
        return super(LatentRecursiveEncoder, encoder).forward
    return encoder.forward


@contextmanager
def _layers(encoder: Any, layers: torch.nn.Module) -> Iterator[None]:
    before = encoder.encoders
    encoder.encoders = layers
    try:
        yield
    finally:
        encoder.encoders = before


@contextmanager
def _mask_of_all_frames(encoder: Any, features: Tensor) -> Iterator[None]:
    """Masks as wide as the input: ESPnet's are as wide as the longest utterance, and quadratic."""

    def make_pad_mask(lengths: Tensor) -> Tensor:
        return torch.arange(features.size(1), device=lengths.device) >= lengths[:, None]

    module = sys.modules[stock_forward(encoder).__module__]
    with replaced(module, "make_pad_mask", make_pad_mask):
        yield


def _at_least(features: Tensor, frames: int) -> Tensor:
    """(B, T, F) with zeros behind it where T is smaller than a number of frames."""
    size = torch._shape_as_tensor(features)[1]
    zeros = features.new_zeros(1, frames, features.size(2)).expand(features.size(0), -1, -1)
    return torch.cat([features, zeros], dim=1)[:, : size.clamp(min=frames)]


def _run(
    layers: Sequence[Callable], states: Tensor, positions: Sequence[Tensor], masks: Tensor
) -> Tensor:
    for layer in layers:
        xs, _ = layer((states, *positions) if positions else states, masks)
        states = xs[0] if positions else xs
    return states
