"""How far a training has come, counted by the encoder itself: nothing tells it the epoch."""

from typing import Any

import torch

from espnet_recursive.recursion.loop_policy import Progress


class TrainingProgress(torch.nn.Module):
    """Counts epochs, optimiser steps and training passes, and keeps them with the weights.

    * An *epoch* begins with the first training pass after ``train()`` was called, which trainers do
      once an epoch, after validation.
    * A *step* has been made when the weights have changed in place since the last pass; so passes
      whose gradients accumulate are one step, and a step that mixed precision skipped is none.
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
        self._seen: int | None = None

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
        self._count_step()
        if not self._watched or self._watched[0] is not weight or self._seen is None:
            self._watched, self._seen = [weight], weight._version
        self._now = Progress(self._epoch, self._step, self._forward)
        self._forward += 1
        return self._now

    def train(self, mode: bool = True) -> "TrainingProgress":
        """Switch to training, where an epoch begins, or to evaluation."""
        if mode:
            self._epoch_begins = True
        return super().train(mode)

    def get_extra_state(self) -> torch.Tensor:
        """The counters, the step that came after the last pass included."""
        self._count_step()
        return torch.tensor([self._epoch, self._step, self._forward])

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Go on from the counters of a checkpoint, whose weights are being loaded."""
        self._epoch, self._step, self._forward = state.tolist()
        self._seen = None  # loading weights is no step

    def _count_step(self) -> None:
        if self._watched and self._seen is not None:
            version = self._watched[0]._version
            # A copy of the module begins with smaller versions, which is no step.
            self._step += version > self._seen
            self._seen = version

    def extra_repr(self) -> str:
        return f"epoch {self._epoch}, step {self._step}, {self._forward} passes"


def _in_backward() -> bool:
    graph_task: Any = torch._C._current_graph_task_id()  # as torch.utils.checkpoint asks for it
    return graph_task != -1
