"""Signals that tell the shared layers which loop they are in: loop embeddings and FiLM.

Each starts as an exact no-op. Loops beyond the number that there are parameters for have those of
the last.
"""

import math

import torch


class LearnedLoopEmbedding(torch.nn.Module):
    """A learned vector for each loop, added to the latent state; it starts at 0.

    Args:
        size: D.
        num_loops: Loops that have a vector of their own.
    """

    def __init__(self, size: int, num_loops: int) -> None:
        super().__init__()
        self.vectors = torch.nn.Parameter(torch.zeros(num_loops, size))

    def forward(self, states: torch.Tensor, loop: int) -> torch.Tensor:
        """Args: states (rows, T, D); loop, from 1. Returns: (rows, T, D)."""
        return states + self.vectors[min(loop, len(self.vectors)) - 1]


class SinusoidLoopEmbedding(torch.nn.Module):
    """The Universal Transformer's signal of the step in depth, times a learned gain.

    Source: M. Dehghani et al., "Universal Transformers", ICLR 2019, Eq. 6. The gain starts at 0
    here; there it is 1 and not learned.

    Args:
        size: D, even.
        num_loops: Not needed: there is a signal for every loop.
    """

    frequencies: torch.Tensor

    def __init__(self, size: int, num_loops: int) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(1))
        frequencies = torch.exp(torch.arange(0, size, 2) * (-math.log(10000.0) / size))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, states: torch.Tensor, loop: int) -> torch.Tensor:
        """Args: states (rows, T, D); loop, from 1. Returns: (rows, T, D)."""
        angles = loop * self.frequencies
        signal = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()
        return states + self.gain * signal.to(states.dtype)


class LoopFiLM(torch.nn.Module):
    """Feature-wise linear modulation: (1 + s_i) h + t_i in loop i, starting at s = t = 0.

    Source: E. Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.

    Args:
        size: D.
        num_loops: Loops that have a scale and a shift of their own.
    """

    def __init__(self, size: int, num_loops: int) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.zeros(num_loops, size))
        self.shift = torch.nn.Parameter(torch.zeros(num_loops, size))

    def forward(self, states: torch.Tensor, loop: int) -> torch.Tensor:
        """Args: states (rows, T, D); loop, from 1. Returns: (rows, T, D)."""
        index = min(loop, len(self.scale)) - 1
        return states * (1 + self.scale[index]) + self.shift[index]


#: The embeddings by their names.
LOOP_EMBEDDINGS: dict[str, type[torch.nn.Module]] = {
    "learned": LearnedLoopEmbedding,
    "sinusoid": SinusoidLoopEmbedding,
}
