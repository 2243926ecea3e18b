"""Long audio in pieces of speech, found by Silero's detector in onnxruntime.

The detector's file comes with the wheel silero-vad, whose Python code needs torch and is not
imported.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.onnx_recognizer.model_file import open_session

#: The name of the wheel's own file.
SILERO = "silero"
#: Sampling rate -> samples of a step, and of those before it that the detector sees too.
_STEPS = {8000: (256, 32), 16000: (512, 64)}
#: Speech begins at the first probability, and ends below the second: Silero's own figures.
_ON, _OFF = 0.5, 0.35
#: Seconds of silence that end speech, and of what is kept around it.
_SILENCE, _MARGIN = 0.2, 0.2


class VoiceActivity:
    """Silero's detector of speech.

    Args:
        file: Its ONNX file, or SILERO for that of the wheel silero-vad.
        rate: Sampling rate of the audio in Hz.

    Raises:
        UserError: If the file is missing or another, or it takes no such rate.
    """

    def __init__(self, file: Path | str, rate: int) -> None:
        if rate not in _STEPS:
            raise UserError(
                f"vad takes 8000 or 16000 Hz and the model {rate} Hz: leave vad out, and long "
                "audio is cut where it is quietest"
            )
        self._rate = rate
        self._step, self._before = _STEPS[rate]
        path = _of_wheel() if str(file) == SILERO else Path(file)
        self._session = open_session(path, 1, "vad: name Silero's file silero_vad.onnx")
        inputs = {port.name for port in self._session.get_inputs()}
        if inputs != {"input", "state", "sr"}:
            raise UserError(f"{path} is not Silero's detector for both rates: take silero_vad.onnx")

    def pieces(self, samples: np.ndarray, max_seconds: float) -> Iterator[tuple[int, np.ndarray]]:
        """Cut audio into pieces of speech; what is between them is left out.

        Args:
            samples: (N,) float32.
            max_seconds: The longest piece, 1 s at least.

        Yields:
            The first sample of each piece, and its samples.
        """
        speech = self.probabilities(samples)
        steps = [seconds * self._rate / self._step for seconds in (_SILENCE, _MARGIN, max_seconds)]
        for first, behind in group(speech, *(int(number) for number in steps)):
            start, end = first * self._step, min(behind * self._step, len(samples))
            yield start, samples[start:end]

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """(T,) of speech in each step of the audio, 32 ms."""
        step, before = self._step, self._before
        state: Any = np.zeros((2, 1, 128), np.float32)
        rate, last = np.array(self._rate), np.zeros(before, np.float32)
        found = np.zeros(-(-len(samples) // step), np.float32)
        for place in range(len(found)):
            part = samples[place * step : (place + 1) * step]
            part = np.concatenate([last, part, np.zeros(step - len(part), np.float32)])
            inputs = {"input": part[None], "state": state, "sr": rate}
            out, state = self._session.run(["output", "stateN"], inputs)
            found[place], last = out[0, 0], part[-before:]
        return found


def group(speech: np.ndarray, silence: int, margin: int, longest: int) -> Iterator[tuple[int, int]]:
    """Group speech into pieces that are as long as may be.

    A pause is a place to cut; where there is none for too long, the least speech is, in the second
    half of the longest piece.

    Args:
        speech: (T,) probabilities.
        silence: Steps of silence that end speech.
        margin: Steps that are kept before and behind speech.
        longest: Steps of the longest piece.

    Yields:
        The first step of each piece, and that behind its last.
    """
    piece: tuple[int, int] | None = None
    for start, end in _with_margins(_segments(speech, silence), margin, len(speech)):
        if piece is not None and end - piece[0] <= longest:
            piece = piece[0], end
            continue
        if piece is not None:
            yield piece
        while end - start > longest:
            earliest = start + longest // 2
            cut = earliest + int(speech[earliest : start + longest].argmin())
            yield start, cut
            start = cut
        piece = start, end
    if piece is not None:
        yield piece


def _segments(speech: np.ndarray, silence: int) -> Iterator[tuple[int, int]]:
    """The first step of each stretch of speech, and that behind its last."""
    start, last = None, 0
    for place, probability in enumerate(speech.tolist()):
        if start is None and probability >= _ON:
            start = place
        if start is None:
            continue
        if probability >= _OFF:
            last = place
        elif place - last > silence:
            yield start, last + 1
            start = None
    if start is not None:
        yield start, last + 1


def _with_margins(
    segments: Iterator[tuple[int, int]], margin: int, steps: int
) -> Sequence[tuple[int, int]]:
    """Segments with what is around them; where that is not enough for two, they share it."""
    found = list(segments)
    widened = []
    for i, (start, end) in enumerate(found):
        before = found[i - 1][1] if i else -margin
        behind = found[i + 1][0] if i + 1 < len(found) else steps + margin
        first = max(0, start - margin, -(-(before + start) // 2) if i else 0)
        last = min(steps, end + margin, (end + behind) // 2 if i + 1 < len(found) else steps)
        widened.append((first, last))
    return widened


def _of_wheel() -> Path:
    # Found and not imported: its code imports torch.
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "silero-vad is not installed: pip install --no-deps silero-vad (its file is needed, "
            "not torch), or name the file silero_vad.onnx"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
