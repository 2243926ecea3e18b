"""The work measured: inference and training steps, on inputs that all competitors share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch

#: Mel filters, and their frames in a second.
FEATURES, FRAMES = 80, 100
#: The shortest utterance of a batch, as a share of the longest. ESPnet batches by length.
_SHORTEST = 0.8

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass
class Encoder:
    """A competitor that is built.

    Attributes:
        module: Takes (B, T, 80) features and (B,) lengths; its output's first item is (B, T', D).
        autocast: The type of torch's autocast; None for none.
        adam: Options of its optimiser.
    """

    module: Any
    autocast: torch.dtype | None = None
    adam: dict[str, Any] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> torch.Tensor:
        """(B, T', D) of a batch."""
        xs_pad, ilens = batch
        precision: AbstractContextManager = nullcontext()
        if self.autocast is not None:
            precision = torch.autocast(xs_pad.device.type, self.autocast)
        with precision:
            return self.module(xs_pad, ilens)[0]


@dataclass(frozen=True)
class Work:
    """One kind of work.

    Attributes:
        kind: "inference", a forward pass; or "training", forward, backward and a step of Adam.
        utterances: B.
        frames: T, of the longest utterance.
    """

    kind: str
    utterances: int
    frames: int

    def __str__(self) -> str:
        many = f"{self.utterances} x " if self.utterances > 1 else ""
        return f"{self.kind}, {many}{self.frames / FRAMES:g} s"

    def shrunk(self, factor: int) -> Work:
        """The same with fewer and shorter utterances, to try the measurement itself."""
        return replace(
            self,
            utterances=max(self.utterances // factor, 1),
            frames=max(self.frames // factor, FRAMES // 2),
        )

    def batch(self, number: int, device: str) -> Batch:
        """A batch of random features.

        In the lengths of speech no two are alike, so each batch is one output frame shorter than
        the one before, for up to eight: nothing that was kept from another length is of use.

        Args:
            number: Which batch, from 0.
            device: Where.

        Returns:
            xs_pad (B, T, 80) and ilens (B,), from 80 to 100 % of T.
        """
        random = torch.Generator().manual_seed(number)
        frames = max(self.frames - 4 * (number % 8), self.frames // 2)
        ilens = torch.linspace(_SHORTEST * frames, frames, self.utterances + 1)[1:].long()
        xs_pad = torch.randn(self.utterances, frames, FEATURES, generator=random)
        return xs_pad.to(device), ilens.to(device)

    def start(self, encoder: Encoder) -> Callable[[Batch], None]:
        """Get an encoder ready; return what does the work once."""
        if self.kind == "inference":
            encoder.module.eval()

            @torch.no_grad()
            def infer(batch: Batch) -> None:
                encoder(batch)

            return infer
        encoder.module.train()
        optimizer = torch.optim.Adam(encoder.module.parameters(), **encoder.adam)

        def step(batch: Batch) -> None:
            encoder(batch).float().square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        return step
