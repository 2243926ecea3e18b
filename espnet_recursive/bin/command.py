"""Shared parts of the commands."""

import argparse
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import full_disk_message, is_full_disk


class Main(Protocol):
    """The entry of a command: `cmd` are its arguments, those of the process by default."""

    def __call__(self, cmd: Sequence[str] | None = None) -> None: ...


def parser(description: str) -> argparse.ArgumentParser:
    """A parser whose help shows defaults, and the description with its lines as they are."""
    return argparse.ArgumentParser(description=description, formatter_class=Help)


def command(main: Callable[[Sequence[str] | None], None]) -> Main:
    """Let `main` log to standard error, and end what a user can mend with a message and status 1.

    That is a UserError or a full disk.
    """

    @functools.wraps(main)
    def wrapped(cmd: Sequence[str] | None = None) -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        try:
            main(cmd)
        except UserError as error:
            raise SystemExit(f"Error: {error}") from error
        except OSError as error:
            if not is_full_disk(error):
                raise
            raise SystemExit(f"Error: {full_disk_message(error.filename)}") from error
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    return wrapped


class Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults are shown where there is one to speak of."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, [], ""):
            return action.help
        return super()._get_help_string(action)
