"""How far a training has come, counted by the encoder itself: nothing tells it the epoch."""

from typing import Any
from weakref import WeakSet

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from espnet_recursive.recursion.loop_policy import Progress


class TrainingProgress(torch.nn.Module):
    """Counts epochs, optimiser steps and training passes, and keeps them with the weights.

    * An *epoch* begins with the first training pass after ``train()`` was called, which trainers do
      once an epoch, after validation.
    * A *step* is one of the optimiser that has the encoder's weights, as torch's own hook tells; so
      passes whose gradients accumulate are one step, and one that mixed precision skips is none.
    * A *pass* that activation checkpointing computes once more within the backward pass is the one
      before, not a new one.

    Validation and inference count nothing. The state dict holds one tensor of three integers.
    Counters are plain integers otherwise: a tensor on a GPU would have to be waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = self._step = self._forward = 0
        self._epoch_begins = True
        self._now: Progress | None = None
        # A list, so that the weight is not registered here as well.
        self._watched: list[torch.Tensor] = []

    @property
    def now(self) -> Progress | None:
        """The progress at the last training pass of this process; None before there was one."""
        return self._now

    def begin(self, weight: torch.Tensor) -> Progress:
        """Count a training pass that begins.

        Args:
            weight: A weight that the optimiser changes.

        Returns:
            The progress, which counts this pass's epoch, and the steps and passes before it.

        Raises:
            RuntimeError: In a replica of ``DataParallel``, whose counts would be lost.
        """
        if getattr(self, "_is_replica", False):
            raise RuntimeError(
                "a loop policy that follows the training's progress needs a process for each GPU: "
                "--multiprocessing_distributed true"
            )
        if _in_backward() and self._now is not None:
            return self._now
        if self._epoch_begins:
            self._epoch += 1
            self._epoch_begins = False
        self._watched = [weight]
        _COUNTING.add(self)
        self._now = Progress(self._epoch, self._step, self._forward)
        self._forward += 1
        return self._now

    def train(self, mode: bool = True) -> "TrainingProgress":
        """Switch to training, where an epoch begins, or to evaluation."""
        if mode:
            self._epoch_begins = True
        return super().train(mode)

    def get_extra_state(self) -> torch.Tensor:
        """The counters."""
        return torch.tensor([self._epoch, self._step, self._forward])

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Go on from the counters of a checkpoint."""
        self._epoch, self._step, self._forward = state.tolist()

    def count_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Count a step, if it is one of the optimiser that has the encoder's weights."""
        weights = (weight for group in optimizer.param_groups for weight in group["params"])
        self._step += any(weight is self._watched[0] for weight in weights)

    def extra_repr(self) -> str:
        return f"epoch {self._epoch}, step {self._step}, {self._forward} passes"


#: Those that have begun a pass in this process.
_COUNTING: WeakSet[TrainingProgress] = WeakSet()


def _after_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    for progress in _COUNTING:
        progress.count_step(optimizer)


register_optimizer_step_post_hook(_after_step)


def _in_backward() -> bool:
    graph_task: Any = torch._C._current_graph_task_id()  # as torch.utils.checkpoint asks for it
    return graph_task != -1
