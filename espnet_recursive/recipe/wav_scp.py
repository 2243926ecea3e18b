"""Entries of a wav.scp: audio files, or commands that write audio, as in Kaldi."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import one_channel
from espnet_recursive.files.finite import check_finite
from espnet_recursive.files.read_audio import AudioError, AudioInfo, NoSamples, decode, inspect
from espnet_recursive.recipe.process_group import process_group

_ARCHIVE = re.compile(r"\.ark(\.gz)?:\d+(\[.*\])?$")
#: Where one of these stands outside quotes, only a shell knows what the command reads.
_FOR_THE_SHELL = set("$`*?[]{}()<>|&;~#!\\\n")
#: Options of flac that leave the samples as they are.
_FLAC_OPTIONS = {"--stdout": "c", "--decode": "d", "--silent": "s", "--totally-silent": "s"}


def audio_file(value: str, utterance: str) -> str | None:
    """The file to read for a value of wav.scp; None where a command must be run for it.

    Of ``flac -c -d -s FILE |``, which ESPnet's and Kaldi's LibriSpeech hold, it is FILE. A relative
    path starts in the folder where the recipe runs, as in ESPnet; ``~`` is the home folder.

    Raises:
        UserError: If the value is a place in a Kaldi archive, or the home folder of nobody.
    """
    value = value.strip()
    if _ARCHIVE.search(value):
        raise UserError(
            f"wav.scp, {utterance}: {value} lies in a Kaldi archive, which is not read here. Use "
            "the data directory from before ESPnet's stage 3, or write the archive out as files."
        )
    if value.endswith("|"):
        return _decoded_flac(value[:-1])
    try:
        return str(Path(value).expanduser()) if value.startswith("~") else value
    except RuntimeError as error:
        raise UserError(
            f"wav.scp, {utterance}: {value} is in a home folder that is not known ({error}). Write "
            "the whole path, or ./~ for a folder of that name."
        ) from error


def inspect_file(path: str, utterance: str) -> AudioInfo | None:
    """Look at a file without decoding all of it: its rate, channels and samples.

    Returns:
        None where they are not known before all is decoded, as of MP3, or of a WAV file that a
        program wrote into a pipe.

    Raises:
        UserError: If it is missing, empty, cut off or no audio, naming the file, the utterance and
            the reason.
    """
    with _naming(path, utterance):
        return inspect(path)


def check_whole(path: str, utterance: str) -> None:
    """Refuse a file that is missing, empty, cut off or no audio.

    Raises:
        UserError: Naming the file, the utterance and the reason.
    """
    if inspect_file(path, utterance) is None:
        with _naming(path, utterance):
            decode(path)


def read_audio(value: str, utterance: str, channel: str | None = None) -> tuple[np.ndarray, int]:
    """Read the audio of an utterance.

    Args:
        value: Its value in wav.scp: a file, or a command that ends with ``|``. A command is run by
            bash, and fails where any program of a pipeline fails.
        utterance: Its id, for messages.
        channel: Which of several channels to take: a number from 1, or "mean".

    Returns:
        The samples, float32 (samples,) between -1 and 1, and the sampling rate in Hz.

    Raises:
        UserError: If the file or what the command writes is no whole audio, or has several channels
            and none is chosen, or the command fails, or samples are no numbers.
    """
    path = audio_file(value, utterance)
    if path is not None:
        with _naming(path, utterance):
            samples, rate = decode(path)
    else:
        samples, rate = _read_output(value.strip()[:-1].strip(), utterance)
    name = f"{path or value} (utterance {utterance})"
    check_finite(samples, name)
    return one_channel(samples, channel, name), rate


@contextmanager
def _naming(path: str, utterance: str) -> Iterator[None]:
    """Name the file and its utterance where it cannot be read."""
    try:
        if Path(path).is_fifo() or Path(path).is_char_device():  # one that may never end
            raise AudioError("it is a pipe or a device, and no file")
        yield
    except AudioError as error:
        raise UserError(
            f"{path} (utterance {utterance}) cannot be read: {error}. "
            f"{error.remedy}, or take the utterance out of the data directory."
        ) from error


def _decoded_flac(command: str) -> str | None:
    """FILE, where the command is flac -d -c FILE with its options in any order."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if words[:1] != ["flac"] or _FOR_THE_SHELL & set(command):
        return None
    options = [word for word in words[1:] if word.startswith("-")]
    files = [word for word in words[1:] if not word.startswith("-")]
    letters = "".join(_FLAC_OPTIONS.get(option, option[1:]) for option in options)
    return files[0] if len(files) == 1 and {"c", "d"} <= set(letters) <= set("cds") else None


def _read_output(command: str, utterance: str) -> tuple[np.ndarray, int]:
    with process_group() as group:
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            process_group=group,
        )
    said = " ".join(result.stderr.decode(errors="replace").split())[-1000:] or "It said nothing"
    failure = f"wav.scp, {utterance}: the command `{command} |`"
    remedy = "Run it by hand, install what it needs, or name an audio file instead."
    if result.returncode:
        raise UserError(f"{failure} failed (status {result.returncode}): {said}. {remedy}")
    try:
        return decode(result.stdout)
    except NoSamples as error:
        raise UserError(f"{failure} wrote no samples. {said}. {remedy}") from error
    except AudioError as error:
        raise UserError(
            f"{failure} wrote no audio that can be used: {error}. {said}. {remedy}"
        ) from (error)
