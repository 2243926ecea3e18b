"""Samples that are numbers: one that is none makes all that is computed with it none."""

import numpy as np
import soundfile

from espnet_recursive.errors import UserError

#: Kinds of samples that can be no numbers, by libsndfile's names.
_FLOATING = ("FLOAT", "DOUBLE")
_BLOCK = 1 << 20


def check_finite(samples: np.ndarray, name: str, start: int = 0) -> None:
    """Refuse audio with NaN or infinite samples.

    Args:
        samples: (samples,) or (samples, channels), floating.
        name: What it is, for the message.
        start: The number of the first sample.

    Raises:
        UserError: Saying how many there are and where the first one is.
    """
    bad = ~np.isfinite(samples)
    if bad.ndim > 1:
        bad = bad.any(axis=1)
    if bad.any():
        raise UserError(
            f"{name}: {np.count_nonzero(bad)} samples are no finite numbers (NaN or infinite), the "
            f"first is number {start + int(bad.argmax())}. Write the file again, or leave it out."
        )


def check_finite_file(path: str, name: str) -> None:
    """Refuse a file with such samples; only of floating-point files all is read, in blocks.

    Args:
        path: An audio file that can be read.
        name: What it is, for the message.

    Raises:
        UserError: As `check_finite` does.
    """
    with soundfile.SoundFile(path) as file:
        if file.subtype not in _FLOATING:
            return
        start = 0
        for block in file.blocks(_BLOCK, dtype="float32"):
            check_finite(block, name, start)
            start += len(block)
