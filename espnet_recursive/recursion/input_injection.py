"""Input injection: what each loop sees of the prelude's output h_0 beside the latent state.

Each kind starts as an exact no-op, h = h + 0.
"""

import torch


class AddInjection(torch.nn.Module):
    """h + g * h_0, with a learned gate for each dimension that starts at 0.

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gate = torch.nn.Parameter(torch.zeros(size))

    def forward(self, states: torch.Tensor, injected: torch.Tensor) -> torch.Tensor:
        """Args: states and injected, h_0, both (rows, T, D). Returns: (rows, T, D)."""
        return states + self.gate * injected


class ConcatInjection(torch.nn.Module):
    """h + W [h; h_0] + b, starting at W = 0 and b = 0.

    Huginn's adapter W' [h; h_0] + b with W' = W + [I, 0], written so that the start is exact in
    every precision.

    Source: J. Geiping et al., "Scaling up Test-Time Compute with Latent Reasoning", 2025.

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.adapter = torch.nn.Linear(2 * size, size)
        torch.nn.init.zeros_(self.adapter.weight)
        torch.nn.init.zeros_(self.adapter.bias)

    def forward(self, states: torch.Tensor, injected: torch.Tensor) -> torch.Tensor:
        """Args: states and injected, h_0, both (rows, T, D). Returns: (rows, T, D)."""
        return states + self.adapter(torch.cat([states, injected], dim=-1))


#: The kinds by their names.
INPUT_INJECTIONS: dict[str, type[torch.nn.Module]] = {
    "add": AddInjection,
    "concat": ConcatInjection,
}
