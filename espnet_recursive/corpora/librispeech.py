"""LibriSpeech, 960 hours of read English, and mini LibriSpeech, 5 hours of it.

V. Panayotov et al.: "Librispeech: an ASR corpus based on public domain audio books", ICASSP 2015;
openslr.org/12, the text for language models openslr.org/11, and the small one openslr.org/31. Ids
are those of ESPnet's recipe: a speaker is one in one chapter.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from espnet_recursive.corpora.archive import OPENSLR, Archive, fetch, find_archive
from espnet_recursive.corpora.members import ANY_RATIO_BYTES, MAX_RATIO
from espnet_recursive.corpora.unpack import is_unpacked, open_archive, unpack_corpus
from espnet_recursive.corpora.utterances import (
    Utterance,
    Utterances,
    check_corpus_dir,
    num_samples,
)
from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import check_room
from espnet_recursive.files.litter import is_litter
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import check_same_keys, read_table

_EVALUATION = ("12/dev-clean", "12/dev-other", "12/test-clean", "12/test-other")
#: Subset -> places of its parts below openslr.org/resources
SUBSETS = {
    "train_960": ("12/train-clean-100", "12/train-clean-360", "12/train-other-500", *_EVALUATION),
    "train_clean_100": ("12/train-clean-100", *_EVALUATION),
    "mini": ("31/train-clean-5", "31/dev-clean-2"),
}
LM_TEXT = "11/librispeech-lm-norm.txt.gz"
#: Part -> utterances that it has, as published.
UTTERANCES = {
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
    "train-clean-5": 1519,
    "dev-clean-2": 1089,
}

#: Room that an archive's contents take, in sizes of the archive: FLAC is compressed already, while
#: the text for language models is not, and gets ids.
_UNPACKED, _UNPACKED_TEXT = 1.05, 4
#: Bytes of a sentence of that text that are too many; a line without an end would fill the memory.
_LONGEST_LINE = 1_000_000
_UNPACK_AGAIN = (
    "Unpack its archive again; to take what is there, say --incomplete true "
    '(./run.sh --local_data_opts "--incomplete true").'
)


def prepare_librispeech(
    output_dir: Path | str,
    download_dir: Path | str = "downloads",
    subset: str = "train_960",
    base_url: str = OPENSLR,
    corpus_dir: Path | str | None = None,
    lm_text: bool | None = None,
    checksums: bool = True,
    incomplete: bool = False,
) -> list[Path]:
    """Download and unpack what is not there yet, and write the data directories.

    There is one for each part, named with underscores; ``dev`` is dev_clean and dev_other together,
    ``train_960`` the three parts for training. Mini LibriSpeech has no part for testing: there,
    ``dev`` is every other speaker of dev_clean_2, and ``test`` are the rest.

    Args:
        output_dir: Where the data directories go, and ``local/other_text/text``, the text for
            language models.
        download_dir: Where the archives and LibriSpeech are or go; archives that are there are used
            and completed. What has been unpacked does not need its archive any more.
        subset: One of SUBSETS.
        base_url: See `find_archive`.
        corpus_dir: LibriSpeech, unpacked; then no speech is downloaded.
        lm_text: Whether to write the text for language models; by default, where `subset` is not
            mini.
        checksums: See `find_archive`.
        incomplete: Whether parts may have other numbers of utterances than those published.

    Returns:
        The data directories.

    Raises:
        UserError: If an archive cannot be had or is damaged, the corpus is not complete as a whole
            or in one of its parts, or the disk is too small.
    """
    output_dir, parts = Path(output_dir), SUBSETS[subset]
    if corpus_dir is None:
        corpus = Path(download_dir) / "LibriSpeech"
        _provide(parts, corpus, base_url, checksums)
    else:
        corpus = _check_corpus(parts, Path(corpus_dir))
    if lm_text if lm_text is not None else subset != "mini":
        text = output_dir / "local" / "other_text" / "text"
        _provide_lm_text(text, base_url, download_dir, checksums)
    sets = {}
    for part in parts:
        name = Path(part).name
        if not incomplete:
            _check_speakers(corpus / name)
        sets[name.replace("-", "_")] = read_part(corpus / name)
    Utterances.joined(sets.values())  # refuses an id in two parts
    for part, utterances in zip(parts, sets.values(), strict=True):
        if not incomplete:
            _check_number(corpus / Path(part).name, len(utterances))
    sets |= _combined(sets, subset)
    for name, utterances in sets.items():
        utterances.write(output_dir / name)
    return [output_dir / name for name in sets]


def read_part(folder: Path) -> Utterances:
    """Read a part of LibriSpeech: folders of speakers with folders of chapters.

    Raises:
        UserError: If there is none, or audio and transcripts of a chapter do not fit each other.
    """
    utterances = Utterances()
    # Paths that hold where the data directory is moved to, or another program is started.
    chapters = sorted(
        path
        for path in folder.resolve().glob("*/*")
        if path.is_dir() and not is_litter(path) and not is_litter(path.parent)
    )
    for chapter in tqdm(chapters, desc=folder.name, unit="chapter"):
        audio = {path.stem: path for path in chapter.glob("*.flac") if not is_litter(path)}
        transcript = chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt"
        if not transcript.exists():
            raise UserError(
                f"{transcript} is missing, the transcripts of {len(audio)} recordings. "
                "Unpack the archive again, or remove the folder."
            )
        words = read_table(transcript)
        check_same_keys(transcript, words, chapter, audio)
        for key, path in audio.items():
            speaker = key.rpartition("-")[0]
            utterances.add(key, Utterance(str(path), words[key], speaker, num_samples(path)))
    if not utterances:
        raise UserError(f"{folder}: no folders of speakers and chapters. Unpack its archive again.")
    return utterances


def write_lm_text(archive: Archive, path: Path) -> None:
    """Write the text for language models, a line "librispeech_lng_00000001 WORDS" each.

    Numbers are those of the lines of the archive, of which empty ones are left out, as in ESPnet.

    Raises:
        UserError: If the archive is cut off or damaged, holds too much for its size or a line that
            is no sentence, or the disk is full.
    """
    most = max(ANY_RATIO_BYTES, MAX_RATIO * archive.present)
    with whole_file(path, "wb") as file, open_archive(archive) as content:
        for number, line in enumerate(iter(lambda: content.readline(_LONGEST_LINE), b""), 1):
            if len(line) == _LONGEST_LINE or content.tell() > most:
                raise UserError(
                    f"{archive.path} has {archive.present:,} bytes, and would take more than "
                    f"{most:,} unpacked or has a line of {_LONGEST_LINE:,} bytes (line {number}): "
                    "it is no text of sentences. Get it from its publisher."
                )
            if words := line.strip():
                file.write(b"librispeech_lng_%08d %s\n" % (number, words))


def _provide(parts: tuple[str, ...], corpus: Path, base_url: str, checksums: bool) -> None:
    """Have the parts unpacked in the folder of the corpus, and their archives beside it."""
    missing = [part for part in parts if not is_unpacked(corpus / Path(part).name)]
    archives = {
        part: find_archive(f"{part}.tar.gz", base_url, corpus.parent, checksums) for part in missing
    }
    check_room(
        corpus.parent,
        sum(archive.room(_UNPACKED) for archive in archives.values()),
        "LibriSpeech",
    )
    for part, archive in archives.items():
        name = Path(part).name
        fetch(archive)
        unpack_corpus(archive, f"LibriSpeech/{name}", corpus / name)


def _check_corpus(parts: tuple[str, ...], corpus_dir: Path) -> Path:
    """The folder of the parts, which may be `corpus_dir` or LibriSpeech in it."""
    check_corpus_dir(corpus_dir)
    inside = corpus_dir / "LibriSpeech"
    corpus = inside if inside.is_dir() else corpus_dir
    names = [Path(part).name for part in parts]
    missing = [name for name in names if not (corpus / name).is_dir()]
    if missing:
        raise UserError(
            f"{corpus} holds no {', '.join(missing)}. Unpack them there, give the folder that "
            f"holds {', '.join(names)} with --corpus_dir, or leave it out to download them."
        )
    return corpus


def _check_speakers(folder: Path) -> None:
    """Refuse a part without the folder of a speaker that SPEAKERS.TXT beside it has in the part."""
    table = folder.parent / "SPEAKERS.TXT"
    if not table.is_file():
        return
    rows = [
        [field.strip() for field in line.split("|")]
        for line in table.read_text(encoding="utf-8", errors="replace").split("\n")
        if not line.startswith(";")
    ]
    # Speaker, sex, part, minutes, name.
    speakers = [row[0] for row in rows if len(row) > 2 and row[2] == folder.name]
    missing = [speaker for speaker in speakers if not (folder / speaker).is_dir()]
    if missing:
        some = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise UserError(
            f"{folder} lacks {len(missing)} of the {len(speakers)} speakers that {table} has in "
            f"it: {some}. {_UNPACK_AGAIN}"
        )


def _check_number(folder: Path, number: int) -> None:
    """Refuse a part that has not as many utterances as were published."""
    if number != (published := UTTERANCES[folder.name]):
        raise UserError(
            f"{folder} has {number} utterances, and {folder.name} of LibriSpeech has {published}. "
            f"{_UNPACK_AGAIN}"
        )


def _provide_lm_text(path: Path, base_url: str, download_dir: Path | str, checksums: bool) -> None:
    if path.exists():
        logging.info("%s is there already", path)
        return
    archive = find_archive(LM_TEXT, base_url, download_dir, checksums)
    check_room(download_dir, archive.room(0), "The text for language models")
    check_room(path.parent, archive.whole * _UNPACKED_TEXT, "The text for language models")
    fetch(archive)
    write_lm_text(archive, path)


def _combined(sets: Mapping[str, Utterances], subset: str) -> dict[str, Utterances]:
    """The data sets of several parts, or of a half of one."""
    if subset == "mini":
        return _halves(sets["dev_clean_2"])
    combined = {"dev": Utterances.joined([sets["dev_clean"], sets["dev_other"]])}
    if subset == "train_960":
        train = [utterances for name, utterances in sets.items() if name.startswith("train_")]
        combined["train_960"] = Utterances.joined(train)
    return combined


def _halves(utterances: Utterances) -> dict[str, Utterances]:
    """Every other speaker for development, the rest for testing."""
    halves = {"dev": Utterances(), "test": Utterances()}
    readers = {key: utterance.speaker.partition("-")[0] for key, utterance in utterances.items()}
    for_dev = set(sorted(set(readers.values()))[::2])
    for key, utterance in utterances.items():
        halves["dev" if readers[key] in for_dev else "test"].add(key, utterance)
    return halves
