"""Audio files that appear whole or not at all."""

import io
from pathlib import Path

import numpy as np
import soundfile

from espnet_recursive.files.whole_files import whole_file


def write_audio(
    path: Path, samples: np.ndarray, rate: int, audio_format: str, comment: str = ""
) -> None:
    """Write samples with 16 bits, in memory first: libsndfile hides why a write to disk failed.

    Args:
        path: The file to write.
        samples: (samples,) between -1 and 1, or int16.
        rate: Sampling rate in Hz.
        audio_format: "flac" or "wav".
        comment: What the file is to say of itself, if anything.

    Raises:
        UserError: If the disk is full.
    """
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate, 1, "PCM_16", format=audio_format.upper()) as file:
        if comment:
            file.comment = comment
        file.write(samples)
    with whole_file(path, "wb") as raw:
        raw.write(content.getbuffer())
