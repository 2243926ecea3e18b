"""The work of the last pass of each thread."""

import threading

import torch


class LastPass(threading.local):
    """Loops and layer executions of the last pass that the asking thread has run.

    Attributes:
        loops: (B,) int64, the loops of each utterance; None where nothing chose them.
        row_layers: Layer executions, each times the utterances that it computed.
    """

    loops: torch.Tensor | None = None
    row_layers: int = 0

    def note(self, loops: torch.Tensor | None, row_layers: int) -> None:
        """Remember a pass of this thread."""
        if torch.compiler.is_compiling():  # the compiler knows no values of threads
            return
        self.loops, self.row_layers = loops, row_layers

    def __reduce__(self) -> tuple[type["LastPass"], tuple[()]]:
        return LastPass, ()  # a copy of the encoder has run nothing
