"""Utterances of data sets in the formats of Hugging Face's datasets, from a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from espnet_recursive.corpora.imported import Imported, plain_id
from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import file_name
from espnet_recursive.files.whole_files import whole_file

#: Names that published data sets give to these columns, the usual ones first.
_AUDIO = ("audio", "path", "file", "file_name", "audio_filepath")
_TEXT = ("text", "sentence", "transcription", "transcript", "normalized_text")
_SPEAKER = ("speaker_id", "speaker", "client_id")
_ID = ("id", "utt_id", "utterance_id")
#: As an id, the number of the row.
_ROW = "row"


@dataclass(frozen=True)
class Columns:
    """Names of the columns; None for the usual ones.

    Attributes:
        audio: Column of the audio, or of paths to it.
        text: Column of the transcripts.
        speaker: Column of the speakers' ids.
        id: Column of the utterances' ids, or "row" for numbers. By default the column id, or else
            the names of the audio files, or else numbers.
    """

    audio: str | None = None
    text: str | None = None
    speaker: str | None = None
    id: str | None = None


def load_splits(folder: Path) -> dict[str, Any]:
    """The splits of a data set: of ``save_to_disk``, of a folder of audio, parquet, CSV or JSON.

    Nothing is downloaded or copied.

    Raises:
        UserError: If datasets is missing, or cannot read the folder.
    """
    if find_spec("datasets") is None:
        raise UserError(
            f"{folder}: datasets is not installed. Install it: pip install 'espnet_recursive"
            "[corpora]', or pip install datasets"
        )
    import datasets

    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            found: Any = datasets.load_from_disk(str(folder))
        else:
            found = datasets.load_dataset(str(folder), streaming=True)
    except Exception as error:  # each of its builders raises errors of its own
        raise UserError(
            f"{folder} is no data set that datasets can load ({error}). Give a folder of its "
            "save_to_disk, or of audio files with metadata.csv, or of parquet files."
        ) from error
    return dict(found) if isinstance(found, dict) else {folder.name: found}


def read_split(folder: Path, split: Any, columns: Columns, audio_dir: Path) -> Iterator[Imported]:
    """The utterances of a split.

    Args:
        folder: Where it is from; paths in it begin there.
        split: A data set of `load_splits`.
        columns: Its columns.
        audio_dir: Where audio goes that has no file of its own, as in parquet files.

    Raises:
        UserError: If there is no such column, or a row has no audio.
    """
    from datasets import Audio, Dataset, Value

    features = split.features or split._resolve_features().features
    kinds = [name for name, kind in features.items() if isinstance(kind, Audio)]
    audio = _column(folder, features, columns.audio, (*kinds, *_AUDIO), "audio")
    text = _column(folder, features, columns.text, _TEXT, "text")
    speaker = _column(folder, features, columns.speaker, _SPEAKER)
    key = None if columns.id == _ROW else _column(folder, features, columns.id, _ID, None, "id")
    if audio in kinds:  # its bytes or path are taken as they are
        stored: Any = Audio(decode=False)
        if split.info.builder_name == "audiofolder":
            stored = Value("string")
        elif not isinstance(split, Dataset):  # streams encode what is Audio, by torchcodec
            stored = {"bytes": Value("binary"), "path": Value("string")}
        split = split.cast_column(audio, stored)
    for number, row in enumerate(split):
        name, content = _stored(row[audio])
        if not (name or content):
            raise UserError(f"{folder}, row {number}: no audio in the column {audio}. Remove it.")
        if key:
            own = str(row[key])
        else:
            own = Path(name).stem if name and columns.id != _ROW else f"{number:07d}"
        if content is None:
            path = (folder / name).absolute()
            if not path.is_file():
                raise UserError(f"{folder}, row {number}: {path} is not there. Add it, or the row.")
        else:
            suffix = Path(name).suffix or ".wav"
            path = audio_dir.absolute() / f"{file_name(plain_id(own))}{suffix}"
            with whole_file(path, "wb") as file:
                file.write(content)
        who = row[speaker] if speaker else None
        yield Imported(own, path, row[text] or "", "" if who is None else str(who))


def _stored(value: Any) -> tuple[str, bytes | None]:
    """The name of an audio file and, where the data set holds it, its content."""
    if isinstance(value, Mapping):
        return value.get("path") or "", value.get("bytes")
    return value or "", None


def _column(
    folder: Path,
    features: Mapping[str, Any],
    given: str | None,
    usual: tuple[str, ...],
    needed: str | None = None,
    option: str | None = None,
) -> Any:
    """The name of a column; None where there is none of the usual ones and it is not needed."""
    found = given or next((name for name in usual if name in features), None)
    if found in features or (found is None and needed is None):
        return found
    raise UserError(
        f"{folder} has no column {found or needed}: it has {', '.join(features)}. "
        f"Name the one to take with --{needed or option or 'speaker'}_column."
    )
