"""A data set of another library's as a data directory: ids as Kaldi and ESPnet need them."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import plain_text
from espnet_recursive.recipe.data_dir import write_data_dir


class Imported(NamedTuple):
    """An utterance as another library describes it.

    Attributes:
        key: Its id there.
        audio: Its audio, a file that is there.
        words: Its transcript.
        speaker: Id of its speaker; empty where that is not known.
    """

    key: str
    audio: Path
    words: str
    speaker: str


def write_imported(directory: Path, source: Path, utterances: Iterable[Imported]) -> None:
    """Write a data directory.

    An id begins with its speaker, so that sorting by id sorts by speaker too; spaces and slashes in
    ids become underscores. An utterance whose speaker is not known is a speaker of its own.

    Args:
        directory: The data directory.
        source: Where the utterances are from, for messages.
        utterances: The utterances; their audio stays where it is.

    Raises:
        UserError: If there are none, or an id comes twice.
    """
    wav_scp: dict[str, Path] = {}
    text: dict[str, str] = {}
    utt2spk: dict[str, str] = {}
    for utterance in utterances:
        key, speaker = plain_id(utterance.key), plain_id(utterance.speaker)
        if speaker and not key.startswith((f"{speaker}-", f"{speaker}_")):
            key = f"{speaker}-{key}"
        if key in wav_scp:
            raise UserError(
                f"{source}: the id {key} comes twice. Make the ids unique; with a data set of "
                "datasets, --id_column names a column of unique ids, or row for numbers."
            )
        wav_scp[key] = utterance.audio
        text[key] = plain_text(utterance.words)
        utt2spk[key] = speaker or key
    if not wav_scp:
        raise UserError(f"{source} has no utterances with a transcript. Check that it is complete.")
    write_data_dir(directory, wav_scp, text, utt2spk)


def plain_id(name: str) -> str:
    """An id without spaces and slashes.

    >>> plain_id("speaker 7/a")
    'speaker_7_a'
    """
    return "_".join(name.replace("/", " ").replace("\\", " ").split())
