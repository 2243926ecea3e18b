"""Loading the model whose hidden states are analysed, and its speech, by their names."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from tqdm import tqdm

from espnet_recursive.analysis.hidden_states import ESPnetStates, HiddenStates
from espnet_recursive.analysis.whisper import WhisperStates, is_whisper
from espnet_recursive.errors import UserError
from espnet_recursive.model.model_input import read_speech
from espnet_recursive.publish.decoding import load_speech2text
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.feats import read_features
from espnet_recursive.recipe.wav_scp import read_audio

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """Which utterances to take.

    Attributes:
        audio: Audio files of any kind; or
        data_dir: a data directory with wav.scp, or feats.scp for a model that takes features.
        max_utterances: Maximum number of utterances, evenly spread over all; None for all.
    """

    audio: Sequence[str] = ()
    data_dir: Path | None = None
    max_utterances: int | None = None

    @property
    def name(self) -> str:
        """In words."""
        if self.data_dir is not None:
            return self.data_dir.resolve().name
        return f"{len(self.audio)} file{'s' * (len(self.audio) > 1)}"


def load_states(
    model: str, model_file: str | None = None, device: str = "cpu", any_size: bool = False
) -> HiddenStates:
    """Load a model for its hidden states.

    Args:
        model: What ``Speech2Text.from_pretrained`` takes, or a Whisper: a folder in the form of
            transformers, or its Hugging Face id.
        model_file: The checkpoint of an experiment directory.
        device: As :func:`espnet_recursive.model.device.usable_device` takes it.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model cannot be loaded.
    """
    if is_whisper(model):
        return WhisperStates(model, device)
    # The language model of a pack has nothing to say about the encoder.
    loaded = load_speech2text(
        *(model, model_file),
        device=device,
        any_size=any_size,
        lm_train_config=None,
        lm_file=None,
    )
    return ESPnetStates(loaded, model)


def encode_all(states: HiddenStates, speech: Speech) -> Iterator[tuple[str, torch.Tensor]]:
    """Encode utterances one by one, with a progress bar; those that are too short are left out.

    Yields:
        Each utterance's name and its (N + 1, T, D) hidden states.

    Raises:
        UserError: If an utterance cannot be read, or none is long enough.
    """
    names = _names(states, speech)
    short = 0
    for name, value in tqdm(_spread(names, speech.max_utterances), unit="utt", disable=None):
        samples = _read(states, speech, name, value)
        try:
            yield name, states(samples)
        except UserError as error:
            short += 1
            with tqdm.external_write_mode():
                _LOG.warning("%s is left out: %s", name, error)
    if short == len(names):
        raise UserError(f"{speech.name}: no utterance is long enough for the encoder.")


def _names(states: HiddenStates, speech: Speech) -> list[tuple[str, str]]:
    """Names of all utterances, and where their speech is."""
    if speech.data_dir is None:
        if states.rate is None:
            raise UserError(
                "--audio: the model takes features that were computed before, not audio. Name a "
                "data directory with feats.scp: --data_dir."
            )
        return [(file, file) for file in speech.audio]
    if (speech.data_dir / "segments").exists():
        raise UserError(f"{speech.data_dir}/segments: cut the recordings into a file an utterance.")
    table = "feats.scp" if states.rate is None else "wav.scp"
    return list(read_table(speech.data_dir / table).items())


def _spread(names: Sequence[tuple[str, str]], most: int | None) -> Sequence[tuple[str, str]]:
    if most is None or most >= len(names):
        return names
    # Neighbours in a data directory are of the same speaker.
    return [names[i * len(names) // most] for i in range(most)]


def _read(states: HiddenStates, speech: Speech, name: str, value: str) -> np.ndarray:
    if states.rate is None:
        return read_features(value, name)
    if speech.data_dir is None:
        return read_speech(value, states.rate)
    samples, rate = read_audio(value, name)
    return samples if rate == states.rate else soxr.resample(samples, rate, states.rate)
