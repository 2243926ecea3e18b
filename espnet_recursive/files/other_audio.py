"""Audio that libsndfile lacks, such as M4A, WMA and that of videos: by PyAV, or else by ffmpeg."""

import importlib.util
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from espnet_recursive.errors import UserError

#: Only files of sound: not the lists of other files and addresses that FFmpeg follows, too.
_FORMATS = (
    "mov,mp4,m4a,3gp,matroska,webm,asf,ogg,mp3,aac,amr,ac3,eac3,dts,flac,wv,ape,tta,caf,aiff,au,w64,"
    "wav,nistsphere,voc,avi,flv,mpegts,loas,tak"
)


#: The header of an AU file: magic, where the samples begin, their size and kind, rate, channels.
_AU = struct.Struct(">4s5I")
_BLOCK = 2**20


def other_blocks(file: BinaryIO) -> Iterator[tuple[np.ndarray, int]]:
    """Read the sound of a file; of several tracks, the first.

    Args:
        file: The file, at its beginning.

    Yields:
        float32 (samples, channels), and the sampling rate in Hz.

    Raises:
        UserError: If there is neither PyAV nor ffmpeg, or they do not know the file either.
    """
    if importlib.util.find_spec("av") is not None:
        yield from _by_pyav(file)
    elif program := shutil.which("ffmpeg"):
        yield from _by_ffmpeg(file, program)
    else:
        raise UserError("other kinds of audio are read where PyAV (pip install av) or ffmpeg is")


def _by_pyav(file: BinaryIO) -> Iterator[tuple[np.ndarray, int]]:
    import av

    empty = True
    resampler = av.AudioResampler(format="fltp")  # the form alone; rate and channels stay
    try:
        with av.open(file, "r", options={"format_whitelist": _FORMATS}) as container:
            if not container.streams.audio:
                raise UserError("it has no sound")
            for packet in container.demux(container.streams.audio[0]):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:  # what decodes is read
                    continue
                for frame in frames:
                    for part in resampler.resample(frame):
                        empty = False
                        yield np.ascontiguousarray(part.to_ndarray().T), frame.sample_rate
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"nor does FFmpeg read it ({reason})") from error
    if empty:
        raise UserError("FFmpeg finds no samples in it")


def _by_ffmpeg(file: BinaryIO, program: str) -> Iterator[tuple[np.ndarray, int]]:
    with _on_disk(file) as name, tempfile.TemporaryFile() as errors:
        command = [
            *(program, "-nostdin", "-v", "error", "-format_whitelist", _FORMATS),
            *("-protocol_whitelist", "file,pipe", "-i", f"file:{name}", "-map", "0:a:0"),
            *("-f", "au", "-c:a", "pcm_f32be", "-"),
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            try:
                assert process.stdout is not None
                head = process.stdout.read(_AU.size)
                if len(head) == _AU.size:
                    _, start, _, _, rate, channels = _AU.unpack(head)
                    process.stdout.read(start - _AU.size)
                    width = 4 * channels
                    while part := process.stdout.read(_BLOCK * width):
                        whole = part[: len(part) // width * width]
                        samples = np.frombuffer(whole, ">f4").astype(np.float32)
                        yield samples.reshape(-1, channels), rate
                    return
            finally:
                process.kill()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines() or ["no samples"]
        raise UserError(f"nor does ffmpeg read it ({said[-1]})")


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[str]:
    """The name of the file, or of a copy of what is in memory: some kinds need to be searched."""
    name = getattr(file, "name", None)
    if isinstance(name, str):
        yield name
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        yield copy.name
