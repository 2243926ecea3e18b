"""One option of the stage driver, and the kinds of values that options have."""

import re
import shlex
from dataclasses import dataclass

from espnet_recursive.errors import UserError


class UsageError(UserError):
    """An option of the command line that cannot be, or options that do not go together."""


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        expected: What a value is, for messages; of words, what each of them is.
        pattern: A regular expression that the value matches, or each word of it; None for any.
        words: Whether the value is words, separated by spaces. Quotes hold a word together, as in
            a shell: ``"'/a b' c"`` is two words.
        path: Whether the value, or each word, is a path or a part of one.
        data: Whether ESPnet reads that path as one of data, in which a comma separates.
    """

    expected: str = ""
    pattern: str | None = None
    words: bool = False
    path: bool = False
    data: bool = False


TEXT = Kind()
FLAG = Kind()
WORDS = Kind(words=True)
PATH = Kind(path=True)
DATA_PATH = Kind(path=True, data=True)
DATA_PATHS = Kind(words=True, path=True, data=True)
STAGE = Kind("a stage, 1 to 15", r"[1-9]|1[0-5]")
STAGES = Kind(STAGE.expected, STAGE.pattern, words=True)
WHOLE = Kind("a whole number", r"\d+")
POSITIVE = Kind("a whole number, 1 or more", r"[1-9]\d*")
NUMBER = Kind("a number", r"\d*\.?\d+(e-?\d+)?")
NUMBERS = Kind(NUMBER.expected, NUMBER.pattern, words=True)
NAME = Kind("a name such as kaldi_fbank", r"[A-Za-z]\w*")
CHANNEL = Kind("a channel: 1, 2, ..., or mean", r"[1-9]\d*|mean")
RATE = Kind("a sampling rate such as 16k", r"\d+(\.\d+)?k|[1-9]\d{3,}")

#: Characters that end a line or a string somewhere, if not a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: The word that stands for the number of a job in the commands of a job array.
_JOB = re.compile(r"(?<![A-Za-z0-9_])JOB(?![A-Za-z0-9_])")


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: Its name, without hyphens.
        default: Its value where it is not given.
        help: One sentence, in which {} stands for the value.
        kind: What its values are.
    """

    name: str
    default: str
    help: str
    kind: Kind = TEXT

    def words(self, value: str) -> list[str]:
        """The words of a value, or the value itself where its kind has no words.

        Raises:
            UsageError: If quotes are not closed.
        """
        if not self.kind.words:
            return [value]
        try:
            return shlex.split(value)
        except ValueError as error:
            raise UsageError(f"--{self.name} {value}: {str(error).lower()}") from error

    def check(self, value: str) -> None:
        """Refuse a value that cannot be.

        Raises:
            UsageError: Naming the option, the value, and the values that there are.
        """
        if self.kind is FLAG and value not in ("true", "false"):
            raise UsageError(f"--{self.name} is true or false, not '{value}'")
        if value == self.default == "":
            return
        for word in self.words(value):
            if _CONTROL.search(word):
                raise UsageError(
                    f"--{self.name} {value!r}: a value is one line, without control characters"
                )
            if self.kind.pattern and not re.fullmatch(self.kind.pattern, word, re.ASCII):
                raise UsageError(
                    f"--{self.name} {value}: expected {self.kind.expected}, found '{word}'"
                )
            if self.kind.path:
                self._check_path(word)

    def _check_path(self, path: str) -> None:
        if not path:
            raise UsageError(f"--{self.name} is a path or a name, not ''")
        if path.startswith("-"):
            raise UsageError(f"--{self.name} {path}: begins with a hyphen, as an option does")
        if self.kind.data and "," in path:
            raise UsageError(
                f"--{self.name} {path}: holds a comma, at which ESPnet ends the path of data"
            )
        if _JOB.search(path):
            raise UsageError(
                f"--{self.name} {path}: JOB stands for the number of a job; choose another name"
            )
