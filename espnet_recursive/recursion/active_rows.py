"""The utterances of a batch that still loop; those that have finished leave the computation."""

import torch


class ActiveRows:
    """The rows of a batch that still loop, and the final states of those that have finished.

    Args:
        batch_size: Rows at the beginning, all active.
    """

    def __init__(self, batch_size: int) -> None:
        self.rows = torch.arange(batch_size)
        self._gone: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __len__(self) -> int:
        return len(self.rows)

    def remove(self, finished: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Remove finished rows, and keep the states with which they finished.

        Args:
            finished: (active,) bool on the CPU; not all of them.
            states: (active, T, D), from which the finished rows keep theirs.

        Returns:
            Indices of the rows that stay, among those active until now, on the device of `states`.
        """
        go, stay = finished.nonzero().flatten(), (~finished).nonzero().flatten()
        device = states.device
        self._gone.append((self.rows[go], states.index_select(0, go.to(device))))
        self.rows = self.rows[stay]
        return stay.to(device)

    def whole(self, states: torch.Tensor) -> torch.Tensor:
        """Put the batch together again.

        Args:
            states: (active, T, D).

        Returns:
            (B, T, D) in the order of the batch: finished rows as they finished, others as they are.
        """
        if not self._gone:
            return states
        order = torch.cat([*(rows for rows, _ in self._gone), self.rows])
        parts = [*(part for _, part in self._gone), states]
        return torch.cat(parts).index_select(0, order.argsort().to(states.device))
