"""Shared parts of the commands."""

import argparse
import functools
import io
import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from espnet_recursive.errors import UserError
from espnet_recursive.extras import missing_library
from espnet_recursive.files.channels import check_channel
from espnet_recursive.files.disk_space import full_disk_message, is_full_disk
from espnet_recursive.files.hertz import parse_hertz


class Main(Protocol):
    """The entry of a command: `cmd` are its arguments, those of the process by default."""

    def __call__(self, cmd: Sequence[str] | None = None) -> None: ...


def parser(description: str) -> argparse.ArgumentParser:
    """A parser whose help shows defaults, and the description with its lines as they are."""
    return argparse.ArgumentParser(description=description, formatter_class=Help)


def command(main: Callable[[Sequence[str] | None], None]) -> Main:
    """Let `main` log to standard error, and end what a user can mend with a message and status 1.

    That is a UserError, a full disk, or a file or folder that cannot be read or written. Where
    nobody reads what is printed any more, as after ``| head``, the end is silent.
    """

    @functools.wraps(main)
    def wrapped(cmd: Sequence[str] | None = None) -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        _print_anything()
        try:
            main(cmd)
            if sys.stdout is not None:
                sys.stdout.flush()  # or its failure would come when Python ends
        except UserError as error:
            raise SystemExit(f"Error: {error}") from error
        except ModuleNotFoundError as error:
            if said := missing_library(error):
                raise SystemExit(f"Error: {said}") from error
            raise
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _nobody_reads():
                raise SystemExit(128 + signal.SIGPIPE) from None
            raise SystemExit(f"Error: {_said(error)}") from error
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    return wrapped


def hertz(value: str) -> int:
    """A sampling rate among the arguments of a command: 16000 or 16k."""
    try:
        return parse_hertz(value, "rate")
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def channel(value: str) -> str:
    """A channel among the arguments of a command: 1, 2, ..., or mean."""
    try:
        return check_channel(value)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _print_anything() -> None:
    """Let standard output take texts of any script, and names of files that are not in UTF-8.

    Like the files of a recipe it is in UTF-8, whatever the locale.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _nobody_reads() -> bool:
    """Whether standard output is a pipe without a reader; then nothing more is written to it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if not poll.poll(0):  # errors are told without being asked for
        return False
    # What is left to print would fail again when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _said(error: OSError) -> str:
    if is_full_disk(error):
        return full_disk_message(error.filename)
    if error.filename is None:
        return str(error)
    files = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"{files}: {error.strerror}. Check that it is there and may be read, or written to."


class Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults are shown where there is one to speak of."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, [], ""):
            return action.help
        return super()._get_help_string(action)
