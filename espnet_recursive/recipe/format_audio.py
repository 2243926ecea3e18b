"""Stage 3: audio of one format and one sampling rate, with the length of each utterance."""

from collections.abc import Mapping
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
    read_source,
    read_table,
    write_data_dir,
    write_table,
)
from espnet_recursive.recipe.process_group import end_with_parent
from espnet_recursive.recipe.wav_scp import audio_file, inspect_file, read_audio
from espnet_recursive.recipe.write_audio import write_audio

#: Formats that are written; those of ESPnet in Kaldi archives (wav.ark, flac.ark) are not.
AUDIO_FORMATS = ("flac", "wav")


def format_data_dir(
    source: Path | str, target: Path | str, fs: int, audio_format: str = "flac", nj: int = 1
) -> None:
    """Write the data directory `target` from `source`, with audio in one format and rate.

    Files that have both already are not copied; the new wav.scp names them where they are. The
    others are converted into ``<target>/data``; a conversion that was stopped goes on where it was.

    Args:
        source: A data directory with wav.scp, text and utt2spk.
        target: The directory to write; it also gets utt2num_samples, audio_format and feats_type.
        fs: Sampling rate in Hz.
        audio_format: One of AUDIO_FORMATS.
        nj: Number of processes.

    Raises:
        UserError: If a file is missing, cut off or of another kind, an utterance has no audio, or
            samples are no numbers.
    """
    source, target = Path(source), Path(target)
    check_other_dir(source, target)
    wav_scp, text, utt2spk = read_source(source)
    _forget_other_audio(target, wav_scp, audio_format)
    convert = partial(_convert, directory=target / "data", fs=fs, audio_format=audio_format)
    progress = partial(tqdm, total=len(wav_scp), desc=f"format {source.name}", unit="utt")
    if nj > 1 and len(wav_scp) > nj:
        # Not forked: a process with threads, as every one with a progress bar, may not be.
        context = get_context("forkserver")
        try:
            with ProcessPoolExecutor(nj, context, initializer=end_with_parent) as pool:
                chunk = min(64, len(wav_scp) // nj)
                done = dict(progress(pool.map(convert, wav_scp.items(), chunksize=chunk)))
        except BrokenProcessPool as error:
            raise UserError(
                f"{source}: one of {nj} processes was killed, for want of memory perhaps. Run "
                "again with fewer (--nj); what is converted is kept."
            ) from error
    else:
        done = dict(progress(map(convert, wav_scp.items())))
    for name, content in (("audio_format", audio_format), ("feats_type", "raw")):
        with whole_file(target / name) as file:
            file.write(f"{content}\n")
    paths = {utterance: path for utterance, (path, _) in done.items()}
    lengths = {utterance: length for utterance, (_, length) in done.items()}
    write_data_dir(target, paths, text, utt2spk, utt2num_samples=lengths)


def _forget_other_audio(target: Path, wav_scp: Mapping[str, str], audio_format: str) -> None:
    """Remove what an earlier conversion made of other files than those named now."""
    sources = target / ".sources.scp"
    if sources.exists():
        for utterance, path in read_table(sources).items():
            if wav_scp.get(utterance) != path:
                (target / "data" / _name(utterance, audio_format)).unlink(missing_ok=True)
    write_table(sources, wav_scp)


def _convert(
    item: tuple[str, str], directory: Path, fs: int, audio_format: str
) -> tuple[str, tuple[str, int]]:
    """Convert one utterance where needed; return its file and its length in samples."""
    utterance, value = item
    source = audio_file(value, utterance)
    if source is not None:
        info = inspect_file(source, utterance)
        if info and (info.rate, info.channels, info.format) == (fs, 1, audio_format.upper()):
            check_finite_file(source, f"{source} (utterance {utterance})")
            return utterance, (source, info.frames)
    converted = directory / _name(utterance, audio_format)
    if source is not None and converted.exists() and converted.samefile(source):
        raise UserError(
            f"{source} (utterance {utterance}) would be overwritten by its own copy: name another "
            "data directory to write, or move the recordings out of it."
        )
    if not _is_converted(converted, source, fs):
        samples, rate = read_audio(value, utterance)
        if rate != fs:
            samples = soxr.resample(samples, rate, fs)
        write_audio(converted, samples, fs, audio_format)
    return utterance, (str(converted), soundfile.info(converted).frames)


def _name(utterance: str, audio_format: str) -> str:
    return f"{file_name(utterance)}.{audio_format}"


def _is_converted(converted: Path, source: str | None, fs: int) -> bool:
    """Whether it was converted before; a command's output is taken to stay the same."""
    return (
        converted.exists()
        and (source is None or converted.stat().st_mtime >= Path(source).stat().st_mtime)
        and soundfile.info(converted).samplerate == fs
    )
