"""What a command is told to transcribe: files, folders, patterns and standard input."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import naming_full_disk
from espnet_recursive.model.model_input import speech_blocks
from espnet_recursive.transcription.recording import Recording

#: Names of standard input.
STDIN = "-"
#: Endings of the files that are taken from folders.
AUDIO_ENDINGS = frozenset(
    ".wav .flac .mp3 .ogg .oga .opus .m4a .aac .wma .aif .aiff .aifc .au .snd .sph .caf .w64 .rf64"
    " .amr .ac3 .mka .mp4 .m4v .mov .mkv .webm .avi .flv .wv .ape .tta .voc .3gp".split()
)


def find_inputs(names: Sequence[str]) -> list[tuple[str, Path]]:
    """Files of what was named.

    A folder stands for the audio and video in it and in its folders; a name that is no file and has
    one of ``*?[`` for the files that it matches, ``**`` for any folders.

    Returns:
        Each file as it is to be named, and where its results are to lie below an output folder.

    Raises:
        UserError: If nothing is found where something is said to be, or standard input is named
            twice.
    """
    found: list[tuple[str, Path]] = []
    for name in names:
        if os.path.isdir(name):
            found += _in_folder(name)
        elif has_magic(name) and not os.path.exists(name):
            matches = sorted(path for path in glob(name, recursive=True) if os.path.isfile(path))
            if not matches:
                raise UserError(f"{name}: no file matches it")
            found += [(path, Path(os.path.basename(path))) for path in matches]
        elif name == STDIN:
            found.append((STDIN, Path("stdin")))
        else:
            found.append((name, Path(os.path.basename(name))))
    if sum(name == STDIN for name, _ in found) > 1:
        raise UserError("- is standard input, which can be read once only")
    return found


def _in_folder(folder: str) -> Iterator[tuple[str, Path]]:
    files = [
        path
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix.lower() in AUDIO_ENDINGS and path.is_file()
    ]
    if not files:
        raise UserError(
            f"{folder}: no audio in this folder or those in it. Files of other endings than "
            f"{', '.join(sorted(AUDIO_ENDINGS))} can be named themselves."
        )
    for path in files:
        yield os.path.join(folder, path.relative_to(folder)), path.relative_to(folder)


def stdin_recording(channel: str | None = None) -> Recording:
    """What comes from standard input, up to its end; the arguments are those of a file."""

    def blocks(rate: int) -> Iterator[np.ndarray]:
        with on_disk() as file:
            yield from speech_blocks(file, rate, channel, "standard input")

    return Recording(STDIN, blocks)


@contextmanager
def on_disk(source: Any = None) -> Iterator[str]:
    """The name of a temporary file with what comes from a pipe: headers tell of what lies behind.

    Args:
        source: A binary file; standard input by default.

    Raises:
        UserError: If nothing comes, or the disk is full.
    """
    source = sys.stdin.buffer if source is None else source
    with tempfile.NamedTemporaryFile() as copy:
        with naming_full_disk(tempfile.gettempdir()):
            shutil.copyfileobj(source, copy, 2**20)
            copy.flush()
        if not copy.tell():
            raise UserError("standard input is empty: pipe audio into it, or name files")
        yield copy.name
