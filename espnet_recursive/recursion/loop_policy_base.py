"""The interface of loop policies, and the checks that they share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from espnet_recursive.errors import is_integer

#: A bound against typing errors, far beyond what anybody trains.
MOST_LOOPS = 10_000


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        epoch: The epoch under way, from 1.
        step: Optimiser steps that were made.
        forward: Training passes that were made, several to a step where gradients accumulate.
    """

    epoch: int = 1
    step: int = 0
    forward: int = 0


class LoopPolicy(ABC):
    """Base of the policies.

    Attributes:
        needs_progress: Whether the counts depend on the progress.
        depth_in_evaluation: Whether evaluation during a training runs the policy's own counts, not
            the encoder's ``num_loops``.
        per_utterance: Whether utterances of a batch may have different counts.
    """

    needs_progress: ClassVar[bool] = False
    depth_in_evaluation: ClassVar[bool] = False
    per_utterance: ClassVar[bool] = False

    @property
    @abstractmethod
    def most_loops(self) -> int:
        """The largest count that the policy gives."""

    @property
    def default_loops(self) -> int:
        """Loops at inference where ``num_loops`` is not given: the largest count."""
        return self.most_loops

    @abstractmethod
    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        """Give each utterance its number of loops.

        Args:
            progress: How far the training has come.
            lengths: (B,) lengths of the encoder's input, in frames before subsampling.

        Returns:
            (B,) int64 on the CPU, 1 or more each.
        """


def same_for_all(loops: int, lengths: torch.Tensor) -> torch.Tensor:
    """(B,) int64 on the CPU, the same number of loops for each of the utterances."""
    return torch.full((len(lengths),), loops, dtype=torch.int64)


def check_integer(policy: Any, key: str, least: int, most: int | None = None) -> None:
    """Refuse a field of a policy that is no integer within bounds; ValueError names it."""
    value = getattr(policy, key)
    if not is_integer(value, least):
        raise ValueError(f"{key} must be an integer of {least} or more, not {value!r}")
    if not is_integer(value, least, most):
        raise ValueError(f"{key} must be at most {most}, not {value}")


def check_loops(policy: Any, low: str, high: str) -> None:
    """Refuse two fields of a policy that are no smallest and largest number of loops."""
    check_integer(policy, low, 1, MOST_LOOPS)
    check_integer(policy, high, 1, MOST_LOOPS)
    first, last = getattr(policy, low), getattr(policy, high)
    if last < first:
        raise ValueError(f"{high}={last} must be larger than {low}={first}")


def check_choice(policy: Any, key: str, choices: tuple[str, ...]) -> None:
    """Refuse a field of a policy that is none of its choices."""
    if getattr(policy, key) not in choices:
        raise ValueError(f"{key} must be one of {', '.join(choices)}, not {getattr(policy, key)!r}")
