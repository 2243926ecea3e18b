"""Entries of a wav.scp: audio files, or commands that write audio, as in Kaldi."""

import io
import re
import shlex
import subprocess

import numpy as np
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.files.finite import check_finite
from espnet_recursive.recipe.process_group import process_group

_ARCHIVE = re.compile(r"\.ark(\.gz)?:\d+(\[.*\])?$")
#: Where one of these stands outside quotes, only a shell knows what the command reads.
_FOR_THE_SHELL = set("$`*?[]{}()<>|&;~#!\\\n")
#: Options of flac that leave the samples as they are.
_FLAC_OPTIONS = {"--stdout": "c", "--decode": "d", "--silent": "s", "--totally-silent": "s"}


def audio_file(value: str, utterance: str) -> str | None:
    """The file to read for a value of wav.scp; None where a command must be run for it.

    Of ``flac -c -d -s FILE |``, which ESPnet's and Kaldi's LibriSpeech hold, it is FILE.

    Raises:
        UserError: If the value is a place in a Kaldi archive.
    """
    value = value.strip()
    if _ARCHIVE.search(value):
        raise UserError(
            f"wav.scp, {utterance}: {value} lies in a Kaldi archive, which is not read here. Use "
            "the data directory from before ESPnet's stage 3, or write the archive out as files."
        )
    return _decoded_flac(value[:-1]) if value.endswith("|") else value


def check_whole(path: str, utterance: str) -> None:
    """Refuse a file that is missing, empty, cut off or no audio, without decoding all of it.

    Raises:
        UserError: Naming the file, the utterance and the reason.
    """
    try:
        with soundfile.SoundFile(path) as file:
            # The last sample is one that a file that was cut off does not have.
            file.seek(max(file.frames - 1, 0))
            last = file.read(1)
            if len(last) == 1 and not _is_cut(path, file):
                return
        reason = "it holds no samples, or fewer than its header says"
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error)
    raise UserError(
        f"{path} (utterance {utterance}) cannot be read: {reason}. "
        "Fetch the file again, or take the utterance out of the data directory."
    )


def read_audio(value: str, utterance: str) -> tuple[np.ndarray, int]:
    """Read the audio of an utterance.

    Args:
        value: Its value in wav.scp: a file, or a command that ends with ``|``. A command is run by
            bash, and fails where any program of a pipeline fails.
        utterance: Its id, for messages.

    Returns:
        The samples, float32 (samples,) between -1 and 1, and the sampling rate in Hz.

    Raises:
        UserError: If the file or what the command writes is no whole audio of one channel, or the
            command fails, or samples are no numbers.
    """
    path = audio_file(value, utterance)
    if path is not None:
        check_whole(path, utterance)
        samples, rate = soundfile.read(path, dtype="float32")
    else:
        samples, rate = _read_output(value.strip()[:-1].strip(), utterance)
    if samples.ndim > 1:
        raise UserError(
            f"{path or value} (utterance {utterance}) has {samples.shape[1]} channels. Write the "
            "channel to train on, or their mean, into a file of one channel."
        )
    check_finite(samples, f"{path or value} (utterance {utterance})")
    return samples, rate


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
    said = result.stderr.decode(errors="replace").strip()[-1000:]
    failure = f"wav.scp, {utterance}: the command `{command} |`"
    remedy = "Run it by hand, install what it needs, or name an audio file instead."
    if result.returncode:
        raise UserError(f"{failure} failed (status {result.returncode}): {said}. {remedy}")
    try:
        samples, rate = soundfile.read(io.BytesIO(result.stdout), dtype="float32")
    except soundfile.SoundFileError as error:
        raise UserError(f"{failure} wrote no audio: {error} {said}. {remedy}") from error
    if not len(samples):
        raise UserError(f"{failure} wrote no samples. {said} {remedy}")
    return samples, rate


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
