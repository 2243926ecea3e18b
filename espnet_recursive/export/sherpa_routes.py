"""Loaders of sherpa-onnx that a recogniser fits, and the reason where it does not.

No loader is made for ESPnet's features. These two hand raw samples over, at 16 kHz.
"""

from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.export.sherpa_graphs import FRAME_SECONDS

#: The one that gives times is preferred.
ROUTES = ("omnilingual", "moonshine_v2")
_RATE = 16000


def route_of(model: Any, rate: int, frame_seconds: float, wanted: str | None) -> str:
    """The loader that a model goes through.

    Args:
        model: ESPnet's.
        rate: Its sampling rate in Hz.
        frame_seconds: Seconds from one output frame to the next.
        wanted: One of ROUTES, or None for the first that fits.

    Raises:
        UserError: If none fits, or not the one that is wanted.
    """
    if rate != _RATE:
        raise UserError(
            f"the model takes {rate} Hz, and the loaders of sherpa-onnx for raw samples give "
            f"{_RATE} Hz whatever the model: --to onnxruntime takes it"
        )
    reason = _why_not_omnilingual(model, frame_seconds)
    if wanted == "omnilingual" and reason is not None:
        raise UserError(f"--route omnilingual: {reason}. --route moonshine_v2 takes it")
    return wanted or ("moonshine_v2" if reason else "omnilingual")


def _why_not_omnilingual(model: Any, frame_seconds: float) -> str | None:
    normalize = model.normalize
    if type(normalize).__name__ != "UtteranceMVN" or not normalize.norm_means:
        return (
            "it scales each utterance to one loudness, which only utterance_mvn with norm_means "
            "takes out of the features again; the text of this model would be wrong"
        )
    times = frame_seconds / FRAME_SECONDS
    if round(times) < 1 or abs(times - round(times)) > 1e-6:
        return (
            f"it takes a frame for {FRAME_SECONDS} s, and {frame_seconds} s are no multiple of "
            "that, so all times would be wrong"
        )
    return None
