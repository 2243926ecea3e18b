"""Weights in half precision: a checkpoint of half the size, which every loader reads."""

from pathlib import Path

import torch

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import add_note, read_note
from espnet_recursive.model.stored_weights import read_weights


def write_half(checkpoint: Path, output: Path) -> None:
    """Write a copy of a checkpoint whose matrices are in float16, with its note.

    PyTorch, and so ESPnet, converts what it loads into the type of the model, so decoding is in
    float32 as before. Vectors (biases, norms, statistics of features) stay as they are: they are
    next to nothing of the size, and variances may be too small for float16.

    Args:
        checkpoint: The checkpoint.
        output: The file to write.

    Raises:
        UserError: If it cannot be read, or a value is too large for float16 (65,504).
    """
    halved = {}
    for name, value in read_weights(checkpoint, "cpu").items():
        halved[name] = value
        if value.is_floating_point() and value.dim() > 1:
            halved[name] = value.half()
            if not torch.equal(halved[name].isfinite(), value.isfinite()):
                raise UserError(
                    f"{checkpoint}: {name} holds values that are too large for float16. Pack it "
                    "without --half_precision."
                )
    torch.save(halved, output)
    note = read_note(checkpoint)
    if note is not None:
        add_note(output, note)
