"""A pass through a stack, Eqs. 1-3: an object that stands where ESPnet finds the layers.

Everything that a pass has to know is in the object, and nothing of it in the layers. So passes can
run side by side, in threads and at different depths.

* :class:`LayerPass`: the loops are alike, and ESPnet visits the layers one by one.
* :class:`PlannedPass`: loops differ between utterances or from each other, or somebody looks at
  states within; ESPnet visits the whole recursion as if it were one layer.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from espnet_recursive.recursion.active_rows import ActiveRows
from espnet_recursive.recursion.layer_call import call_layer
from espnet_recursive.recursion.loop_invariant import LoopInvariants
from espnet_recursive.recursion.loop_plan import LoopPlan
from espnet_recursive.recursion.loop_strides import FULL_RATE, Rate, pooled_masks
from espnet_recursive.recursion.stack import RecursiveStack, run_as_container

Tensor = torch.Tensor
Layer = Callable[[Any, Any], tuple[Any, Any]]
#: Position -> state (B, T, D), in the order of the positions.
States = list[tuple[int, Tensor]]


class Pass:
    """Base of the passes: a sequence of callables in the place of an encoder's layers.

    Args:
        stack: The layers.
    """

    def __init__(self, stack: RecursiveStack) -> None:
        self._stack = stack

    def __iter__(self) -> Iterator[Layer]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._stack)

    def __call__(self, xs: Any, masks: Any) -> tuple[Any, Any]:
        """Run it whole, for the encoders that call their layers instead of visiting them."""
        return run_as_container(self, xs, masks)


class LayerPass(Pass):
    """A pass whose loops are alike, equally many for all utterances.

    Args:
        stack: The layers, without private parts.
        num_loops: L.
        caches: Whether loop-invariant values are computed once. Not for callers that compute single
            layers once more in the backward pass, or that take frames away between layers.
    """

    def __init__(self, stack: RecursiveStack, num_loops: int, caches: bool = True) -> None:
        super().__init__(stack)
        self._shape = stack.shape.with_loops(num_loops)
        self._caches = caches and num_loops > 1
        self._invariants: LoopInvariants | None = None

    def __iter__(self) -> Iterator[Layer]:
        block: Sequence[Layer] = self._stack.recurrent_block
        if self._caches:
            block = [partial(self._visit, place) for place in range(len(block))]
        yield from self._stack.prelude  # h_0 = P(x)                 (1)
        for _ in range(self._shape.num_loops):
            yield from block  # h_i = R(h_{i-1}), i = 1..L       (2)
        yield from self._stack.coda  # y = C(h_L)                    (3)

    def __len__(self) -> int:
        return self._shape.executed_blocks

    def _visit(self, place: int, xs: Any, masks: Any) -> tuple[Any, Any]:
        states, *positions = xs if isinstance(xs, tuple) else (xs,)
        block = self._stack.recurrent_block
        if self._invariants is None:
            self._invariants = LoopInvariants(block, positions, masks)
        projected = self._invariants.positions[place]
        out, _ = block[place]((states, *projected) if positions else states, self._invariants.masks)
        return ((out[0], *positions) if positions else out), masks


class PlannedPass(Pass):
    """A pass by instructions; afterwards it has what was done.

    Args:
        stack: The layers.
        plan: The instructions.

    Attributes:
        loops: (B,) int64, the loops that each utterance has run.
        states: (number, (B, T, D)) for each position asked for that was reached. An utterance
            that has finished before has the state with which it finished.
        row_layers: Work done: layer executions, each times the utterances that it computed.
        early: (B, T, D) the coda's output of the state after loop ``coda_after``; None for none.
    """

    def __init__(self, stack: RecursiveStack, plan: LoopPlan) -> None:
        super().__init__(stack)
        self._plan = plan
        self._rows = ActiveRows(len(plan.counts))
        self._counts = plan.counts
        if plan.max_layers is not None:  # the last of these loops may run some of its layers alone
            before, per_loop = stack.shape.prelude_blocks, stack.shape.recurrent_blocks
            self._counts = plan.counts.clamp(max=max(0, -(-(plan.max_layers - before) // per_loop)))
        self.loops = self._counts.clone()
        self.states: States = []
        self.row_layers = 0
        self.early: Tensor | None = None

    def __iter__(self) -> Iterator[Layer]:
        yield self.run

    def run(self, xs: Any, masks: Any) -> tuple[Any, Any]:
        """Run it.

        Args:
            xs: (B, T, D), or with relative positions a tuple of it and their embedding.
            masks: (B, 1, T) bool, True in the utterance.

        Returns:
            As the layers do, the same two.
        """
        stack, plan = self._stack, self._plan
        states, *positions = xs if isinstance(xs, tuple) else (xs,)
        self._invariants = LoopInvariants(stack.recurrent_block, positions, masks)
        states = self._noted(*self._edge(stack.prelude, 0, states, positions))  # h_0 = P(x)   (1)
        states = self._loop(states)  # h_i = R(h_{i-1}), i = 1..L                        (2)
        self.states += [(number, states) for number in sorted(plan.states_beyond)]
        self._rows = ActiveRows(len(states))
        end = stack.shape.end_of_loop(int(plan.counts.max()))
        states = self._noted(*self._edge(stack.coda, end, states, positions))  # y = C(h_L)    (3)
        if self.early is not None:
            self.early, _, executed = self._edge(stack.coda, end, self.early, positions)
            self.row_layers += executed * len(states)
        return ((states, *positions) if positions else states), masks

    def _edge(
        self, layers: Sequence[torch.nn.Module], first: int, states: Tensor, positions: list[Tensor]
    ) -> tuple[Tensor, States, int]:
        """Prelude or coda."""
        of_each = [positions] * len(layers)
        if (view := self._plan.layer_at) is not None:
            layers = [view(layer, first + i, 1) for i, layer in enumerate(layers, 1)]
        return self._run(layers, first, states, of_each, self._invariants.masks)

    def _loop(self, states: Tensor) -> Tensor:
        plan, rule, masks = self._plan, self._plan.exit_rule, self._invariants.masks
        counts, injected, before = self._counts, states, None
        if rule is not None and rule.first_loop == 1:
            before = rule.view(states, plan.ctc, states)
        for loop in range(1, int(counts.max()) + 1):
            previous, states = states, self._one_loop(loop, states, injected, masks)
            if loop == plan.coda_after:
                self.early = self._rows.whole(states)
            finished = counts <= loop
            view = None
            if rule is not None and loop + 1 >= rule.first_loop and not finished.all():
                view = rule.view(states, plan.ctc, previous)
                if loop >= rule.first_loop:
                    assert before is not None
                    finished |= rule.finished(before, view, _frames(masks, view))
            self.loops[self._rows.rows[finished]] = loop
            if finished.all():
                break
            if finished.any():
                stay = self._rows.remove(finished, states)
                counts = counts[~finished]
                states, injected = states.index_select(0, stay), injected.index_select(0, stay)
                view = None if view is None else view.index_select(0, stay)
                masks = None if masks is None else masks.index_select(0, stay)
            before = view
        return self._rows.whole(states)

    def _one_loop(self, loop: int, states: Tensor, injected: Tensor, masks: Any) -> Tensor:
        stack, pooling = self._stack, self._stack.loop_pooling
        stride = 1 if pooling is None else pooling.stride(loop)
        positions = self._invariants.positions_at(stride, states.size(1))
        layers = [partial(self._call, place, loop, stride) for place in range(len(positions))]
        first = stack.shape.end_of_loop(loop - 1)
        rate = FULL_RATE
        if pooling is not None and stride > 1:
            rate = Rate(stride, partial(pooling, loop=loop, masks=masks))
        pooled = pooled_masks(masks, stride)
        scale = None if stack.loop_scale is None else partial(stack.loop_scale, loop=loop)

        def compute(states: Tensor, injected: Tensor) -> tuple[Tensor, States, int]:
            # Nothing is noted in here: it may run a second time, within the backward pass.
            states = stack.enter_loop(loop, states, injected)
            if pooling is not None and loop == stride == 1 and torch.is_grad_enabled():
                states = pooling(states, 1, masks)  # the same states
            return self._run(layers, first, states, positions, pooled, rate, scale)

        if stack.checkpoint_loops and stack.training and torch.is_grad_enabled():
            return self._noted(*checkpoint(compute, states, injected, use_reentrant=False))
        return self._noted(*compute(states, injected))

    def _call(self, place: int, loop: int, stride: int, xs: Any, masks: Any) -> tuple[Any, Any]:
        """A layer of the recurrent block as it is in a loop."""
        stack, private = self._stack, self._stack.private_weights
        weights = None if private is None else private.in_loop(place, loop)
        layer, view = stack.recurrent_block[place], self._plan.layer_at
        if view is None:
            return stack.layer_call(layer, weights, xs, masks)
        # Not compiled: the compiler would take each view for another layer.
        position = stack.shape.end_of_loop(loop - 1) + place + 1
        return call_layer(view(layer, position, stride), weights, xs, masks)

    def _run(
        self,
        layers: Sequence[Layer],
        first: int,
        states: Tensor,
        positions: Sequence[list[Tensor]],
        masks: Any,
        rate: Rate = FULL_RATE,
        scale: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, States, int]:
        """Run layers, of which the first follows position `first`.

        Args:
            layers: The layers.
            first: The position before them.
            states: (rows, T, D), at the full rate.
            positions: Of each layer, at `rate`.
            masks: At `rate`.
            rate: That of the layers. Who looks at states sees them at the full rate.
            scale: What a layer took and returned to the states after it; None for the latter.

        Returns:
            The state after them, states to be kept, and how many layers were run.
        """
        plan, kept, executed = self._plan, [], 0
        begin = now = rate.down(states)
        for position, (layer, of_layer) in enumerate(
            zip(layers, positions, strict=True), first + 1
        ):
            if plan.max_layers is not None and position > plan.max_layers:
                break
            xs, _ = layer((now, *of_layer) if of_layer else now, masks)
            after = xs[0] if of_layer else xs
            now = after if scale is None else scale(now, after)
            executed += 1
            if position in plan.states_after:
                kept.append((plan.states_after[position], rate.up(states, begin, now)))
            if plan.condition is not None and position in plan.condition_after:
                states = plan.condition(rate.up(states, begin, now))
                begin = now = rate.down(states)
        return rate.up(states, begin, now), kept, executed

    def _noted(self, states: Tensor, kept: States, executed: int) -> Tensor:
        self.row_layers += executed * len(states)
        self.states += [(number, self._rows.whole(state)) for number, state in kept]
        return states


def _frames(masks: Any, view: Tensor) -> Tensor:
    """(rows, T) of the masks; all frames where there are none."""
    if masks is None:
        return torch.ones(view.shape[:2], dtype=torch.bool, device=view.device)
    return masks[:, 0]
