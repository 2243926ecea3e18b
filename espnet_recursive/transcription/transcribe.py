"""Recordings of any length to text, with a model that is loaded once."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError, reason
from espnet_recursive.model.model_input import input_features, sampling_rate
from espnet_recursive.transcription.cutting import check_cutting, cut
from espnet_recursive.transcription.pieces import MAX_SECONDS
from espnet_recursive.transcription.recording import Recording, file_recording
from espnet_recursive.transcription.results import Failure, Segment, Transcript
from espnet_recursive.transcription.word_times import for_word_times, word_times
from espnet_recursive.transcription.words import SPACE


@dataclass(frozen=True)
class Settings:
    """Settings of a transcription.

    Attributes:
        batch_size: Segments that are decoded together. With more than 1 the shortest recordings
            come first; else they come in their order.
        vad: How recordings are cut; see :func:`espnet_recursive.transcription.cutting.cut`.
        max_seconds: The longest segment.
        words: Whether the times of words are computed.
    """

    batch_size: int = 1
    vad: str = "auto"
    max_seconds: float = MAX_SECONDS
    words: bool = False


def transcribe(
    files: Sequence[str],
    model: Any,
    batch_size: int = 1,
    channel: str | None = None,
    **settings: Any,
) -> Iterator[Transcript | Failure]:
    """Transcribe files one after the other, or in batches.

    Args:
        files: Audio files.
        model: A ``Speech2Text``.
        batch_size: As :class:`Settings` says, like the rest of them.
        channel: Which of several channels to take: a number from 1, or "mean"; by default, files
            with several are failures.
        **settings: The other attributes of :class:`Settings`.

    Yields:
        For each file, as soon as it is known, a Transcript or why there is none.

    Raises:
        UserError: If the model takes features that were computed before, or a setting cannot be.
    """
    recordings = [file_recording(file, channel) for file in files]
    for _, result in transcribe_recordings(recordings, model, Settings(batch_size, **settings)):
        if not isinstance(result, Segment):
            yield result


def transcribe_recordings(
    recordings: Sequence[Recording], model: Any, settings: Settings
) -> Iterator[tuple[Recording, Segment | Transcript | Failure]]:
    """Transcribe recordings; memory is that of a batch of segments.

    Yields:
        Of each recording its segments, as soon as they are known and in their order, and behind
        them its Transcript; or a Failure, be it behind segments.

    Raises:
        UserError: As :func:`transcribe` does.
    """
    config = vars(model.asr_train_args)
    if features := input_features(config):
        raise UserError(
            f"The model takes features of {features} dimensions, not audio: decode a data "
            "directory with a recipe, --feats_type extracted --download_model MODEL."
        )
    rate = sampling_rate(config)
    check_cutting(settings.vad, settings.max_seconds, rate)
    if settings.words:
        model = for_word_times(model)
    if settings.batch_size > 1:
        recordings = sorted(recordings, key=lambda recording: recording.seconds)
    parts = _parts(recordings, rate, settings)
    # A recording that is over costs no time: the next batch is not begun before it is given.
    for batch in _batches(parts, settings.batch_size):
        _decode([part for part in batch if part.samples is not None], model, rate, settings.words)
        for part in batch:
            work = part.work
            if work.failure is not None:
                if not work.failed:
                    work.failed = True
                    yield work.recording, Failure(work.recording.name, work.failure)
            elif part.segment is not None:
                work.segments.append(part.segment)
                yield work.recording, part.segment
            else:
                yield work.recording, work.transcript(rate, _joiner(model))


class _Work:
    """What is known of a recording so far."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.segments: list[Segment] = []
        self.samples = 0  # that were read
        self.elapsed = 0.0  # seconds of decoding
        self.failure: str | None = None
        self.failed = False  # whether that was said

    def transcript(self, rate: int, joiner: str) -> Transcript:
        texts = [segment.text for segment in self.segments if segment.text]
        loops = [segment.loops for segment in self.segments if segment.loops is not None]
        seconds = self.samples / rate
        return Transcript(
            file=self.recording.name,
            text=texts[0] if len(texts) == 1 else joiner.join(text.strip() for text in texts),
            tokens=[token for segment in self.segments for token in segment.tokens],
            score=math.fsum(segment.score for segment in self.segments),
            seconds=seconds,
            rtf=self.elapsed / seconds if seconds else 0.0,
            loops=max(loops, default=None),
            segments=self.segments,
        )


