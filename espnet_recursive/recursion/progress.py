"""How far a training has come: epochs, optimiser steps and training passes."""

from typing import Any
from weakref import ReferenceType, WeakSet, ref

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from espnet_recursive.recursion.loop_policy_base import Progress


class TrainingProgress(torch.nn.Module):
    """Counts epochs, optimiser steps and training passes, and keeps them with the weights.

    * An *epoch* is the trainer's where one tells it, through :meth:`begin_epoch`. Otherwise one
      begins with the first training pass after ``train()`` was called, which trainers do once an
      epoch, after validation.
    * A *step* is one of the optimiser that has the encoder's weights, as torch's own hook tells; so
      passes whose gradients accumulate are one step, and one that mixed precision skips is none.
    * A *pass* that activation checkpointing computes once more within the backward pass is the one
      before, not a new one.

    Validation and inference count nothing. The state dict holds one tensor of four integers: the
    three counters, and 1. ESPnet's averages of checkpoints add up integers, so the last is then
    the number of checkpoints, by which the others are divided.

    Counters are plain integers otherwise: a tensor on a GPU would have to be waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = self._step = self._forward = 0
        self._epoch_is_told = False
        self._epoch_begins = True
        self._now: Progress | None = None
        self._watched: ReferenceType[torch.nn.Module] | None = None

    @property
    def now(self) -> Progress | None:
        """The progress at the last training pass of this process; None before there was one."""
        return self._now

    def begin_epoch(self, epoch: int) -> None:
        """Take the epoch from the trainer; the encoder itself counts none from then on.

        Args:
            epoch: From 1.
        """
        self._epoch, self._epoch_is_told = epoch, True

    def begin(self, module: torch.nn.Module) -> Progress:
        """Count a training pass that begins.

        Args:
            module: What is trained; a step of the optimiser that has its weights is counted.

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
        if self._epoch_begins and not self._epoch_is_told:
            self._epoch += 1
        self._epoch_begins = False
        self._watched = ref(module)
        _COUNTING.add(self)
        self._now = Progress(self._epoch, self._step, self._forward)
        self._forward += 1
        return self._now

    def train(self, mode: bool = True) -> "TrainingProgress":
        """Switch to training, where an epoch begins if nobody tells which, or to evaluation."""
        if mode:
            self._epoch_begins = True
        return super().train(mode)

    def get_extra_state(self) -> torch.Tensor:
        """The counters, and 1."""
        return torch.tensor([self._epoch, self._step, self._forward, 1])

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Go on from the counters of a checkpoint, or of an average of several."""
        epoch, step, forward, *added = state.tolist()
        number = added[0] if added else 1  # older checkpoints have three numbers
        self._epoch, self._step, self._forward = (
            count // number for count in (epoch, step, forward)
        )

    def count_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Count a step, if it is one of the optimiser that has the encoder's weights."""
        watched = self._watched() if self._watched else None
        if watched is None:
            return
        # A fused optimiser is called for a step that mixed precision skips, and skips it itself.
        found_inf = getattr(optimizer, "found_inf", None)
        if found_inf is not None and bool(found_inf):
            return
        own = {id(weight) for weight in watched.parameters()}
        weights = (weight for group in optimizer.param_groups for weight in group["params"])
        self._step += any(id(weight) in own for weight in weights)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_watched": None}  # set anew by the next pass

    def extra_repr(self) -> str:
        return f"epoch {self._epoch}, step {self._step}, {self._forward} passes"


#: Those that have begun a pass in this process.
_COUNTING: WeakSet[TrainingProgress] = WeakSet()


def _after_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    for progress in list(_COUNTING):
        progress.count_step(optimizer)


register_optimizer_step_post_hook(_after_step)


def _in_backward() -> bool:
    graph_task: Any = torch._C._current_graph_task_id()  # as torch.utils.checkpoint asks for it
    return graph_task != -1
