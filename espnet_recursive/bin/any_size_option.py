"""The option of all commands that load a published model of whatever size; see size_limits."""

import argparse


def add_any_size_option(parser: argparse.ArgumentParser) -> None:
    """Give a command ``--any_size``."""
    parser.add_argument(
        "--any_size",
        action="store_true",
        help="also build a published model of more than 1000 layers or loops, or of other sizes "
        "that no model has had",
    )
