"""Transcription from Python: a model that takes samples of any kind and rate, files, and lists."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import check_channel
from espnet_recursive.publish.decoding import load_speech2text
from espnet_recursive.publish.speech2text import Speech2Text
from espnet_recursive.transcription.array_recording import array_recording
from espnet_recursive.transcription.formats import TIMESTAMPS
from espnet_recursive.transcription.recording import Recording, bytes_recording, file_recording
from espnet_recursive.transcription.results import Failure, Segment, Transcript
from espnet_recursive.transcription.transcribe import Settings, transcribe_recordings


class Pipeline:
    """A model that transcribes what it is called with.

    Args:
        model: A loaded ``Speech2Text``.

    Attributes:
        model: That.

    Example:
        >>> pipe = espnet_recursive.pipeline("user/name", device="auto")  # doctest: +SKIP
        >>> pipe("lecture.mp4").text  # doctest: +SKIP
        >>> pipe(samples, sampling_rate=8000, timestamps="word").words  # doctest: +SKIP
    """

    def __init__(self, model: Speech2Text) -> None:
        self.model = model

    @overload
    def __call__(
        self,
        audio: list[Any] | tuple[Any, ...],
        sampling_rate: Any = ...,
        *,
        timestamps: str | None = ...,
        channel: str | int | None = ...,
        batch_size: int = ...,
        vad: str = ...,
        max_seconds: float = ...,
    ) -> list[Transcript]: ...

    @overload
    def __call__(
        self,
        audio: str | os.PathLike[str] | bytes | Mapping[str, Any] | np.ndarray | torch.Tensor,
        sampling_rate: Any = ...,
        *,
        timestamps: str | None = ...,
        channel: str | int | None = ...,
        batch_size: int = ...,
        vad: str = ...,
        max_seconds: float = ...,
    ) -> Transcript: ...

    def __call__(
        self,
        audio: Any,
        sampling_rate: Any = None,
        *,
        timestamps: str | None = None,
        channel: str | int | None = None,
        batch_size: int = 1,
        vad: str = "auto",
        max_seconds: float = Settings.max_seconds,
    ) -> Transcript | list[Transcript]:
        """Transcribe audio, or each of a list.

        Args:
            audio: A file's name; samples, as a NumPy array or a tensor of (N,), (N, channels) or
                (channels, N), floating between -1 and 1 or integers of 8, 16 or 32 bits, which are
                scaled; a dictionary with ``array`` and ``sampling_rate``, as Hugging Face's
                datasets have them; what an audio file holds, as bytes; or a list or tuple of those.
            sampling_rate: Of samples, in Hz; they are resampled to the model's. Files say theirs.
            timestamps: "word" for the times of words; those of segments are always there.
            channel: Which of several channels to take: a number from 1, or "mean"; by default
                audio with several is refused.
            batch_size: Segments that are decoded together.
            vad: How long audio is cut; see :func:`espnet_recursive.transcription.cutting.cut`.
            max_seconds: The longest segment.

        Returns:
            Text, segments, words and more; for a list, a list of the same order.

        Raises:
            UserError: If audio cannot be transcribed: it is missing, damaged, empty, too short, of
                unknown rate, or holds NaN; or an option cannot be.
        """
        if timestamps not in (None, *TIMESTAMPS):
            raise UserError(f"timestamps {timestamps!r}: one of {', '.join(TIMESTAMPS)}")
        if batch_size < 1:
            raise UserError(f"batch_size {batch_size}: at least 1")
        channel = None if channel is None else check_channel(str(channel))
        several = isinstance(audio, (list, tuple))
        items = [
            _recording(item, sampling_rate, channel, f"item {i} of the list" if several else "")
            for i, item in enumerate(audio if several else [audio])
        ]
        settings = Settings(batch_size, vad, max_seconds, timestamps == "word")
        done: dict[int, Transcript] = {}
        for recording, result in transcribe_recordings(items, self.model, settings):
            if isinstance(result, Failure):
                raise UserError(result.reason)
            if not isinstance(result, Segment):
                done[id(recording)] = result
        results = [done[id(recording)] for recording in items]
        return results if several else results[0]


def pipeline(
    model: str | Path | Speech2Text,
    model_file: str | None = None,
    config: Path | str | None = None,
    device: str = "cpu",
    **options: Any,
) -> Pipeline:
    """Load a model once, to transcribe with it.

    Args:
        model: A Hugging Face id, a tag of ESPnet's model zoo, a pack (.zip), an experiment
            directory, or a model that is loaded already.
        model_file: The checkpoint of an experiment directory, valid.acc.ave.pth by default.
        config: A decoding YAML.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the best that there is.
        **options: Arguments of :class:`Speech2Text`, such as ``beam_size=5`` or ``num_loops=3``.

    Raises:
        UserError: If the model cannot be loaded, or there is no such device.
    """
    if isinstance(model, Speech2Text):
        if options or model_file or config or device != "cpu":
            raise UserError("a model that is loaded keeps its options: give them where it is")
        return Pipeline(model)
    path = None if config is None else Path(config)
    return Pipeline(load_speech2text(model, model_file, path, device, **options))


def _recording(audio: Any, sampling_rate: Any, channel: str | None, name: str) -> Recording:
    if isinstance(audio, (str, os.PathLike)):
        return file_recording(os.fspath(audio), channel)
    name = name or "the audio"
    if isinstance(audio, bytes):
        return bytes_recording(audio, channel, name)
    if isinstance(audio, Mapping):
        if not {"array", "sampling_rate"} <= set(audio):
            raise UserError(f"{name}: a dictionary needs the keys array and sampling_rate")
        audio, sampling_rate = audio["array"], audio["sampling_rate"]
    if not isinstance(audio, np.ndarray) and not hasattr(audio, "__array__"):
        raise UserError(
            f"{name} is a {type(audio).__name__}: expected the name of a file, or an array of "
            "samples, such as numpy.asarray(numbers, dtype=numpy.float32)"
        )
    return array_recording(audio, sampling_rate, channel, name)
