"""Data directories of any data set that lhotse or Hugging Face's datasets can read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from espnet_recursive.corpora.hf_datasets import Columns, load_splits, read_split
from espnet_recursive.corpora.imported import Imported, plain_id, write_imported
from espnet_recursive.corpora.lhotse_cuts import find_manifests, read_manifest
from espnet_recursive.errors import UserError

#: The folder beside the data directories with audio that had to be written.
_AUDIO = "audio"


def import_data(
    source: Path | str,
    output_dir: Path | str,
    name: str | None = None,
    columns: Columns | None = None,
) -> list[Path]:
    """Write a data directory for each set of a source: wav.scp, text, utt2spk and spk2utt.

    Args:
        source: A manifest of lhotse or a folder of them; or a folder of datasets.
        output_dir: Where the data directories go, named as the sets are, and in audio/<set> speech
            that has no file of its own.
        name: Another name for the set, if there is only one.
        columns: Of datasets.

    Returns:
        The data directories.

    Raises:
        UserError: If the source is not there or is of neither kind, a column, audio or a transcript
            is missing, an id comes twice, or several sets are to have one name.
    """
    source, output_dir = Path(source), Path(output_dir)
    if not source.exists():
        raise UserError(
            f"{source} does not exist. Give a file or folder; a data set of the Hugging Face hub "
            "is fetched first, with hf download --repo-type dataset USER/NAME --local-dir FOLDER"
        )
    manifests = find_manifests(source)
    splits: dict[str, Any] = {}
    if not manifests:
        if source.is_file():
            raise UserError(
                f"{source}: a manifest's name has cuts, recordings or supervisions in it and ends "
                "in .jsonl, .jsonl.gz or .json, as lhotse writes it. Rename it, or give a folder."
            )
        splits = load_splits(source)
    sets = list(manifests or splits)
    if name and len(sets) > 1:
        raise UserError(f"{source} has several sets, {', '.join(sets)}: leave --set out.")
    written = []
    for each in sets:
        target = output_dir / plain_id(name or each)
        if target.name == _AUDIO:
            raise UserError(f"{source}: a set cannot be called {_AUDIO}. Name it with --set.")
        audio_dir = output_dir / _AUDIO / target.name
        utterances: Iterator[Imported]
        if manifests:
            utterances = read_manifest(manifests[each], audio_dir)
        else:
            utterances = read_split(source, splits[each], columns or Columns(), audio_dir)
        write_imported(target, source, utterances)
        written.append(target)
    return written
