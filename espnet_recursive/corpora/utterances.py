"""The utterances of a data set, gathered from a corpus file by file."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import write_data_dir


class Utterance(NamedTuple):
    """An utterance as data directories describe it.

    Attributes:
        audio: Path of its audio.
        words: Its transcript.
        speaker: Id of its speaker.
        samples: Length of the audio in samples.
    """

    audio: str
    words: str
    speaker: str
    samples: int


class Utterances(dict[str, Utterance]):
    """Utterances by their ids, of which none comes twice."""

    @classmethod
    def joined(cls, sets: Iterable["Utterances"]) -> Self:
        """All utterances of some sets.

        Raises:
            UserError: If an id is in two of them.
        """
        joined = cls()
        for utterances in sets:
            for key, utterance in utterances.items():
                joined.add(key, utterance)
        return joined

    def add(self, key: str, utterance: Utterance) -> None:
        """Add an utterance under its id.

        Raises:
            UserError: If there is one of this id.
        """
        if key in self:
            raise UserError(
                f"{key} comes twice: {self[key].audio} and {utterance.audio}. "
                "Remove or rename one of them, and its transcript."
            )
        self[key] = utterance

    def write(self, directory: Path | str) -> None:
        """Write them as a data directory, utt2num_samples included."""
        write_data_dir(
            directory,
            {key: utterance.audio for key, utterance in self.items()},
            {key: utterance.words for key, utterance in self.items()},
            {key: utterance.speaker for key, utterance in self.items()},
            utt2num_samples={key: utterance.samples for key, utterance in self.items()},
        )


def check_corpus_dir(corpus_dir: Path) -> None:
    """Refuse a folder of a corpus that is not there.

    Raises:
        UserError: Naming the option and how to do without.
    """
    if not corpus_dir.is_dir():
        raise UserError(
            f"--corpus_dir {corpus_dir} does not exist or is no folder. Give the folder that the "
            "corpus was unpacked to, or leave --corpus_dir out to download it."
        )


def num_samples(audio: Path | str) -> int:
    """The length of an audio file in samples, as its header has it.

    Raises:
        UserError: If the file is empty or no audio.
    """
    try:
        samples = soundfile.info(str(audio)).frames
    except soundfile.SoundFileError as error:
        raise UserError(
            f"{audio} cannot be read: {error} Unpack its archive again, or fetch the file."
        ) from error
    if not samples:
        raise UserError(f"{audio} holds no samples. Unpack its archive again, or fetch the file.")
    return samples
