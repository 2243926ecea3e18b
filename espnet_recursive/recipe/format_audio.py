"""Stage 3: audio of one format and one sampling rate, with the length of each utterance."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import soundfile
import soxr
from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import file_name
from espnet_recursive.files.finite import check_finite_file
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import (
    check_other_dir,
    read_table,
    write_data_dir,
    write_table,
)
from espnet_recursive.recipe.process_group import end_with_parent
from espnet_recursive.recipe.segments import Recording, cut, read_recordings
from espnet_recursive.recipe.wav_scp import audio_file, inspect_file, read_audio
from espnet_recursive.recipe.write_audio import write_audio

#: Formats that are written; those of ESPnet in Kaldi archives (wav.ark, flac.ark) are not.
AUDIO_FORMATS = ("flac", "wav")


def format_data_dir(
    source: Path | str,
    target: Path | str,
    fs: int,
    audio_format: str = "flac",
    nj: int = 1,
    channel: str | None = None,
) -> None:
    """Write the data directory `target` from `source`, with audio in one format and rate.

    Files that have both already are not copied; the new wav.scp names them where they are. The
    others are converted into ``<target>/data``; a conversion that was stopped goes on where it was.
    Where there is a table `segments`, the utterances are cut out of the recordings.

    Args:
        source: A data directory with wav.scp, text and utt2spk.
        target: The directory to write; it also gets utt2num_samples, audio_format and feats_type.
        fs: Sampling rate in Hz.
        audio_format: One of AUDIO_FORMATS.
        nj: Number of processes.
        channel: Which of several channels to take: a number from 1, or "mean".

    Raises:
        UserError: If a file is missing, cut off or of another kind, an utterance has no audio, or
            samples are no numbers.
    """
    source, target = Path(source), Path(target)
    check_other_dir(source, target)
    recordings, text, utt2spk = read_recordings(source)
    _forget_other_audio(target, recordings, audio_format, channel)
    convert = partial(
        _convert, directory=target / "data", fs=fs, audio_format=audio_format, channel=channel
    )
    progress = partial(tqdm, total=len(recordings), desc=f"format {source.name}", unit="file")
    if nj > 1 and len(recordings) > nj:
        # Not forked: a process with threads, as every one with a progress bar, may not be.
        context = get_context("forkserver")
        try:
            with ProcessPoolExecutor(nj, context, initializer=end_with_parent) as pool:
                chunk = min(64, len(recordings) // nj)
                results = list(progress(pool.map(convert, recordings, chunksize=chunk)))
        except BrokenProcessPool as error:
            raise UserError(
                f"{source}: one of {nj} processes was killed, for want of memory perhaps. Run "
                "again with fewer (--nj); what is converted is kept."
            ) from error
    else:
        results = list(progress(map(convert, recordings)))
    done = {key: result for part in results for key, result in part.items()}
    for name, content in (("audio_format", audio_format), ("feats_type", "raw")):
        with whole_file(target / name) as file:
            file.write(f"{content}\n")
    paths = {utterance: path for utterance, (path, _) in done.items()}
    lengths = {utterance: length for utterance, (_, length) in done.items()}
    write_data_dir(target, paths, text, utt2spk, utt2num_samples=lengths)


def _forget_other_audio(
    target: Path, recordings: Sequence[Recording], audio_format: str, channel: str | None
) -> None:
    """Remove what an earlier conversion made of other files, parts or channels than those now."""
    sources = target / ".sources.scp"
    chosen = f" (channel {channel})" if channel else ""
    made_of = {
        utterance: f"{recording.value}{f' ({segment})' if segment else ''}{chosen}"
        for recording in recordings
        for utterance, segment in recording.segments.items()
    }
    if sources.exists():
        for utterance, path in read_table(sources).items():
            if made_of.get(utterance) != path:
                (target / "data" / _name(utterance, audio_format)).unlink(missing_ok=True)
    write_table(sources, made_of)


def _convert(
    recording: Recording, directory: Path, fs: int, audio_format: str, channel: str | None
) -> dict[str, tuple[str, int]]:
    """Convert the utterances of a recording where needed; of each, the file and the samples."""
    value, name = recording.value, recording.name
    source = audio_file(value, name)
    whole = set(recording.segments.values()) == {None}
    if source is not None:
        info = inspect_file(source, name)
        if info and whole and (info.rate, info.format) == (fs, audio_format.upper()):
            if info.channels == 1 and channel in (None, "1", "mean"):
                check_finite_file(source, f"{source} (utterance {name})")
                return {name: (source, info.frames)}
    copies = {key: directory / _name(key, audio_format) for key in recording.segments}
    for utterance, converted in copies.items():
        if source is not None and converted.exists() and converted.samefile(source):
            raise UserError(
                f"{source} (utterance {utterance}) would be overwritten by its own copy: name "
                "another data directory to write, or move the recordings out of it."
            )
    missing = [key for key, path in copies.items() if not _is_converted(path, source, fs)]
    if missing:
        all_samples, rate = read_audio(value, name, channel)
        for utterance in missing:
            segment = recording.segments[utterance]
            samples = all_samples
            if segment is not None:
                samples = cut(samples, rate, segment, f"{source or value} (utterance {utterance})")
            if rate != fs:
                samples = soxr.resample(samples, rate, fs)
            write_audio(copies[utterance], samples, fs, audio_format)
    return {key: (str(path), soundfile.info(path).frames) for key, path in copies.items()}


def _name(utterance: str, audio_format: str) -> str:
    return f"{file_name(utterance)}.{audio_format}"


def _is_converted(converted: Path, source: str | None, fs: int) -> bool:
    """Whether it was converted before; a command's output is taken to stay the same."""
    return (
        converted.exists()
        and (source is None or converted.stat().st_mtime >= Path(source).stat().st_mtime)
        and soundfile.info(converted).samplerate == fs
    )
