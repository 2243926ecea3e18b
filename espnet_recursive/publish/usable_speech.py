"""Speech as a recogniser can take it: floating-point, finite, and long enough for its frontend."""

from typing import Any

import numpy as np
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError

from espnet_recursive.errors import UserError

#: Integer samples as soundfile, scipy and wave read them, and what is full scale.
_FULL_SCALE = {torch.int8: 2**7, torch.int16: 2**15, torch.int32: 2**31}


class UnusableSpeech(UserError, TooShortUttError):
    """Speech that cannot be encoded; ESPnet's decoding gives it an empty hypothesis and goes on."""

    def __init__(self, message: str, samples: int, needed: int = 0) -> None:
        TooShortUttError.__init__(self, message, samples, needed)


def as_floats(speech: Any, features: bool = False) -> torch.Tensor:
    """Speech in floating point; integers are samples and become floats from -1 to below 1.

    Args:
        speech: A tensor, an array, or a list of numbers.
        features: Whether it is features, which have no full scale.

    Returns:
        The same in floating point, of the same shape.

    Raises:
        UserError: If it is of a type that says nothing of its scale.
    """
    # An array may be of a file that cannot be written to, which torch warns of.
    tensor = speech if isinstance(speech, torch.Tensor) else torch.tensor(np.asarray(speech))
    if tensor.is_floating_point():
        return tensor
    kind = str(tensor.dtype).removeprefix("torch.")
    if not features and tensor.dtype == torch.uint8:
        return (tensor.to(torch.float32) - 128) / 128
    if features or tensor.dtype not in _FULL_SCALE:
        raise UserError(
            f"speech of type {kind}: give {'features' if features else 'samples between -1 and 1'} "
            "in floating point"
            + ("." if features else ', as soundfile.read(file, dtype="float32") reads them.')
        )
    return (tensor.to(torch.float64) / _FULL_SCALE[tensor.dtype]).to(torch.float32)


def check_usable(model: Any, speech: torch.Tensor) -> None:
    """Refuse speech that the frontend would fail at, or whose encoding would be no numbers.

    Args:
        model: An ESPnet recogniser.
        speech: (samples,) or (frames, features) of one utterance.

    Raises:
        UnusableSpeech: With the reason.
    """
    finite = speech.isfinite()
    if not finite.all():
        first = int((~finite).reshape(len(speech), -1).any(dim=1).int().argmax())
        raise UnusableSpeech(
            "the speech holds values that are no finite numbers (NaN or infinite), first at "
            f"{first} of {len(speech)}",
            len(speech),
        )
    stft: Any = getattr(getattr(model, "frontend", None), "stft", None)
    if getattr(stft, "center", False):
        # Both ends are padded with as many samples, mirrored, as half a window has.
        needed = stft.n_fft // 2 + 1
        if len(speech) < needed:
            raise UnusableSpeech(
                f"it has {len(speech)} samples, and the frontend takes {needed} or more",
                len(speech),
                needed,
            )
