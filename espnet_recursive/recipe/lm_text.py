"""Stages 5 to 8: texts for language models, by the rule of `files.text_lines`."""

import filecmp
import os
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import plain_text, read_lines
from espnet_recursive.files.whole_files import whole_file


def write_lm_text(texts: Sequence[Path | str], output: Path | str) -> int:
    """Write several texts of lines "id words" into one, without the lines that have no words.

    ESPnet's language models take no empty sentence. They may be larger than the memory. A file that
    holds the same already is not touched, so that what was made from it is not made again.

    Args:
        texts: The files.
        output: The file to write, whole or not at all.

    Returns:
        The number of sentences.

    Raises:
        UserError: If a text is missing or not in UTF-8, or there is no sentence.
    """
    output, count = Path(output), 0
    new = output.with_name(f".{output.name}.{os.getpid()}.new")
    try:
        with whole_file(new) as file:
            for text in texts:
                for line in map(plain_text, read_lines(text)):
                    if " " in line:
                        file.write(f"{line}\n")
                        count += 1
        if not count:
            raise UserError(
                f"{' '.join(map(str, texts))}: no line has words after its id. Name another text."
            )
        if not (output.exists() and filecmp.cmp(new, output, shallow=False)):
            new.replace(output)
    finally:
        new.unlink(missing_ok=True)
    return count
