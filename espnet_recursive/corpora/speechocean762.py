"""speechocean762, 5.6 hours of English read by native speakers of Mandarin, half of them children.

J. Zhang et al.: "speechocean762: An open-source non-native English speech corpus for pronunciation
assessment", Interspeech 2021; openslr.org/101, and the same files in the repository
github.com/jimbozhang/speechocean762. The words are those that the speakers were to read. The corpus
has a part for training and one for testing, of 125 speakers each; some of the former make a set for
development.
"""

import logging
from collections.abc import Mapping
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
from espnet_recursive.recipe.data_dir import read_source

SETS = ("train_nodev", "dev", "test")
ARCHIVE = "101/speechocean762.tar.gz"
#: Part -> its utterances and speakers, as published.
PUBLISHED_PARTS = {"train": (2500, 125), "test": (2500, 125)}
#: One training speaker in this number is used for development.
DEV_EVERY = 10
#: Room that the contents take, in sizes of the archive: 5.6 hours and unlisted recordings are 0.7
#: GB, and it has about 0.5.
_UNPACKED = 1.6
_AGAIN = "Unpack the archive again, or clone the repository again."


def prepare_speechocean762(
    output_dir: Path | str,
    download_dir: Path | str = "downloads",
    base_url: str = OPENSLR,
    corpus_dir: Path | str | None = None,
    checksums: bool = True,
    incomplete: bool = False,
    extra_data_dir: Path | str | None = None,
) -> list[Path]:
    """Download and unpack what is not there yet, and write the data directories.

    Args:
        output_dir: Where train_nodev, dev and test go.
        download_dir: Where the archive and the folder speechocean762 are or go; an archive that is
            there is used and completed. Once it has been unpacked it is not needed any more.
        base_url: See `find_archive`.
        corpus_dir: The folder that holds train, test and WAVE, or speechocean762 with them, such as
            a clone of the repository; then nothing is downloaded.
        checksums: See `find_archive`.
        incomplete: Whether parts may have other numbers of utterances and speakers than published.
        extra_data_dir: A data directory with further speech to train on, which goes into
            train_nodev: files of audio in wav.scp, and texts in the letters of this corpus.

    Returns:
        The data directories.

    Raises:
        UserError: If the archive cannot be had or is damaged, the corpus is not complete, a speaker
            is in two sets, or the further speech does not fit; or the disk is too small.
    """
    if corpus_dir is None:
        corpus = _provide(download_dir, base_url, checksums)
    else:
        corpus = _find(Path(corpus_dir))
    parts = {name: read_part(corpus, name) for name in PUBLISHED_PARTS}
    Utterances.joined(parts.values())  # refuses an id in both parts
    _check_speakers(corpus, parts)
    if not incomplete:
        for name, utterances in parts.items():
            _check_numbers(corpus / name, utterances)
    train, dev = hold_out(parts["train"])
    if extra_data_dir is not None:
        extra = _read_extra(Path(extra_data_dir), (train, dev, parts["test"]))
        train = Utterances.joined([train, extra])
    for name, utterances in zip(SETS, (train, dev, parts["test"]), strict=True):
        utterances.write(Path(output_dir) / name)
    _tell_of_others(corpus, parts)
    return [Path(output_dir) / name for name in SETS]


def read_part(corpus: Path, name: str) -> Utterances:
    """Read a part of the corpus, a data directory whose audio is named from the corpus's folder.

    Args:
        corpus: The folder that holds the part and WAVE.
        name: train or test.

    Raises:
        UserError: If a table is missing or bad, they do not list the same utterances, or a
            recording is missing, empty or no audio.
    """
    audio, words, speakers = read_source(corpus / name)
    utterances = Utterances()
    # Paths that hold where the data directory is moved to, or another program is started.
    root = corpus.resolve()
    for key, place in tqdm(audio.items(), desc=f"speechocean762 {name}", unit="utt"):
        path = root / place
        if not path.is_relative_to(root) or ".." in Path(place).parts:
            raise UserError(f"{corpus / name}/wav.scp: {place} leads out of {corpus}.")
        if not words[key]:
            raise UserError(f"{corpus / name}/text: {key} has no words. {_AGAIN}")
        utterances.add(key, Utterance(str(path), words[key], speakers[key], num_samples(path)))
    return utterances


