"""A recogniser in one file, run by onnxruntime alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError, is_integer
from espnet_recursive.onnx_recognizer.beam_search import BeamOptions, BeamSearch
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.onnx_recognizer.model_file import open_model
from espnet_recursive.transcription.pieces import MAX_SECONDS, pieces
from espnet_recursive.transcription.voice_activity import speech_pieces
from espnet_recursive.transcription.words import Word, text_of, words_of


@dataclass(frozen=True)
class Recognition:
    """The result of recognising one utterance.

    Attributes:
        text: Its text.
        words: Its words with their times.
    """

    text: str
    words: list[Word] = field(default_factory=list)


class OnnxRecognizer:
    """A recogniser that ``espnet-recursive export --to onnxruntime`` wrote.

    Args:
        path: The folder, or model.onnx in it.
        threads: Threads of a matrix product; as many as there are cores by default.
        beam: Options of beam search; decoding is greedy without it.
        vad: "silero" to cut long audio at silence by Silero's voice activity detector, and leave
            that out; it is cut where it is quietest without it.

    Attributes:
        about: What the file says of itself, such as ``about.rate``.

    Raises:
        UserError: If it cannot be opened, or what else is asked for cannot be had.

    Example:
        >>> recognizer = OnnxRecognizer("recogniser")
        >>> recognizer(samples, 16000).text
        >>> recognizer(samples, 16000, num_loops=2).words
    """

    def __init__(
        self,
        path: Path | str,
        threads: int | None = None,
        beam: BeamOptions | None = None,
        vad: str | None = None,
    ) -> None:
        self.path = Path(path)
        self._session, self.about = open_model(path, threads)
        tokens = self.about.tokens, self.about.token_type
        self._search = None if beam is None else BeamSearch(*tokens, beam)
        self._detector = None
        if vad not in (None, "silero"):
            raise UserError(f"vad {vad!r}: silero is the only detector here")
        if vad is not None:
            # It needs soxr, and others need nothing but numpy.
            from espnet_recursive.transcription.silero_detector import SileroDetector

            self._detector = SileroDetector
            SileroDetector(self.about.rate)  # refused at once where it is not installed

    def __call__(
        self,
        samples: Any,
        rate: int,
        num_loops: int | None = None,
        max_seconds: float = MAX_SECONDS,
    ) -> Recognition:
        """Recognise one utterance; see :meth:`batch`."""
        return self.batch([samples], rate, num_loops, max_seconds)[0]

    def batch(
        self,
        utterances: Sequence[Any],
        rate: int,
        num_loops: int | None = None,
        max_seconds: float = MAX_SECONDS,
        batch_size: int = 1,
    ) -> list[Recognition]:
        """Recognise utterances.

        Args:
            utterances: (N,) samples each, between -1 and 1, or integers of 16 bits.
            rate: Their sampling rate in Hz, which is to be the model's.
            num_loops: Depth of a recursive encoder; the model's default without it.
            max_seconds: Longer audio is cut, so memory is bounded.
            batch_size: Pieces that are computed together.

        Raises:
            UserError: If audio is empty, too short, silent, no number, of several channels or of
                another rate; or the file takes no such number of loops.
        """
        self.check(num_loops, max_seconds, batch_size)
        loops = self.about.num_loops if num_loops is None else num_loops
        inputs = {} if loops is None else {"num_loops": np.array(loops, dtype=np.int64)}
        if rate != self.about.rate:
            raise UserError(
                f"the audio has {rate} Hz and {self.path} takes {self.about.rate} Hz: resample it "
                f"first, for example with soxr.resample(samples, {rate}, {self.about.rate})"
            )
        queue: list[tuple[int, int, np.ndarray]] = []
        for index, samples in enumerate(utterances):
            name = "the audio" if len(utterances) == 1 else f"utterance {index}"
            checked = self._checked(samples, name)
            queue += [(index, *piece) for piece in self._pieces(checked, max_seconds)]
        # Pieces of like lengths together, so that a batch has little padding.
        queue.sort(key=lambda piece: (len(piece[2]), piece[:2]))
        found: dict[tuple[int, int], Recognition] = {}
        for i in range(0, len(queue), batch_size):
            some = queue[i : i + batch_size]
            outputs = self._log_probs(some, inputs)
            for (index, start, _), log_probs in zip(some, outputs, strict=True):
                found[index, start] = self._decoded(log_probs, start / rate)
        return [
            _joined([found[key] for key in sorted(found) if key[0] == index])
            for index in range(len(utterances))
        ]

    def check(self, num_loops: int | None, max_seconds: float, batch_size: int) -> None:
        """Refuse options of a call that the model or the machine cannot take; see :meth:`batch`."""
        if num_loops is not None and self.about.num_loops is None:
            raise UserError(f"{self.path} runs a number of loops of its own: leave num_loops out")
        if num_loops is not None and not is_integer(num_loops, least=1):
            raise UserError(f"num_loops {num_loops}: an integer of 1 or more")
        if not 1 <= max_seconds < np.inf:
            raise UserError(f"max_seconds {max_seconds}: at least 1, and finite")
        if not is_integer(batch_size, least=1):
            raise UserError(f"batch_size {batch_size}: an integer of 1 or more")

    def _checked(self, samples: Any, name: str) -> np.ndarray:
        samples = np.asarray(samples)
        if samples.ndim != 1:
            raise UserError(
                f"{name} has shape {samples.shape}: one channel (N,) is needed, such as the mean "
                "of the channels"
            )
        if not len(samples):
            raise UserError(f"{name} is empty: it has no samples")
        if samples.dtype == np.int16:
            samples = samples / np.float32(2**15)
        if not np.issubdtype(samples.dtype, np.floating):
            raise UserError(
                f"{name} is of {samples.dtype}: float samples from -1 to 1, or int16, are needed"
            )
        if not np.isfinite(samples).all():
            raise UserError(f"{name} has samples that are no finite numbers (NaN or infinite)")
        if len(samples) < self.about.shortest:
            raise UserError(
                f"{name} is too short: {len(samples)} samples, where {self.about.shortest} "
                f"({self.about.shortest / self.about.rate:.3f} s) are the least"
            )
        if not samples.any():
            raise UserError(f"{name} is silent: all its samples are 0. Check the microphone.")
        return samples.astype(np.float32)

    def _pieces(self, samples: np.ndarray, max_seconds: float) -> Iterator[tuple[int, np.ndarray]]:
        rate = self.about.rate
        if self._detector is None or len(samples) <= max_seconds * rate:
            return pieces(samples, rate, max_seconds)
        return speech_pieces([samples], rate, self._detector(rate), max_seconds)

    def _log_probs(
        self, some: Sequence[tuple[int, int, np.ndarray]], inputs: dict[str, np.ndarray]
    ) -> list[np.ndarray]:
        lengths = np.array([len(samples) for *_, samples in some], dtype=np.int64)
        waveform = np.zeros((len(some), lengths.max()), dtype=np.float32)
        for row, (*_, samples) in zip(waveform, some, strict=True):
            row[: len(samples)] = samples
        wanted = ["ctc_log_probs", "ctc_lengths"]
        inputs = {"waveform": waveform, "lengths": lengths, **inputs}
        log_probs, frames = self._session.run(wanted, inputs)
        return [row[:n] for row, n in zip(log_probs, frames, strict=True)]

    def _decoded(self, log_probs: np.ndarray, offset: float) -> Recognition:
        about = self.about
        if self._search is not None:
            return Recognition(*self._search(log_probs, about.frame_seconds, offset))
        labels = greedy(log_probs)
        text = text_of([about.tokens[label.token] for label in labels], about.token_type)
        words = words_of(labels, about.tokens, about.token_type, about.frame_seconds, offset)
        return Recognition(text, words)


def _joined(parts: Sequence[Recognition]) -> Recognition:
    """Pieces of one utterance; each begins a word."""
    if len(parts) == 1:
        return parts[0]
    text = " ".join(part.text.strip() for part in parts if part.text.strip())
    return Recognition(text, [word for part in parts for word in part.words])
