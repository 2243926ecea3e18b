"""How transcripts are read before they are scored, as in ESPnet's recipes."""

from codecs import BOM_UTF8
from functools import cached_property
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.text_lines import read_lines

#: ESPnet's word for none.
_NONE = ("none", "")


class TextRules:
    """Non-linguistic symbols, which do not count, and a cleaner of the references.

    As in ESPnet's stage 13, symbols are left out of references and hypotheses, where words and
    characters are counted; the cleaner is for references alone.

    Args:
        nlsyms_txt: A file of non-linguistic symbols, one a line; "none" for no such.
        cleaner: One of ESPnet's text cleaners, such as tacotron; "none" for none.

    Raises:
        UserError: If the file cannot be read, or there is no such cleaner here.
    """

    def __init__(self, nlsyms_txt: Path | str = "none", cleaner: str = "none") -> None:
        self._symbols = _read_symbols(nlsyms_txt)
        self._cleaner = None
        if cleaner not in _NONE:
            from espnet2.text.cleaner import TextCleaner

            self._cleaner = TextCleaner(cleaner)
            try:
                self._cleaner("A")  # what is not installed is known when it is used
            except Exception as error:
                raise UserError(f"--cleaner {cleaner}: ESPnet refuses it: {reason(error)}") from (
                    error
                )

    def clean(self, reference: str) -> str:
        """A reference as the cleaner writes it."""
        return self._cleaner(reference) if self._cleaner else reference

    def words(self, text: str) -> list[str]:
        """The words that count."""
        return [word for word in text.split() if word not in self._symbols]

    def characters(self, text: str) -> list[str]:
        """The characters that count, those of the space between words as <space>."""
        text = " ".join(text.split())
        if not self._symbols:
            return ["<space>" if character == " " else character for character in text]
        return self._tokenizer.text2tokens(text)

    @cached_property
    def _tokenizer(self) -> Any:
        from espnet2.text.char_tokenizer import CharTokenizer

        return CharTokenizer(self._symbols, remove_non_linguistic_symbols=True)


def _read_symbols(nlsyms_txt: Path | str) -> frozenset[str]:
    if str(nlsyms_txt) in _NONE:
        return frozenset()
    try:
        lines = list(read_lines(nlsyms_txt))
        marked = Path(nlsyms_txt).read_bytes().startswith(BOM_UTF8)
    except (OSError, UserError) as error:
        raise UserError(
            f"--nlsyms_txt {nlsyms_txt} cannot be read: {error}. It is a file of symbols, one a "
            "line, or none."
        ) from error
    if marked:  # ESPnet reads the file, too, and takes the mark for a part of the symbol
        raise UserError(
            f"--nlsyms_txt {nlsyms_txt} begins with a byte order mark (BOM). Remove it: "
            f"sed -i '1s/^\\xEF\\xBB\\xBF//' {nlsyms_txt}"
        )
    return frozenset(line.rstrip() for line in lines) - {""}
