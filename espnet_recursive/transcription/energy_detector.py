"""Voice activity by loudness alone, where no better detector is installed."""

from collections import deque

import numpy as np

from espnet_recursive.transcription.voice_activity import Detector

_STEP = 0.01
#: Steps of a window, and windows from which the loudness of silence and speech is taken: 60 s.
_STEPS, _WINDOWS = 1000, 6
#: Percentiles that stand for silence and for speech, and how far from the one to the other a step
#: must be to count as speech.
_SILENT, _LOUD, _SHARE = 10, 95, 0.25
#: In dB: where silence and speech are no further apart, all of it may be speech; and the loudness
#: of a step of zeros.
_CONTRAST, _NOTHING = 12.0, -120.0
#: Steps whose mean is taken, so that a short dip within a word does not count.
_SMOOTH = 5


class EnergyDetector(Detector):
    """Takes for speech what is louder than the silence of the last minute.

    It would rather take noise for speech than leave out a word.

    Args:
        rate: Of sampling, in Hz.
    """

    step_seconds = _STEP

    def __init__(self, rate: int) -> None:
        self._step = round(rate * _STEP)
        # Where the rate has no whole number of samples in a step, they are of almost that length.
        self.step_seconds = self._step / rate
        super().__init__(self._step * _STEPS)
        self._last: deque[np.ndarray] = deque(maxlen=_WINDOWS)

    def _detect(self, samples: np.ndarray) -> np.ndarray:
        padded = np.pad(samples, (0, -len(samples) % self._step), mode="reflect")
        power = np.square(padded.reshape(-1, self._step), dtype=np.float64).mean(1)
        level = 10 * np.log10(np.maximum(power, 10 ** (_NOTHING / 10)))
        self._last.append(level)
        silent, loud = np.percentile(np.concatenate(self._last), (_SILENT, _LOUD))
        if loud - silent < _CONTRAST:
            return level > _NOTHING
        smooth = np.convolve(np.pad(level, _SMOOTH // 2, mode="edge"), np.ones(_SMOOTH), "valid")
        return smooth / _SMOOTH > silent + _SHARE * (loud - silent)
