"""The output of a training pass after fewer loops than it runs, beside its own."""

from typing import Any

import torch


class ShallowOutput:
    """Asks a pass of a recursive encoder for its output after a drawn, smaller number of loops.

    The loops are those of the pass itself; only the coda is run once more. A pass of one loop has
    no such output.

    Args:
        drawn: A number in [0, 1), which chooses among the smaller numbers of loops.

    Attributes:
        states: (B, T, D), through the final norm, once the pass was run; None where it had none. An
            utterance that finished before has the state with which it finished.

    Example:
        >>> [ShallowOutput(drawn).loop(5) for drawn in (0.0, 0.3, 0.99)]
        [1, 2, 4]
    """

    def __init__(self, drawn: float) -> None:
        self._drawn = drawn
        self.states: torch.Tensor | None = None

    def loop(self, loops: int) -> int:
        """After which of the loops of a pass the output is taken; 0 for none.

        Args:
            loops: The largest number of loops of an utterance in the pass.
        """
        return 0 if loops < 2 else 1 + int(self._drawn * (loops - 1))


def leave_shallow(encoder: Any, states: torch.Tensor | None) -> None:
    """Leave the coda's early output of a pass, (B, T, D), where the encoder was asked for it.

    Args:
        encoder: A recursive encoder, whose forward method ends with its final norm.
        states: The coda's output; None where the pass had none.
    """
    if encoder.shallow_output is not None and states is not None:
        # ESPnet's Branchformers have the norm always, the others where layers begin with one.
        norms = getattr(encoder, "normalize_before", True)
        encoder.shallow_output.states = encoder.after_norm(states) if norms else states
