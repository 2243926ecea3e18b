"""Differences between the encoder outputs and greedy CTC labels of two models, frame by frame."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.model_input import input_features, read_speech, sampling_rate
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.wav_scp import read_audio
from espnet_recursive.registry import import_quietly

TooShortUttError = import_quietly("espnet2.asr.encoder.transformer_encoder").TooShortUttError

#: ESPnet's model -> (T, D), what its encoder makes of one utterance.
Encoding = Callable[[Any], torch.Tensor]
#: Random input where no audio is given: number of utterances, and of frames in each.
_RANDOM = (4, 300)


@dataclass(frozen=True)
class Closeness:
    """Differences between the outputs of two models.

    Attributes:
        inputs: What they were compared on.
        frames: Output frames compared.
        relative_difference: Mean over the frames of ||y - x|| / ||x||, x being the output of the
            model that was there before.
        largest_relative_difference: The largest of these.
        cosine: Mean over the frames of the cosine of the two outputs.
        label_agreement: Share of the frames with the same greedy CTC label; None without CTC.
    """

    inputs: str
    frames: int
    relative_difference: float
    largest_relative_difference: float
    cosine: float
    label_agreement: float | None


@torch.no_grad()
def measure_closeness(
    before: Any, after: Any, encodings: Iterable[Encoding], inputs: str
) -> Closeness:
    """Compare two models, utterance by utterance.

    Args:
        before: ESPnet's model before the conversion.
        after: ESPnet's model after it, with the same CTC.
        encodings: One for each utterance.
        inputs: What these are.
    """
    frames: list[torch.Tensor] = []  # (T, 3) each
    for encode in encodings:
        x, y = encode(before), encode(after)
        same = torch.ones(len(x))
        if before.ctc is not None:
            same = (before.ctc.argmax(x[None]) == after.ctc.argmax(y[None]))[0]
        change = (y - x).norm(dim=-1) / x.norm(dim=-1).clamp_min(1e-20)
        cosine = torch.nn.functional.cosine_similarity(x, y, dim=-1)
        frames.append(torch.stack([change, cosine, same.to(change.dtype)], dim=-1).double())
    table = torch.cat(frames)
    change, cosine, same = table.mean(0).tolist()
    return Closeness(
        inputs=inputs,
        frames=len(table),
        relative_difference=change,
        largest_relative_difference=table[:, 0].max().item(),
        cosine=cosine,
        label_agreement=None if before.ctc is None else same,
    )


def audio_encodings(files: Sequence[Path], config: dict[str, Any]) -> Iterator[Encoding]:
    """Encodings of audio.

    Args:
        files: Audio of any kind, and wav.scp files of Kaldi's kind (by their ending, .scp).
        config: The configuration of the models.

    Raises:
        UserError: If the model takes no audio, or a file cannot be read or is too short.
    """
    for utterance in read_utterances(files, config):
        yield _Audio(*utterance)


def read_utterances(
    files: Sequence[Path], config: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and samples of audio; see :func:`audio_encodings`."""
    if features := input_features(config):
        raise UserError(
            f"--audio: the model takes features of {features} dimensions, not audio. "
            "Without --audio, random input is taken."
        )
    rate = sampling_rate(config)
    for file in files:
        if file.suffix != ".scp":
            yield str(file), read_speech(file, rate)
            continue
        for utterance, value in read_table(file).items():
            samples, own_rate = read_audio(value, utterance)
            if own_rate != rate:
                samples = soxr.resample(samples, own_rate, rate)
            yield f"{file}, {utterance}", samples


def random_encodings(model: Any, config: dict[str, Any]) -> tuple[list[Encoding], str]:
    """Encodings of random features, distributed as normalised ones are, and what to call them.

    Args:
        model: One of the models.
        config: Its configuration.
    """
    utterances, frames = _RANDOM
    size = input_features(config) or model.frontend.output_size()
    random = torch.Generator().manual_seed(0)
    encodings: list[Encoding] = [
        _Features(torch.randn(1, frames, size, generator=random)) for _ in range(utterances)
    ]
    return encodings, f"random input, which is no speech ({utterances} times {frames} frames)"


@dataclass(frozen=True)
class _Audio:
    name: str
    samples: np.ndarray

    def __call__(self, model: Any) -> torch.Tensor:
        speech, lengths = torch.from_numpy(self.samples)[None], torch.tensor([len(self.samples)])
        try:
            return _output(model.encode(speech, lengths))
        except TooShortUttError as error:
            raise UserError(f"{self.name} is too short for the encoder: leave it out") from error


@dataclass(frozen=True)
class _Features:
    features: torch.Tensor

    def __call__(self, model: Any) -> torch.Tensor:
        before = model.frontend, model.normalize
        model.frontend = model.normalize = None
        try:
            return _output(model.encode(self.features, torch.tensor([self.features.shape[1]])))
        finally:
            model.frontend, model.normalize = before


def _output(returned: Any) -> torch.Tensor:
    """(T, D), without the hidden states that come beside it with intermediate CTC."""
    out = returned[0]
    return (out[0] if isinstance(out, tuple) else out)[0]
