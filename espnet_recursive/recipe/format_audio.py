"""Stage 3: audio of one format and one sampling rate, with the length of each utterance."""

import re
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import soundfile
import soxr
from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import (
    check_same_keys,
    read_table,
    write_data_dir,
    write_table,
)
from espnet_recursive.recipe.whole_files import whole_file

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
        UserError: If a file is missing, cut off or of another kind, or an utterance has no audio.
    """
    source, target = Path(source), Path(target)
    if (source / "segments").exists():
        raise UserError(f"{source}/segments: cut the recordings into a file an utterance first.")
    wav_scp = read_table(source / "wav.scp")
    text = read_table(source / "text", empty_values=True)
    utt2spk = read_table(source / "utt2spk")
    for name, table in (("text", text), ("utt2spk", utt2spk)):
        check_same_keys(source / "wav.scp", wav_scp, source / name, table)
    _forget_other_audio(target, wav_scp, audio_format)
    convert = partial(_convert, directory=target / "data", fs=fs, audio_format=audio_format)
    progress = partial(tqdm, total=len(wav_scp), desc=f"format {source.name}", unit="utt")
    if nj > 1 and len(wav_scp) > nj:
        # Not forked: a process with threads, as every one with a progress bar, may not be.
        with ProcessPoolExecutor(nj, mp_context=get_context("forkserver")) as pool:
            chunk = min(64, len(wav_scp) // nj)
            done = dict(progress(pool.map(convert, wav_scp.items(), chunksize=chunk)))
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
                (target / "data" / f"{utterance}.{audio_format}").unlink(missing_ok=True)
    write_table(sources, wav_scp)


def _convert(
    item: tuple[str, str], directory: Path, fs: int, audio_format: str
) -> tuple[str, tuple[str, int]]:
    """Convert one utterance where needed; return its file and its length in samples."""
    utterance, path = item
    if path.endswith("|"):
        raise UserError(f"wav.scp, {utterance}: commands ({path}) are not run; name an audio file.")
    if _is_whole(path, utterance) and _has_format(path, fs, audio_format):
        return utterance, (path, soundfile.info(path).frames)
    converted = directory / f"{utterance}.{audio_format}"
    if not _is_converted(converted, path, fs):
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != fs:
            samples = soxr.resample(samples, rate, fs)
        with whole_file(converted, "wb") as file:
            soundfile.write(file, samples, fs, format=audio_format.upper(), subtype="PCM_16")
    return utterance, (str(converted), soundfile.info(converted).frames)


def _is_converted(converted: Path, path: str, fs: int) -> bool:
    return (
        converted.exists()
        and converted.stat().st_mtime >= Path(path).stat().st_mtime
        and soundfile.info(converted).samplerate == fs
    )


def _has_format(path: str, fs: int, audio_format: str) -> bool:
    info = soundfile.info(path)
    return info.samplerate == fs and info.format == audio_format.upper() and info.channels == 1


def _is_whole(path: str, utterance: str) -> bool:
    """Read the last sample, which a file that was cut off does not have."""
    try:
        with soundfile.SoundFile(path) as file:
            file.seek(max(file.frames - 1, 0))
            last = file.read(1)
            if len(last) == 1 and not _is_cut(path, file):
                return True
        reason = "it holds no samples, or fewer than its header says"
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error)
    raise UserError(
        f"{path} (utterance {utterance}) cannot be read: {reason}. "
        "Fetch the file again, or take the utterance out of the data directory."
    )


def _is_cut(path: str, file: soundfile.SoundFile) -> bool:
    """Whether the header of a WAV or NIST file promises more than there is.

    libsndfile goes by the size of such files; of a WAV it notes what the header says.
    """
    if "should be" in file.extra_info:
        return True
    with open(path, "rb") as raw:
        header = raw.read(1024)
    count = re.search(rb"sample_count -i (\d+)", header) if header.startswith(b"NIST_1A") else None
    return count is not None and int(count[1]) > file.frames
