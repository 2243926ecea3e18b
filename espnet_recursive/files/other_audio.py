"""Audio that libsndfile lacks, such as M4A, AMR and WMA: by PyAV, or else by ffmpeg."""

import importlib.util
import io
import shutil
import subprocess
import tempfile

import numpy as np
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.files.audio_header import find_sound, repaired_wav

#: Only files of sound: not the lists of other files and addresses that FFmpeg follows, too.
_FORMATS = (
    "mov,mp4,m4a,3gp,matroska,webm,asf,ogg,mp3,aac,amr,ac3,eac3,dts,flac,wv,ape,tta,caf,aiff,au,w64,"
    "wav,nistsphere,voc,avi,flv,mpegts,loas,tak"
)


def decode_other(content: bytes) -> tuple[np.ndarray, int]:
    """Read the sound of a file; of several tracks, the first.

    Args:
        content: What the file holds.

    Returns:
        float32 (samples, channels), and the sampling rate in Hz.

    Raises:
        UserError: If there is neither PyAV nor ffmpeg, or they do not know the file either.
    """
    if importlib.util.find_spec("av") is not None:
        return _by_pyav(content)
    if program := shutil.which("ffmpeg"):
        return _by_ffmpeg(content, program)
    raise UserError("other kinds of audio are read where PyAV (pip install av) or ffmpeg is")


def _by_pyav(content: bytes) -> tuple[np.ndarray, int]:
    import av

    blocks, rate = [], 0
    resampler = av.AudioResampler(format="fltp")  # the form alone; rate and channels stay
    try:
        with av.open(io.BytesIO(content), "r", options={"format_whitelist": _FORMATS}) as file:
            if not file.streams.audio:
                raise UserError("it has no sound")
            for packet in file.demux(file.streams.audio[0]):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:  # what decodes is read
                    continue
                for frame in frames:
                    rate = rate or frame.sample_rate
                    blocks += [part.to_ndarray() for part in resampler.resample(frame)]
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"nor does FFmpeg read it ({reason})") from error
    if not blocks:
        raise UserError("FFmpeg finds no samples in it")
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T), rate


def _by_ffmpeg(content: bytes, program: str) -> tuple[np.ndarray, int]:
    with tempfile.NamedTemporaryFile() as file:  # some kinds are not read from a pipe
        file.write(content)
        file.flush()
        command = [
            *(program, "-nostdin", "-v", "error", "-format_whitelist", _FORMATS),
            *("-protocol_whitelist", "file,pipe", "-i", f"file:{file.name}", "-map", "0:a:0"),
            *("-f", "wav", "-c:a", "pcm_f32le", "-"),
        ]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    wav = io.BytesIO(result.stdout)
    sound = find_sound(wav)
    if sound is None:
        said = result.stderr.decode(errors="replace").strip().splitlines() or ["no samples"]
        raise UserError(f"nor does ffmpeg read it ({said[-1]})")
    return soundfile.read(io.BytesIO(repaired_wav(wav, sound)), dtype="float32", always_2d=True)