def hold_out(utterances: Utterances) -> tuple[Utterances, Utterances]:
    """Take every tenth speaker out of the training data, for development.

    Speakers' ids are sorted first: those of children and of adults lie apart, so both are taken.

    Returns:
        The utterances of the other speakers, and those of the speakers that were taken out.

    Raises:
        UserError: If nobody is left to train on.
    """
    speakers = sorted({utterance.speaker for utterance in utterances.values()})
    if len(speakers) < 2:
        raise UserError(
            f"The training part of speechocean762 has one speaker, {''.join(speakers) or 'none'}: "
            f"two are needed. {_AGAIN}"
        )
    taken = set(speakers[::DEV_EVERY])
    train, dev = Utterances(), Utterances()
    for key, utterance in utterances.items():
        (dev if utterance.speaker in taken else train).add(key, utterance)
    return train, dev


def _provide(download_dir: Path | str, base_url: str, checksums: bool) -> Path:
    corpus = Path(download_dir) / "speechocean762"
    if not is_unpacked(corpus):
        archive = find_archive(ARCHIVE, base_url, download_dir, checksums)
        check_room(download_dir, archive.room(_UNPACKED), "speechocean762")
        fetch(archive)
        unpack_corpus(archive, "speechocean762", corpus)
    return corpus


def _find(corpus_dir: Path) -> Path:
    """The folder of the corpus, which may be `corpus_dir` or speechocean762 in it."""
    check_corpus_dir(corpus_dir)
    inside = corpus_dir / "speechocean762"
    corpus = inside if inside.is_dir() else corpus_dir
    missing = [name for name in (*PUBLISHED_PARTS, "WAVE") if not (corpus / name).is_dir()]
    if missing:
        raise UserError(
            f"{corpus} holds no {', '.join(missing)}. Give the folder that speechocean762.tar.gz "
            "was unpacked to, or a clone of github.com/jimbozhang/speechocean762, or leave "
            "--corpus_dir out to download it."
        )
    return corpus


def _check_speakers(corpus: Path, parts: Mapping[str, Utterances]) -> None:
    """Refuse a speaker of the training part whom the models are tested with."""
    train, test = ({u.speaker for u in utterances.values()} for utterances in parts.values())
    if both := sorted(train & test):
        raise UserError(
            f"{corpus}: {len(both)} speakers are in train and in test, such as {both[0]}. {_AGAIN}"
        )


def _check_numbers(folder: Path, utterances: Utterances) -> None:
    found = len(utterances), len({utterance.speaker for utterance in utterances.values()})
    if found != (published := PUBLISHED_PARTS[folder.name]):
        raise UserError(
            f"{folder} has {found[0]} utterances of {found[1]} speakers, and speechocean762 has "
            f"{published[0]} of {published[1]} in it. {_AGAIN} To take what is there, say "
            '--incomplete true (./run.sh --local_data_opts "--incomplete true").'
        )


def _read_extra(folder: Path, sets: tuple[Utterances, ...]) -> Utterances:
    """Further speech to train on, by other speakers and in the letters of the corpus."""
    source = f"--extra_data_dir {folder}"
    if not folder.is_dir():
        raise UserError(f"{source} does not exist or is no folder. Give a data directory.")
    audio, words, speakers = read_source(folder)
    if piped := next((key for key, place in audio.items() if place.endswith("|")), None):
        raise UserError(f"{source}: {piped} is a command in wav.scp. Write its audio to a file.")
    known = {letter for utterances in sets for u in utterances.values() for letter in u.words}
    taken = {u.speaker for utterances in sets for u in utterances.values()}
    extra = Utterances()
    for key, place in tqdm(audio.items(), desc=folder.name, unit="utt"):
        if other := sorted(set(words[key]) - known):
            raise UserError(
                f"{source}: the text of {key} has {', '.join(map(repr, other[:5]))}, which "
                "speechocean762 has not. Write texts in capitals, without punctuation."
            )
        if speakers[key] in taken:
            raise UserError(
                f"{source}: its speaker {speakers[key]} has the id of one of speechocean762. If "
                "they are not the same, rename it; if they are, leave its utterances out."
            )
        path = Path(place).expanduser().resolve()
        extra.add(key, Utterance(str(path), words[key], speakers[key], num_samples(path)))
    return extra


def _tell_of_others(corpus: Path, parts: Mapping[str, Utterances]) -> None:
    listed = {utterance.audio for utterances in parts.values() for utterance in utterances.values()}
    others = sorted(
        path
        for path in (corpus.resolve() / "WAVE").glob("*/*")
        if path.suffix.lower() == ".wav" and not is_litter(path) and str(path) not in listed
    )
    if others:
        logging.info(
            "%s: %d recordings are in no part and are left out, such as %s",
            *(corpus, len(others), others[0].name),
        )
