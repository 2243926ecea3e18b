"""Stage 2: training audio at other speeds, as files, with ids as ESPnet gives them.

With factors 0.9, 1.0 and 1.1 an utterance ``x`` of a speaker ``s`` becomes ``sp0.9-x`` of
``sp0.9-s``, ``x`` of ``s``, and ``sp1.1-x`` of ``sp1.1-s``. As with sox's ``speed``, the pitch
changes with the speed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import soundfile
import soxr
from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import check_ids, file_name
from espnet_recursive.recipe.data_dir import (
    check_other_dir,
    read_source,
    read_table,
    write_data_dir,
)
from espnet_recursive.recipe.wav_scp import audio_file, read_audio
from espnet_recursive.recipe.write_audio import write_audio


def id_prefixes(factors: Sequence[str]) -> dict[str, float]:
    """Map the prefix of ids to the speed, for factors as the user wrote them.

    "1", "1.0" and so on have the empty prefix, "0.9" has "sp0.9-" and "0.90" has "sp0.90-".

    Raises:
        UserError: If a factor is no positive number, or two are the same speed.
    """
    prefixes: dict[str, float] = {}
    for factor in factors:
        if not re.fullmatch(r"\d*\.?\d+", factor) or float(factor) == 0:
            raise UserError(
                f"speed factor {factor!r}: expected a positive number, as in --factors 0.9 1.0 1.1"
            )
        if float(factor) in prefixes.values():
            raise UserError(f"speed factors {' '.join(factors)}: {float(factor)} comes twice.")
        prefixes["" if float(factor) == 1 else f"sp{factor}-"] = float(factor)
    return prefixes


def perturb_audio(keys: Path | str, factors: Sequence[str], audio_dir: Path | str) -> None:
    """Write the audio of some utterances at other speeds, a FLAC file each.

    Files at speed 1 are not copied; what a command writes is, so that the command runs once. Files
    that are up to date are left alone, and each appears whole or not at all.

    Args:
        keys: A wav.scp, or a part of one.
        factors: Factors of the speed, as in `id_prefixes`.
        audio_dir: Where ``sp<factor>-<utterance>.flac`` go, with the sampling rate of the original.

    Raises:
        UserError: If audio is missing, cut off or no audio, or a factor is none.
    """
    prefixes = id_prefixes(factors)
    audio_dir, table = Path(audio_dir), read_table(keys)
    check_ids(Path(keys), table)
    for utterance, value in tqdm(table.items(), desc="perturb speed", unit="utt"):
        source = audio_file(value, utterance)
        stale = {
            path: speed
            for prefix, speed in prefixes.items()
            if (speed != 1 or source is None)
            and not _is_up_to_date(path := _copy(audio_dir, prefix + utterance), value, source)
        }
        if not stale:
            continue
        samples, rate = read_audio(value, utterance)
        for path, speed in stale.items():
            perturbed = samples if speed == 1 else soxr.resample(samples, rate * speed, rate)
            # The comment is what it was made of; see _is_up_to_date.
            write_audio(path, perturbed, rate, "flac", comment=value)


def write_perturbed_data_dir(
    source: Path | str, target: Path | str, factors: Sequence[str], audio_dir: Path | str
) -> None:
    """Write the data directory whose audio `perturb_audio` has written.

    Args:
        source: A data directory with wav.scp, text and utt2spk.
        target: The directory to write; it gets utt2num_samples too.
        factors: Factors of the speed, as in `id_prefixes`.
        audio_dir: Where `perturb_audio` wrote.

    Raises:
        UserError: If audio is missing, or an id of `source` looks like a perturbed one.
    """
    check_other_dir(source, target)
    prefixes = id_prefixes(factors)
    wav_scp, text, utt2spk = read_source(source)
    sources = {utterance: audio_file(value, utterance) for utterance, value in wav_scp.items()}
    text, utt2spk = perturbed_tables(source, prefixes, text, utt2spk)
    paths: dict[str, str] = {}
    for prefix, speed in prefixes.items():
        for utterance, original in sources.items():
            written = str(_copy(audio_dir, prefix + utterance))
            paths[prefix + utterance] = original if speed == 1 and original else written
    write_data_dir(target, paths, text, utt2spk, utt2num_samples=_lengths(paths))


def perturbed_tables(
    source: Path | str,
    prefixes: Collection[str],
    text: Mapping[str, str],
    utt2spk: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """The texts and the speakers of utterances at several speeds.

    Args:
        source: The data directory that they are of, for messages.
        prefixes: The prefixes of ids, one for each speed.
        text: Transcript of each utterance at its own speed.
        utt2spk: Speaker of each.

    Raises:
        UserError: If an id would come twice.
    """
    texts = {prefix + key: words for prefix in prefixes for key, words in text.items()}
    speakers = {prefix + key: prefix + spk for prefix in prefixes for key, spk in utt2spk.items()}
    if len(texts) < len(prefixes) * len(text):
        raise UserError(
            f"{source}: some ids begin with one of {', '.join(filter(None, prefixes))} already. "
            "Give the data directory with speech at its own speed."
        )
    return texts, speakers


def _copy(audio_dir: Path | str, utterance: str) -> Path:
    return Path(audio_dir) / f"{file_name(utterance)}.flac"


def _lengths(paths: Mapping[str, str]) -> dict[str, int]:
    """The number of samples of each utterance."""
    lengths = {}
    for utterance, path in tqdm(paths.items(), desc="lengths", unit="utt"):
        try:
            lengths[utterance] = soundfile.info(path).frames
        except (soundfile.SoundFileError, OSError) as error:
            raise UserError(
                f"{path} (utterance {utterance}) cannot be read: {error}. "
                "Run the jobs of stage 2 (perturb_speed audio) again: they write what is missing."
            ) from error
    return lengths


def _is_up_to_date(path: Path, value: str, source: str | None) -> bool:
    """Whether the file was made of what wav.scp names now; a command's output stays the same."""
    if not path.exists():
        return False
    if source is not None and Path(source).exists():
        if path.stat().st_mtime < Path(source).stat().st_mtime:
            return False
    with soundfile.SoundFile(path) as file:
        return file.comment == value
