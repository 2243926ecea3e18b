"""AISHELL-1, 178 hours of read Mandarin.

H. Bu et al.: "AISHELL-1: An open-source Mandarin speech corpus and a speech recognition baseline",
O-COCOSDA 2017; openslr.org/33. Ids of utterances and speakers are those of the corpus. Transcripts
lose the spaces between words and nothing else, as in ESPnet's recipe: the few Latin letters stay
of full width, where other recipes write capitals for them.
"""

import logging
from pathlib import Path

from tqdm import tqdm

from espnet_recursive.corpora.archive import OPENSLR, fetch, find_archive
from espnet_recursive.corpora.unpack import is_unpacked, unpack_corpus
from espnet_recursive.corpora.utterances import (
    Utterance,
    Utterances,
    check_corpus_dir,
    num_samples,
)
from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import check_room
from espnet_recursive.files.litter import is_litter
from espnet_recursive.recipe.data_dir import read_table

SETS = ("train", "dev", "test")
ARCHIVE = "33/data_aishell.tgz"
#: Room that the contents take, in sizes of the archive: 178 hours are 20.5 GB, and it has about 15.
_UNPACKED = 1.4


def prepare_aishell(
    output_dir: Path | str,
    download_dir: Path | str = "downloads",
    base_url: str = OPENSLR,
    corpus_dir: Path | str | None = None,
    checksums: bool = True,
) -> list[Path]:
    """Download and unpack what is not there yet, and write the data directories.

    Args:
        output_dir: Where train, dev and test go.
        download_dir: Where the archive and the folder aishell are or go, or data_aishell, where it
            was unpacked by hand; an archive that is there is used and completed. Once it has been
            unpacked it is not needed any more.
        base_url: See `find_archive`.
        corpus_dir: The folder of data_aishell, unpacked; then nothing is downloaded.
        checksums: See `find_archive`.

    Returns:
        The data directories.

    Raises:
        UserError: If the archive cannot be had or is damaged, a transcript has no recording, or the
            disk is too small.
    """
    if corpus_dir is None:
        corpus = _provide(download_dir, base_url, checksums)
    else:
        corpus = _find(Path(corpus_dir))
    transcript = corpus / "transcript" / "aishell_transcript_v0.8.txt"
    words = read_table(transcript)
    sets = {name: read_set(corpus / "wav" / name, words) for name in SETS}
    everything = Utterances.joined(sets.values())
    missing = sorted(words.keys() - everything.keys())
    if missing:
        raise UserError(
            f"{transcript}: {len(missing)} transcripts without a recording in {corpus / 'wav'}, "
            f"such as {', '.join(missing[:3])}. Unpack the archive again, or remove the lines."
        )
    for name, utterances in sets.items():
        utterances.write(Path(output_dir) / name)
    return [Path(output_dir) / name for name in SETS]


def read_set(folder: Path, words: dict[str, str]) -> Utterances:
    """Read a set of AISHELL-1: folders of speakers with their recordings.

    Recordings without a transcript, as the corpus has some hundreds, are left out and counted.

    Args:
        folder: For instance data_aishell/wav/train.
        words: Transcript of each utterance of the corpus.

    Raises:
        UserError: If no recording has a transcript, or one is empty or there twice.
    """
    utterances, left_out = Utterances(), []
    # Paths that hold where the data directory is moved to, or another program is started.
    recordings = sorted(
        path
        for path in folder.resolve().glob("*/*.wav")
        if not is_litter(path) and not is_litter(path.parent)
    )
    for path in tqdm(recordings, desc=f"AISHELL-1 {folder.name}", unit="utt"):
        if path.stem not in words:
            left_out.append(path.stem)
            continue
        characters = "".join(words[path.stem].split())
        speaker = path.parent.name
        utterances.add(path.stem, Utterance(str(path), characters, speaker, num_samples(path)))
    if not utterances:
        raise UserError(f"{folder}: no folders of speakers with recordings that have transcripts.")
    if left_out:
        logging.info(
            "%s: %d of %d recordings have no transcript and are left out, for instance %s",
            *(folder.name, len(left_out), len(recordings), left_out[0]),
        )
    return utterances


def _provide(download_dir: Path | str, base_url: str, checksums: bool) -> Path:
    """Have data_aishell where lhotse has it, too, and the archive beside it."""
    corpus = Path(download_dir) / "aishell" / "data_aishell"
    by_hand = Path(download_dir) / "data_aishell"  # where unpacking the archive by hand puts it
    if by_hand.is_dir() and not corpus.exists():
        return _find(by_hand)
    if not is_unpacked(corpus):
        archive = find_archive(ARCHIVE, base_url, download_dir, checksums)
        check_room(download_dir, archive.room(_UNPACKED), "AISHELL-1")
        fetch(archive)
        unpack_corpus(archive, "data_aishell", corpus)
    return corpus


def _find(corpus_dir: Path) -> Path:
    """The folder data_aishell, which may be `corpus_dir` or in it."""
    check_corpus_dir(corpus_dir)
    inside = corpus_dir / "data_aishell"
    corpus = inside if inside.is_dir() else corpus_dir
    missing = [
        folder
        for folder in ("transcript", *(f"wav/{name}" for name in SETS))
        if not (corpus / folder).is_dir()
    ]
    if missing:
        raise UserError(
            f"{corpus} holds no {', '.join(missing)}. Unpack data_aishell.tgz, then in its folder "
            'wav each archive: for f in *.tar.gz; do tar -xzf "$f"; done. Or leave --corpus_dir '
            "out to download them."
        )
    return corpus
