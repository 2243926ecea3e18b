"""CMU AN4, 50 minutes of spelled words, numbers and dates, recorded at CMU about 1991.

A. Acero: "Acoustical and Environmental Robustness in Automatic Speech Recognition", Kluwer, 1993;
www.speech.cs.cmu.edu/databases/an4. 948 utterances of 74 speakers are for training, 130 of 10 other
speakers for testing. The corpus has no set for development; some of the training speakers make it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from tqdm import tqdm

from espnet_recursive.corpora.sphinx import (
    read_cepstra,
    read_file_ids,
    read_raw,
    read_transcription,
    subtract_means,
    with_deltas,
)
from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import file_name
from espnet_recursive.files.litter import is_litter
from espnet_recursive.recipe.data_dir import check_same_keys, write_data_dir
from espnet_recursive.recipe.feats import write_ark
from espnet_recursive.recipe.write_audio import write_audio

SETS = ("train_nodev", "dev", "test")
#: One training speaker in this number is used for development.
DEV_EVERY = 9
#: Sampling rate of the waveforms in Hz.
FS = 16000

#: Suffixes of waveforms; the last are headerless.
_WAVEFORMS = (".sph", ".wav", ".raw")
_HOW_TO_GET = (
    "Get AN4 from www.speech.cs.cmu.edu/databases/an4, unpack it, and give the folder that holds "
    "etc/ and wav/ (waveforms) or feat/ (features of Sphinx) as --corpus_dir."
)


class Recording(NamedTuple):
    """A line of AN4's lists.

    Attributes:
        file_id: Path of its file without folder and suffix, such as an4_clstk/fash/an251-fash-b.
        speaker: Id of its speaker, such as fash.
        words: Its transcript, in capitals.
    """

    file_id: str
    speaker: str
    words: str


def prepare_an4(
    output_dir: Path | str,
    corpus_dir: Path | str | None = None,
    features: bool | None = None,
    deltas: bool = False,
    cmn: Literal["utterance", "speaker"] = "utterance",
) -> list[Path]:
    """Write the data directories train_nodev, dev and test of AN4, in the layout of CMU Sphinx.

    With waveforms they have wav.scp, which names .sph or .wav files; headerless .raw files are
    written out as FLAC. With features they have feats.scp: 13 cepstra in 100 frames a second, of
    which the mean over the utterance or over all of its speaker's recordings in the set is
    subtracted.

    Args:
        output_dir: Where the data directories go.
        corpus_dir: The folder that holds etc and wav or feat.
        features: Whether to take feat, and not wav; where it is not given, if there is no wav.
        deltas: Whether to append first and second differences to the features.
        cmn: Over what the subtracted mean is: utterance, as in Sphinx, or speaker, as in Kaldi. An
            utterance of one letter has a mean that is much of the letter; a speaker's has not.

    Returns:
        The data directories.

    Raises:
        UserError: If the folder is not there or not AN4's, a recording has no transcript or the
            reverse, a file is missing or damaged, or waveforms are to have deltas or another cmn.
    """
    if corpus_dir is None:
        raise UserError(f"AN4 is not downloaded. {_HOW_TO_GET}")
    corpus = Path(corpus_dir)
    if features is None:
        features = not (corpus / "wav").is_dir()
    folder = (corpus / ("feat" if features else "wav")).resolve()
    if not folder.is_dir():
        other = "--feats_type raw takes wav/" if features else "--feats_type extracted takes feat/"
        raise UserError(f"{folder} does not exist; in the recipe, {other}. {_HOW_TO_GET}")
    if not features and (deltas or cmn != "utterance"):
        raise UserError(
            f"--deltas and --cmn are for features, and {folder} has waveforms. Leave them out, or "
            "take feat/: --features true, in the recipe --feats_type extracted."
        )
    train, test = (read_list(corpus / "etc", name) for name in ("an4_train", "an4_test"))
    for name, recordings in zip(SETS, (*hold_out(train), test), strict=True):
        if features:
            _write_features(Path(output_dir) / name, folder, recordings, deltas, cmn)
        else:
            _write_waveforms(Path(output_dir) / name, folder, recordings)
    _warn_of_others(folder, train | test)
    return [Path(output_dir) / name for name in SETS]


def read_list(etc: Path, name: str) -> dict[str, Recording]:
    """Read a list of recordings and their transcripts.

    Args:
        etc: The folder of the lists.
        name: an4_train or an4_test.

    Returns:
        The recordings, by ids "<speaker>-<recording>", so that sorting sorts by speakers, too.

    Raises:
        UserError: If a list is missing or bad, or they do not have the same recordings.
    """
    fileids, transcription = etc / f"{name}.fileids", etc / f"{name}.transcription"
    transcripts = read_transcription(transcription)
    recordings = {}
    file_ids = {}
    for file_id in read_file_ids(fileids):
        *_, speaker, recording = ("", *file_id.split("/"))
        if not speaker:
            raise UserError(f"{fileids}: expected FOLDER/SPEAKER/RECORDING, found {file_id!r}")
        file_ids[recording] = file_id
        recordings[f"{speaker}-{recording}"] = Recording(
            file_id, speaker, transcripts.get(recording, "").upper()
        )
    check_same_keys(fileids, file_ids, transcription, transcripts)
    return recordings


def hold_out(
    recordings: Mapping[str, Recording],
) -> tuple[dict[str, Recording], dict[str, Recording]]:
    """Take every ninth speaker out of the training data, for development.

    Speakers whose ids differ in a number only, as mdcs and mdcs2, stay together: they may be one.

    Returns:
        The recordings of the other speakers, and those of the speakers that were taken out.

    Raises:
        UserError: If nobody is left to train on.
    """

    def person(recording: Recording) -> str:
        return recording.speaker.rstrip("0123456789")

    people = sorted({person(recording) for recording in recordings.values()})
    if len(people) < 2:
        raise UserError(f"The training list of AN4 has one speaker, {people[0]}: two are needed.")
    taken = set(people[::DEV_EVERY])
    dev = {key: value for key, value in recordings.items() if person(value) in taken}
    return {key: value for key, value in recordings.items() if key not in dev}, dev


def _write_features(
    directory: Path, folder: Path, recordings: Mapping[str, Recording], deltas: bool, cmn: str
) -> None:
    cepstra = {
        utterance: read_cepstra(_file(folder, recording, (".mfc",)))
        for utterance, recording in tqdm(sorted(recordings.items()), desc=f"AN4 {directory.name}")
    }
    groups = {
        utterance: {"utterance": utterance, "speaker": recording.speaker}[cmn]
        for utterance, recording in recordings.items()
    }
    subtract_means(cepstra, groups)
    features = ((key, with_deltas(value) if deltas else value) for key, value in cepstra.items())
    places, frames = write_ark(directory / "data" / "feats.ark", features)
    _write(directory, "feats.scp", places, recordings, utt2num_frames=frames)


def _write_waveforms(directory: Path, folder: Path, recordings: Mapping[str, Recording]) -> None:
    paths = {}
    for utterance, recording in tqdm(sorted(recordings.items()), desc=f"AN4 {directory.name}"):
        path = _file(folder, recording, _WAVEFORMS)
        if path.suffix == ".raw":
            written = directory.resolve() / "data" / f"{file_name(utterance)}.flac"
            write_audio(written, read_raw(path), FS, "flac")
            path = written
        paths[utterance] = str(path)
    _write(directory, "wav.scp", paths, recordings)


def _write(
    directory: Path,
    scp: str,
    places: Mapping[str, str],
    recordings: Mapping[str, Recording],
    **tables: Mapping[str, object],
) -> None:
    write_data_dir(
        directory,
        places,
        {utterance: recording.words for utterance, recording in recordings.items()},
        {utterance: recording.speaker for utterance, recording in recordings.items()},
        scp=scp,
        **tables,
    )


def _file(folder: Path, recording: Recording, suffixes: tuple[str, ...]) -> Path:
    for suffix in suffixes:
        path = folder / f"{recording.file_id}{suffix}"
        if path.is_file():
            return path
    raise UserError(
        f"{folder / recording.file_id}{'|'.join(suffixes)} does not exist, its transcript does. "
        "Unpack the corpus again, or take the recording out of both of its lists in etc/."
    )


def _warn_of_others(folder: Path, recordings: Mapping[str, Recording]) -> None:
    listed = {recording.file_id for recording in recordings.values()}
    found = {
        str(path.relative_to(folder).with_suffix(""))
        for path in folder.rglob("*")
        if path.suffix in (*_WAVEFORMS, ".mfc") and not is_litter(path)
    }
    if others := sorted(found - listed):
        logging.warning(
            "%s: %d recordings are in no list and are left out, such as %s",
            *(folder, len(others), others[0]),
        )
