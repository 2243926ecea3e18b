"""The error for bad input, the wording that error messages share, and what Ctrl-C leaves to say."""

import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any


class UserError(ValueError):
    """Input that cannot be used and that the user can correct.

    The message names the file, the line or the key, and the remedy. Commands print it alone,
    without a traceback, and end with status 1.
    """


def reason(error: BaseException) -> str:
    """The message of an error; for an assertion without a message, its source line."""
    if str(error) or not isinstance(error, AssertionError):
        return str(error) or type(error).__name__
    *_, frame = traceback.extract_tb(error.__traceback__)
    condition = (frame.line or "").removeprefix("assert ")
    return f"these options do not go together, ESPnet needs: {condition}"


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """A sentence that suggests the known word nearest to a misspelt one, after a space.

    Args:
        word: The word that is unknown.
        known: The words that there are.

    Returns:
        " Did you mean 'fixed'?", or nothing where no word is near.
    """
    near = get_close_matches(str(word), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def is_integer(value: Any, least: int | None = None, most: int | None = None) -> bool:
    """Whether a value is an integer within bounds.

    A bool is none, though Python takes it for one: ``num_loops: yes`` is a bool in YAML.
    """
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and (least is None or value >= least)
        and (most is None or value <= most)
    )


def end_quietly_on_ctrl_c() -> None:
    """Have a process that is one of our commands end without a traceback on Ctrl-C.

    From its first imports on, which take seconds; the status stays that of the signal. Other
    programs that import this package are left as they are.
    """
    # While Python imports the packages of ``python -m``, that is the name of the program.
    ours = sys.argv[:1] == ["-m"] and any(a.startswith(__package__) for a in sys.orig_argv)
    if ours or Path((sys.argv or [""])[0]).name.startswith("espnet-recursive"):
        sys.excepthook = _quiet_on_ctrl_c


def _quiet_on_ctrl_c(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
