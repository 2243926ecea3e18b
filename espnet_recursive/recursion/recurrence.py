"""A pass whose loops differ between utterances or from each other.

A pass with the same number of loops for all, nothing private to a loop and no state asked for is a
plain sequence of layers, for which :class:`RecursiveStack` needs none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

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
        condition: Applied to the latent state after those positions, for self-conditioned CTC.
    """

    counts: Tensor
    exit_rule: ExitRule | None = None
    ctc: CTCHead | None = None
    states_after: Collection[int] = ()
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
        self._position = 0

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
        self._rows = ActiveRows(len(states))
        states = self._run(stack.prelude, states, positions, masks)  # h_0 = P(x)      (1)
        states = self._loop(states, positions, masks)  # h_i = R(h_{i-1}), i = 1..L  (2)
        self._rows = ActiveRows(len(states))
        states = self._run(stack.coda, states, positions, masks)  # y = C(h_L)         (3)
        return ((states, *positions) if positions else states), masks

    def _loop(self, states: Tensor, positions: list[Tensor], masks: Any) -> Tensor:
        stack, plan, rule = self._stack, self._plan, self._plan.exit_rule
        counts, injected, before = plan.counts, states, None
        if rule is not None and rule.min_loops == 1:
            before = rule.view(states, plan.ctc)
        for loop in range(1, int(plan.counts.max()) + 1):
            layers = stack.in_loop(loop)
            states = stack.enter_loop(loop, states, injected)
            states = self._run(layers, states, positions, masks)
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
        return self._rows.whole(states)

    def _run(
        self, layers: Sequence[Callable], states: Tensor, positions: list[Tensor], masks: Any
    ) -> Tensor:
        for layer in layers:
            xs, _ = layer((states, *positions) if positions else states, masks)
            states = xs[0] if positions else xs
            self._position += 1
            self.row_layers += len(states)
            if self._position in self._plan.states_after:
                self.states.append((self._position, self._rows.whole(states)))
                if self._plan.condition is not None:
                    states = self._plan.condition(states)
        return states


def _frames(masks: Any, view: Tensor) -> Tensor:
    """(rows, T) of the masks; all frames where there are none."""
    if masks is None:
        return torch.ones(view.shape[:2], dtype=torch.bool, device=view.device)
    return masks[:, 0]
