"""A sample of bounded size, drawn evenly from as many rows as come."""

import torch


class EvenSample:
    """Keeps a number of rows of all that are added, each as likely as any other.

    Every row gets a random key, and those with the smallest keys stay. The same rows in the same
    order leave the same sample.

    Args:
        limit: Rows to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._random = torch.Generator().manual_seed(0)
        self._keys = torch.full((limit,), torch.inf)  # infinite where a place is free
        self._rows: torch.Tensor | None = None

    def add(self, rows: torch.Tensor) -> None:
        """Offer rows: (n, ...), the other dimensions the same each time."""
        if self._rows is None:
            self._rows = torch.zeros(self._limit, *rows.shape[1:], dtype=rows.dtype)
        keys = torch.rand(len(rows), generator=self._random)
        stay = torch.cat([self._keys, keys]).topk(self._limit, largest=False).indices
        left = torch.ones(self._limit, dtype=torch.bool)
        left[stay[stay < self._limit]] = False
        new = stay[stay >= self._limit] - self._limit
        self._rows[left], self._keys[left] = rows[new], keys[new]

    @property
    def rows(self) -> torch.Tensor:
        """(m, ...), m the limit or, if fewer were added, their number."""
        assert self._rows is not None, "nothing was added"
        return self._rows[self._keys.isfinite()]
