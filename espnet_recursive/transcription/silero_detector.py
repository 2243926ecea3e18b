"""Silero's voice activity detector, by onnxruntime."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.voice_activity import Detector

#: The detector's sampling rate, samples of a step and those before it that it sees, too.
_RATE, _STEP, _CONTEXT = 16000, 512, 64
#: Steps that are computed at once, 16 s.
_STEPS = 512
#: The probability from which on there is speech, and that below which it has ended; the package's.
_BEGIN, _GO_ON = 0.5, 0.35
_NEEDED = "pip install 'silero-vad>=6.2.3' onnxruntime"


class SileroDetector(Detector):
    """The probabilities that the package's model gives, with its thresholds.

    The model is read from the installed package, which is not imported: it would set the number of
    torch's threads to 1 for the whole process.

    Args:
        rate: Of sampling, in Hz.

    Raises:
        UserError: If the package or onnxruntime is not installed.
    """

    step_seconds = _STEP / _RATE

    def __init__(self, rate: int) -> None:
        path = _model()
        if path is None:
            raise UserError(f"voice activity by silero needs its package: {_NEEDED}")
        import onnxruntime

        super().__init__(_STEP * _STEPS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # as the package sets it
        providers = ["CPUExecutionProvider"]
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers)
        self._resampler = None if rate == _RATE else soxr.ResampleStream(rate, _RATE, 1, "float32")
        self._state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
        self._context = np.zeros(_CONTEXT, np.float32)
        self._speech = False

    @staticmethod
    def is_installed() -> bool:
        """Whether there are a package with the model and onnxruntime."""
        return _model() is not None

    def __call__(self, block: np.ndarray) -> np.ndarray:
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block))
        return super().__call__(block)

    def end(self) -> np.ndarray:
        if self._resampler is None:
            return super().end()
        last = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return np.concatenate([super().__call__(last), super().end()])

    def _detect(self, samples: np.ndarray) -> np.ndarray:
        steps = np.pad(samples, (0, -len(samples) % _STEP)).reshape(-1, _STEP)
        before = np.concatenate([self._context[None], steps[:-1, -_CONTEXT:]])
        self._context = steps[-1, -_CONTEXT:]
        wanted = ["speech_probs", "hn", "cn"]
        inputs = {"input": np.concatenate([before, steps], axis=1), **self._state}
        probabilities, self._state["h"], self._state["c"] = self._session.run(wanted, inputs)
        flags = np.empty(len(steps), bool)
        for i, probability in enumerate(probabilities.reshape(-1).tolist()):
            self._speech = probability >= (_GO_ON if self._speech else _BEGIN)
            flags[i] = self._speech
        return flags


def _model() -> Path | None:
    found = find_spec("silero_vad")
    if found is None or found.origin is None or find_spec("onnxruntime") is None:
        return None
    path = Path(found.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    return path if path.is_file() else None
