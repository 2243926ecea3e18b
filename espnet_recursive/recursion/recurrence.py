"""A pass whose loops differ between utterances or from each other.

A pass with the same number of loops for all, nothing private to a loop and no state asked for is a
plain sequence of layers, for which :class:`RecursiveStack` needs none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint

from espnet_recursive.recursion.active_rows import ActiveRows
from espnet_recursive.recursion.exit_criterion import CTCHead, ExitRule

if TYPE_CHECKING:
    from espnet_recursive.recursion.stack import RecursiveStack

Tensor = torch.Tensor


@dataclass(frozen=True)
class LoopPlan:
    """What a pass is to do.

    Attributes:
        counts: (B,) int64 on the CPU, the loops that each utterance runs at most.
        exit_rule: When an utterance stops earlier; None for never.
        ctc: The CTC head that the exit rule looks through, on latent states.
        states_after: Positions, in executed layers from 1, whose states are kept.
        states_beyond: Ends of loops that none of these utterances runs, at which all of them have
            the state with which they finished.
        condition: Applied to the latent state after those positions, for self-conditioned CTC.
    """

    counts: Tensor
    exit_rule: ExitRule | None = None
    ctc: CTCHead | None = None
    states_after: Collection[int] = ()
    states_beyond: Collection[int] = ()
    condition: Callable[[Tensor], Tensor] | None = None


class Recurrence:
    """A pass, called as if it were one layer; afterwards it says what was done.

    Args:
        stack: The layers.
        plan: What to do.

    Attributes:
        loops: (B,) int64, the loops that each utterance has run.
        states: (position, (B, T, D)) for each position asked for that was reached. An utterance
            that has finished before has the state with which it finished.
        row_layers: Work done: layer executions, each times the utterances that it computed.
    """

    def __init__(self, stack: RecursiveStack, plan: LoopPlan) -> None:
        self._stack, self._plan = stack, plan
        self.loops = plan.counts.clone()
        self.states: list[tuple[int, Tensor]] = []
        self.row_layers = 0

    def __call__(self, xs: Any, masks: Any) -> tuple[Any, Any]:
        """Run it.

        Args:
            xs: (B, T, D), or with relative positions a tuple of it and their embedding.
            masks: (B, 1, T) bool, True in the utterance.

        Returns:
            As the layers do, the same two.
        """
        stack = self._stack
        states, *positions = xs if isinstance(xs, tuple) else (xs,)
        self._invariants = stack.invariants()
        self._invariants.begin(positions, masks)
        self._rows = ActiveRows(len(states))
        passed, needed = masks, self._invariants.masks
        states = self._edge(stack.prelude, 0, states, positions, needed)  # h_0 = P(x)         (1)
        states, loops = self._loop(states, positions, needed)  # h_i = R(h_{i-1}), i = 1..L  (2)
        self.states += [(position, states) for position in sorted(self._plan.states_beyond)]
        self._rows = ActiveRows(len(states))
        first = len(stack.prelude) + loops * len(stack.recurrent_block)
        states = self._edge(stack.coda, first, states, positions, needed)  # y = C(h_L)        (3)
        return ((states, *positions) if positions else states), passed

    def _edge(
        self,
        layers: Sequence[Callable],
        first: int,
        states: Tensor,
        positions: list[Tensor],
        masks: Any,
    ) -> Tensor:
        """Prelude or coda."""
        states, kept = _run(self._plan, layers, first, states, positions, masks)
        self._note(layers, states, kept)
        return states

    def _loop(self, states: Tensor, positions: list[Tensor], masks: Any) -> tuple[Tensor, int]:
        plan, rule = self._plan, self._plan.exit_rule
        counts, injected, before = plan.counts, states, None
        if rule is not None and rule.min_loops == 1:
            before = rule.view(states, plan.ctc)
        for loop in range(1, int(plan.counts.max()) + 1):
            states = self._one_loop(loop, states, injected, positions, masks)
            finished = counts <= loop
            view = None
            if rule is not None and loop + 1 >= rule.min_loops and not finished.all():
                view = rule.view(states, plan.ctc)
                if loop >= rule.min_loops:
                    assert before is not None
                    finished |= rule.finished(before, view, _frames(masks, view))
            self.loops[self._rows.rows[finished]] = loop
            if finished.all():
                break
            if finished.any():
                stay = self._rows.leave(finished, states)
                counts = counts[~finished]
                states, injected = states.index_select(0, stay), injected.index_select(0, stay)
                view = None if view is None else view.index_select(0, stay)
                masks = None if masks is None else masks.index_select(0, stay)
            before = view
        return self._rows.whole(states), loop

    def _one_loop(
        self, loop: int, states: Tensor, injected: Tensor, positions: list[Tensor], masks: Any
    ) -> Tensor:
        stack = self._stack
        layers = stack.in_loop(loop, self._invariants)
        first = len(stack.prelude) + (loop - 1) * len(stack.recurrent_block)

        def compute(states: Tensor, injected: Tensor) -> tuple[Tensor, list[tuple[int, Tensor]]]:
            # Nothing is noted in here: it may run a second time, within the backward pass.
            states = stack.enter_loop(loop, states, injected)
            return _run(self._plan, layers, first, states, positions, masks)

        if stack.checkpoint_loops and stack.training and torch.is_grad_enabled():
            states, kept = checkpoint(compute, states, injected, use_reentrant=False)
        else:
            states, kept = compute(states, injected)
        self._note(layers, states, kept)
        return states

    def _note(
        self, layers: Sequence[Callable], states: Tensor, kept: list[tuple[int, Tensor]]
    ) -> None:
        self.row_layers += len(layers) * len(states)
        self.states += [(position, self._rows.whole(state)) for position, state in kept]


def _run(
    plan: LoopPlan,
    layers: Sequence[Callable],
    first: int,
    states: Tensor,
    positions: list[Tensor],
    masks: Any,
) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Run layers, of which the first follows position `first`; states, and those to be kept."""
    kept = []
    for position, layer in enumerate(layers, first + 1):
        xs, _ = layer((states, *positions) if positions else states, masks)
        states = xs[0] if positions else xs
        if position in plan.states_after:
            kept.append((position, states))
            if plan.condition is not None:
                states = plan.condition(states)
    return states, kept


def _frames(masks: Any, view: Tensor) -> Tensor:
    """(rows, T) of the masks; all frames where there are none."""
    if masks is None:
        return torch.ones(view.shape[:2], dtype=torch.bool, device=view.device)
    return masks[:, 0]
