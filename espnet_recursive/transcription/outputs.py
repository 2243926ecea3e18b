"""Where transcripts are written: standard output, a file, or a file for each recording."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.transcription.formats import ENDINGS, OF_ONE_RECORDING, Form
from espnet_recursive.transcription.results import Segment, Transcript


class OneOutput:
    """All recordings one after the other, line by line as they are known.

    Args:
        form: The form of the output.
        output: Standard output, or an open file.
    """

    def __init__(self, form: Form, output: IO[str]) -> None:
        self._form, self._output = form, output
        self._write(form.begin())

    def segment(self, file: str, segment: Segment) -> None:
        """Write what is known with a segment."""
        self._write(self._form.segment(file, segment))

    def transcript(self, transcript: Transcript) -> None:
        """Write what is known at the end of a recording."""
        self._write(self._form.transcript(transcript))

    def _write(self, text: str) -> None:
        if text:
            with tqdm.external_write_mode(file=self._output):
                self._output.write(text)
                self._output.flush()


class FolderOutput:
    """A file for each recording, which appears when the recording is done.

    Args:
        form: Name of the form.
        timestamps: As :class:`Form` takes them.
        paths: The file of each recording, by its name.
    """

    def __init__(self, form: str, timestamps: str | None, paths: dict[str, Path]) -> None:
        self._form, self._timestamps, self._paths = form, timestamps, paths

    def segment(self, file: str, segment: Segment) -> None:
        """Wait for the end of the recording."""

    def transcript(self, transcript: Transcript) -> None:
        """Write the file of a recording."""
        form = Form(self._form, self._timestamps)
        parts = [form.begin()]
        parts += [form.segment(transcript.file, segment) for segment in transcript.segments]
        text = "".join([*parts, form.transcript(transcript)])
        with whole_file(self._paths[transcript.file], "wb") as file:
            file.write(text.encode("utf-8", errors="surrogateescape"))


def is_folder(output: str | None) -> bool:
    """Whether ``--output`` names a folder: one that is there, or a name that ends in a slash."""
    return output is not None and (output.endswith("/") or Path(output).is_dir())


def files_below(folder: str, inputs: Sequence[tuple[str, Path]], form: str) -> dict[str, Path]:
    """The file of each recording below a folder, by the recording's name.

    Raises:
        UserError: If two recordings would be written to the same file.
    """
    paths: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for name, place in inputs:
        path = Path(folder) / place.with_suffix(f".{ENDINGS[form]}")
        if owners.setdefault(path, name) != name:
            raise UserError(
                f"{owners[path]} and {name} would both be written to {path}: transcribe them into "
                "different folders."
            )
        paths[name] = path
    return paths


@contextmanager
def open_output(
    output: str | None, form: str, timestamps: str | None, inputs: Sequence[tuple[str, Path]]
) -> Iterator[OneOutput | FolderOutput]:
    """Open what ``--output`` names; without it, standard output.

    Raises:
        UserError: If the form cannot hold several recordings, or a folder is not there.
    """
    if output is not None and is_folder(output):
        yield FolderOutput(form, timestamps, files_below(output, inputs, form))
        return
    whole = Form(form, timestamps, several=len(inputs) > 1)
    if output is None:
        yield OneOutput(whole, sys.stdout)
        return
    with open(output, "w", encoding="utf-8", errors="surrogateescape") as file:
        yield OneOutput(whole, file)


def check_output(output: str | None, form: str, inputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse an output before a model is loaded; see :func:`open_output`."""
    if output is not None and is_folder(output):
        files_below(output, inputs, form)
        return
    if form in OF_ONE_RECORDING and len(inputs) > 1:
        raise UserError(
            f"--format {form}: a file of this form holds one recording, and there are "
            f"{len(inputs)}. Give a folder: --output FOLDER/"
        )
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise UserError(
            f"--output {output}: its folder is not there. Make it first, or name a folder for a "
            f"file of each recording: {output}/"
        )