@dataclass
class _Part:
    """A segment to be decoded, or without samples the end of its recording."""

    work: _Work
    start: int = 0
    samples: np.ndarray | None = None
    segment: Segment | None = None


def _parts(recordings: Sequence[Recording], rate: int, settings: Settings) -> Iterator[_Part]:
    for recording in recordings:
        work = _Work(recording)

        def counted(work: _Work = work) -> Iterator[np.ndarray]:
            for block in work.recording.blocks(rate):
                work.samples += len(block)
                yield block

        try:
            for start, samples in cut(counted(), rate, settings.vad, settings.max_seconds):
                yield _Part(work, start, samples)
                if work.failure is not None:
                    break
        except UserError as error:
            work.failure = work.failure or str(error)
        yield _Part(work)


def _batches(parts: Iterator[_Part], batch_size: int) -> Iterator[list[_Part]]:
    """As many segments each, with the ends that lie between them and behind the last."""
    batch: list[_Part] = []
    segments = 0
    for part in parts:
        batch.append(part)
        segments += part.samples is not None
        if segments >= batch_size or (part.samples is None and segments == 0):
            yield batch
            batch, segments = [], 0
    if batch:
        yield batch


def _decode(parts: Sequence[_Part], model: Any, rate: int, words: bool) -> None:
    """Give each part its segment, or its recording a failure."""
    parts = [part for part in parts if part.work.failure is None]
    if not parts:
        return
    start = time.perf_counter()
    try:
        results = _nbest_lists([part.samples for part in parts], model)
    except Exception as error:  # too short, too long for the memory: ESPnet's have no common class
        if len(parts) == 1:
            _fail(parts[0], rate, reason(error))
        else:  # one of them; the others come alone
            for part in parts:
                _decode([part], model, rate, words)
        return
    elapsed = time.perf_counter() - start
    total = sum(_length(part) for part in parts)
    for part, nbest in zip(parts, results, strict=True):
        text, tokens, _, hypothesis = nbest[0]
        score = float(hypothesis.score)
        if not math.isfinite(score):
            _fail(part, rate, f"the score of its text is {score}. Are the model's weights numbers?")
            continue
        begin, end = part.start / rate, (part.start + _length(part)) / rate
        part.work.elapsed += elapsed * _length(part) / total
        part.segment = Segment(
            start=round(begin, 3),
            end=round(end, 3),
            text=" ".join(tokens) if text is None else text,
            tokens=tokens,
            score=score,
            loops=nbest.encoded.loops,
            words=word_times(model, nbest, begin, end) if words else None,
        )


def _length(part: _Part) -> int:
    return 0 if part.samples is None else len(part.samples)


def _fail(part: _Part, rate: int, why: str) -> None:
    where = f", from {part.start / rate:.2f} s on," if part.start else ""
    part.work.failure = f"{part.work.recording.name}{where} cannot be transcribed: {why}"


def _nbest_lists(speech: list[np.ndarray | None], model: Any) -> list[Any]:
    if len(speech) > 1:
        return model.batch_decode(speech)
    nbest = model(speech[0])
    # With intermediate CTC, its results come beside the list.
    return [nbest[0] if isinstance(nbest, tuple) else nbest]


def _joiner(model: Any) -> str:
    """What stands between the texts of two segments: nothing in a script without spaces."""
    args = model.asr_train_args
    no_spaces = args.token_type == "char" and SPACE not in model.asr_model.token_list
    return "" if no_spaces else " "
