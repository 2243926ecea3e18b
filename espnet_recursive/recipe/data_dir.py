"""Kaldi-style data directories as ESPnet reads them: tables of utterances, one file each."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import check_ids
from espnet_recursive.files.text_lines import plain_text, read_lines
from espnet_recursive.files.whole_files import whole_file

#: The tables that say where the speech is, and those of its length: samples, or frames.
LENGTHS = {"wav.scp": "utt2num_samples", "feats.scp": "utt2num_frames"}


def read_table(path: Path | str, empty_values: bool = False) -> dict[str, str]:
    """Read a file of lines "key value", such as wav.scp, text or utt2spk, in its order.

    Args:
        path: The file.
        empty_values: Whether a key may stand alone, as in a text with an empty transcript.

    Returns:
        The value of each key.

    Raises:
        UserError: If the file is missing or not in UTF-8, a key comes twice, or a value is missing.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), 1):
        key, value = (*line.strip().split(maxsplit=1), "", "")[:2]
        if not key or (not value and not empty_values):
            raise UserError(f"{path}, line {number}: expected 'key value', found {line!r}")
        if key in table:
            raise UserError(f"{path}, line {number}: {key} comes twice. Make the ids unique.")
        table[key] = value
    return table


def read_text(path: Path | str) -> dict[str, str]:
    """Read the transcript of each utterance, which may be empty, by the rule of `text_lines`.

    Raises:
        UserError: As `read_table` does.
    """
    table = read_table(path, empty_values=True)
    return {key: plain_text(value) for key, value in table.items()}


def read_source(
    path: Path | str, scp: str = "wav.scp"
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Read wav.scp, text and utt2spk of a data directory, which must list the same utterances.

    Args:
        path: The directory.
        scp: The table that says where the speech is, wav.scp or feats.scp.

    Raises:
        UserError: If a table is missing or bad, the recordings are to be cut into segments, or an
            id would lead out of the folders of the recipe.
    """
    path = Path(path)
    if (path / "segments").exists():
        raise UserError(f"{path}/segments: cut the recordings into a file an utterance first.")
    speech = read_table(path / scp)
    text = read_text(path / "text")
    utt2spk = read_table(path / "utt2spk")
    check_ids(path / scp, speech)
    for name, table in (("text", text), ("utt2spk", utt2spk)):
        check_same_keys(path / scp, speech, path / name, table)
    return speech, text, utt2spk


def check_other_dir(source: Path | str, target: Path | str) -> None:
    """Refuse to write a data directory over the one that it is made of.

    Raises:
        UserError: If both are the same.
    """
    if Path(source).resolve() == Path(target).resolve():
        raise UserError(
            f"{target} is read and would be overwritten: name another data directory to write."
        )


def write_table(path: Path | str, table: Mapping[str, object], sort: bool = True) -> None:
    """Write lines "key value", sorted by key as Kaldi and ESPnet expect, whole or not at all."""
    with whole_file(path) as file:
        for key in sorted(table) if sort else table:
            file.write(f"{key} {table[key]}".rstrip() + "\n")


def write_data_dir(
    path: Path | str,
    wav_scp: Mapping[str, object],
    text: Mapping[str, str],
    utt2spk: Mapping[str, str],
    *,
    scp: str = "wav.scp",
    **tables: Mapping[str, object],
) -> None:
    """Write wav.scp, text, utt2spk and spk2utt, and further tables by their names.

    A wav.scp that is there goes where feats.scp is written, and the other way round.

    Args:
        path: The directory.
        wav_scp: Audio file of each utterance; or the place of its features, with `scp`.
        text: Transcript of each utterance.
        utt2spk: Speaker of each utterance; an id should begin with its speaker, so that sorting by
            utterance sorts by speaker too.
        scp: The name of that table, wav.scp or feats.scp.
        **tables: For instance utt2num_samples.

    Raises:
        UserError: If the tables do not have the same utterances.
    """
    path = Path(path)
    for name, table in {"text": text, "utt2spk": utt2spk, **tables}.items():
        check_same_keys(path / scp, wav_scp, path / name, table)
    speakers: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    spk2utt = {speaker: " ".join(utterances) for speaker, utterances in speakers.items()}
    for other in LENGTHS.keys() - {scp}:  # of an earlier run on speech of the other kind
        (path / other).unlink(missing_ok=True)
    write_table(path / "text", text)
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", spk2utt)
    for name, table in tables.items():
        write_table(path / name, table)
    # Last, because it is what other programs look for.
    write_table(path / scp, wav_scp)


def check_same_keys(
    left_path: Path, left: Iterable[str], right_path: Path, right: Iterable[str]
) -> None:
    """Refuse two tables that do not list the same utterances.

    Raises:
        UserError: Naming both files and some of the utterances that stand in one only.
    """
    left, right = set(left), set(right)
    for path, other, missing in (
        (left_path, right_path, left - right),
        (right_path, left_path, right - left),
    ):
        if missing:
            some = ", ".join(sorted(missing)[:3]) + (", ..." if len(missing) > 3 else "")
            raise UserError(
                f"{len(missing)} utterances of {path} are not in {other}: {some}. "
                "Remove them there or add them here."
            )
