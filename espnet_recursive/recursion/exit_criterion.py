"""Exit criteria: when the loops of an utterance have nothing more to change.

Each compares a loop with the loop before and gives a number for each utterance, the smaller the
more alike. An utterance exits when its number is below the threshold: at threshold 0 never, at
infinity as soon as it may.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

import torch

Tensor = torch.Tensor
#: (rows, T, D) latent states -> (rows, T, V) logits of the CTC head.
CTCHead = Callable[[Tensor], Tensor]


def relative_change(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """||h_i - h_(i-1)|| / ||h_i|| over the frames of each utterance.

    Args:
        before: (rows, T, D) latent states of the loop before.
        after: (rows, T, D) latent states.
        mask: (rows, T) bool, True in the utterance.

    Returns:
        (rows,)
    """
    return _norms(after - before, after, mask)


def divergence(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Mean over an utterance's frames of KL(p_i || p_(i-1)) of the CTC posteriors, in nats.

    Args:
        before: (rows, T, V) log posteriors of the loop before.
        after: (rows, T, V) log posteriors.
        mask: (rows, T) bool, True in the utterance.

    Returns:
        (rows,)
    """
    q, p = before.flatten(0, 1), after.flatten(0, 1)
    # A few frames stay in a processor's cache, where all of them would not; a GPU has no such need.
    few = 32 if p.device.type == "cpu" else max(len(p), 1)
    parts = zip(p.split(few), q.split(few), strict=True)
    of_frames = torch.cat([(p.exp() * (p - q)).sum(-1) for p, q in parts]).clamp_min(0)
    return _mean(of_frames.view(mask.shape), mask)


def changed_labels(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Share of an utterance's frames whose greedy CTC label is another one.

    Args:
        before: (rows, T) labels of the loop before.
        after: (rows, T) labels.
        mask: (rows, T) bool, True in the utterance.

    Returns:
        (rows,)
    """
    return _mean((before != after).float(), mask)


def second_difference(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """||(h_i - h_(i-1)) - (h_(i-1) - h_(i-2))|| / ||h_i|| over the frames of each utterance.

    It is small where the steps settle, be it at nothing or at a drift that goes on and on.

    Args:
        before: (rows, T, 2 D) step and latent states of the loop before.
        after: (rows, T, 2 D) step and latent states.
        mask: (rows, T) bool, True in the utterance.

    Returns:
        (rows,)
    """
    step, states = after.chunk(2, -1)
    return _norms(step - before.chunk(2, -1)[0], states, mask)


def _norms(change: Tensor, states: Tensor, mask: Tensor) -> Tensor:
    """(rows,) the norm of a change by that of the states, over the frames of each utterance."""
    mask = mask.unsqueeze(-1)
    squares = ((x.float().square() * mask).sum((1, 2)) for x in (change, states))
    return (next(squares) / next(squares).clamp_min(1e-20)).sqrt()


def _mean(of_frames: Tensor, mask: Tensor) -> Tensor:
    return (of_frames * mask).sum(1) / mask.sum(1).clamp_min(1)


@dataclass(frozen=True)
class Criterion:
    """The quantity that is looked at, and how two loops are compared.

    Attributes:
        view: Latent states, the CTC head and the latent states before the loop to what is compared.
        difference: (before, after, mask) -> (rows,).
        needs_ctc: Whether there must be a CTC head.
        first_loop: The first loop that can be judged.
    """

    view: Callable[[Tensor, CTCHead | None, Tensor], Tensor]
    difference: Callable[[Tensor, Tensor, Tensor], Tensor]
    needs_ctc: bool
    first_loop: int = 1


def _states(states: Tensor, ctc: CTCHead | None, previous: Tensor) -> Tensor:
    return states


def _step_and_states(states: Tensor, ctc: CTCHead | None, previous: Tensor) -> Tensor:
    return torch.cat([states - previous, states], -1)


def _log_posteriors(states: Tensor, ctc: CTCHead | None, previous: Tensor) -> Tensor:
    assert ctc is not None
    return ctc(states).float().log_softmax(-1)


def _labels(states: Tensor, ctc: CTCHead | None, previous: Tensor) -> Tensor:
    assert ctc is not None
    return ctc(states).argmax(-1)


#: The criteria by their names.
EXIT_CRITERIA: dict[str, Criterion] = {
    "latent": Criterion(_states, relative_change, needs_ctc=False),
    "kl": Criterion(_log_posteriors, divergence, needs_ctc=True),
    "labels": Criterion(_labels, changed_labels, needs_ctc=True),
    "acceleration": Criterion(_step_and_states, second_difference, needs_ctc=False, first_loop=2),
}


@dataclass(frozen=True)
class ExitRule:
    """When an utterance stops looping.

    Args:
        criterion: A key of EXIT_CRITERIA: "latent" (relative change of the latent state), "kl"
            (divergence of the CTC posteriors), "labels" (share of changed greedy CTC labels) or
            "acceleration" (relative change of the step, from the second loop on).
        threshold: Below it, an utterance exits.
        min_loops: Loops that every utterance runs.

    Raises:
        ValueError: Naming the key and what it may be.
    """

    criterion: str
    threshold: float
    min_loops: int = 1

    def __post_init__(self) -> None:
        if self.criterion not in EXIT_CRITERIA:
            raise ValueError(
                f"exit criterion {self.criterion!r} is none of {', '.join(EXIT_CRITERIA)}"
            )
        if isnan(self.threshold) or self.threshold < 0:
            raise ValueError(f"exit threshold must be 0 or more, not {self.threshold}")
        if self.min_loops < 1:
            raise ValueError(f"exit min_loops must be 1 or more, not {self.min_loops}")

    @property
    def needs_ctc(self) -> bool:
        """Whether the criterion looks at CTC posteriors."""
        return EXIT_CRITERIA[self.criterion].needs_ctc

    @property
    def first_loop(self) -> int:
        """The first loop after which an utterance may exit."""
        return max(self.min_loops, EXIT_CRITERIA[self.criterion].first_loop)

    def view(self, states: Tensor, ctc: CTCHead | None, previous: Tensor) -> Tensor:
        """The part of the latent states that is compared.

        Args:
            states: (rows, T, D) after a loop.
            ctc: The CTC head, or None.
            previous: (rows, T, D) before it.
        """
        return EXIT_CRITERIA[self.criterion].view(states, ctc, previous)

    def finished(self, before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
        """Which utterances exit.

        Args:
            before: View of the loop before.
            after: View of this loop.
            mask: (rows, T) bool, True in the utterance.

        Returns:
            (rows,) bool on the CPU.
        """
        change = EXIT_CRITERIA[self.criterion].difference(before, after, mask)
        return (change < self.threshold).cpu()
