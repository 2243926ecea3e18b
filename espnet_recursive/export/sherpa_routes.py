"""Loaders of sherpa-onnx that a recogniser fits, and the reason where it does not.

None computes the features of ESPnet's frontends. One computes those of ``kaldi_fbank``; two hand
raw samples over, at 16 kHz.
"""

from typing import Any

from espnet_recursive.asr.frontend.kaldi_fbank import KaldiFbank
from espnet_recursive.errors import UserError
from espnet_recursive.export.sherpa_graphs import FRAME_SECONDS

_RATE = 16000
#: Seconds of an output frame that the loader of Zipformer CTC models takes for granted.
_ZIPFORMER_SECONDS = 0.04


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
    reasons = {name: why_not(model, rate, frame_seconds) for name, why_not in _REASONS.items()}
    fitting = [name for name, reason in reasons.items() if reason is None]
    if wanted is None:
        if not fitting:
            raise UserError(f"{reasons[ROUTES[-1]]}: --to onnxruntime takes it")
        return fitting[0]
    if (reason := reasons[wanted]) is not None:
        other = f"--route {fitting[0]}" if fitting else "--to onnxruntime"
        raise UserError(f"--route {wanted}: {reason}. {other} takes it")
    return wanted


def _why_not_zipformer(model: Any, rate: int, frame_seconds: float) -> str | None:
    frontend = model.frontend
    if not isinstance(frontend, KaldiFbank) or not frontend.as_kaldi_itself():
        return (
            "its client computes Kaldi's features itself, which are those of frontend kaldi_fbank "
            "with its own fmin, fmax and preemphasis, and the model was trained on others"
        )
    if abs(frame_seconds - _ZIPFORMER_SECONDS) > 1e-6:
        return (
            f"it takes a frame for {_ZIPFORMER_SECONDS} s, a subsampling of 4, and here one is "
            f"{frame_seconds:.6g} s, so all times would be wrong"
        )
    return None


def _why_not_omnilingual(model: Any, rate: int, frame_seconds: float) -> str | None:
    if reason := _why_not_samples(model, rate, frame_seconds):
        return reason
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


def _why_not_samples(model: Any, rate: int, frame_seconds: float) -> str | None:
    if rate == _RATE:
        return None
    return (
        f"the model takes {rate} Hz, and the loaders of sherpa-onnx for raw samples give {_RATE} "
        "Hz whatever the model"
    )


#: Each loader -> the reason that a model does not fit it. Those that give times are preferred.
_REASONS = {
    "zipformer_ctc": _why_not_zipformer,
    "omnilingual": _why_not_omnilingual,
    "moonshine_v2": _why_not_samples,
}
ROUTES = tuple(_REASONS)
