"""Audio files of any kind to text, with a model that is loaded once."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.read_audio import about_seconds
from espnet_recursive.model.model_input import input_features, read_speech, sampling_rate


@dataclass(frozen=True)
class Transcript:
    """The transcript of a file.

    Attributes:
        file: The file as it was named.
        text: The words.
        tokens: The units that the model wrote them in.
        score: The score of the best hypothesis, from ESPnet's search.
        seconds: Duration of the audio.
        rtf: Time of decoding over the duration; in a batch, that of the batch over its duration.
        loops: Loops that the encoder ran; None for one that does not recur.
    """

    file: str
    text: str
    tokens: list[str]
    score: float
    seconds: float
    rtf: float
    loops: int | None


@dataclass(frozen=True)
class Failure:
    """A file that could not be transcribed, and why."""

    file: str
    reason: str


def transcribe(
    files: Sequence[str], model: Any, batch_size: int = 1, channel: str | None = None
) -> Iterator[Transcript | Failure]:
    """Transcribe files one after the other, or in batches of similar duration.

    Args:
        files: Audio files.
        model: A ``Speech2Text``.
        batch_size: Files decoded together. With more than 1 the shortest come first; else the
            files come in their order.
        channel: Which of several channels to take: a number from 1, or "mean"; by default, files
            with several are failures.

    Yields:
        For each file, as soon as it is known, a Transcript or why there is none.

    Raises:
        UserError: If the model takes features that were computed before.
    """
    config = vars(model.asr_train_args)
    if features := input_features(config):
        raise UserError(
            f"The model takes features of {features} dimensions, not audio: decode a data "
            "directory with a recipe, --feats_type extracted --download_model MODEL."
        )
    if batch_size > 1:
        files = sorted(files, key=_duration)
    rate = sampling_rate(config)
    for batch in batched(files, batch_size):
        speech: list[tuple[str, np.ndarray]] = []
        for file in batch:
            try:
                speech.append((file, read_speech(file, rate, channel)))
            except UserError as error:
                yield Failure(file, str(error))
        if speech:
            yield from _decode(speech, model, rate)


def _decode(
    speech: Sequence[tuple[str, np.ndarray]], model: Any, rate: int
) -> Iterator[Transcript | Failure]:
    start = time.perf_counter()
    try:
        results = _nbest_lists([samples for _, samples in speech], model)
    except Exception as error:  # too short, too long for the memory: ESPnet's have no common class
        if len(speech) == 1:
            file = speech[0][0]
            yield Failure(file, f"{file} cannot be transcribed: {reason(error)}")
        else:  # one of them; the others come alone
            for one in speech:
                yield from _decode([one], model, rate)
        return
    elapsed = time.perf_counter() - start
    rtf = elapsed * rate / sum(len(samples) for _, samples in speech)
    for (file, samples), nbest in zip(speech, results, strict=True):
        text, tokens, _, hypothesis = nbest[0]
        if not math.isfinite(hypothesis.score):
            yield Failure(
                file,
                f"{file} cannot be transcribed: the score of its text is "
                f"{float(hypothesis.score)}. Are the model's weights numbers?",
            )
            continue
        yield Transcript(
            file=file,
            text=" ".join(tokens) if text is None else text,
            tokens=tokens,
            score=float(hypothesis.score),
            seconds=len(samples) / rate,
            rtf=rtf,
            loops=nbest.encoded.loops,
        )


def _nbest_lists(speech: list[np.ndarray], model: Any) -> list[Any]:
    if len(speech) > 1:
        return model.batch_decode(speech)
    nbest = model(speech[0])
    # With intermediate CTC, its results come beside the list.
    return [nbest[0] if isinstance(nbest, tuple) else nbest]


def _duration(file: str) -> float:
    """In seconds, or about that; 0 for what cannot be read, which is said when it is its turn."""
    try:
        return about_seconds(file)
    except UserError:
        return 0.0
