"""The precision of the encoder at inference, as an option of commands; see :mod:`.prepared`."""

import argparse

#: With "float32" the output is that of an unprepared encoder, up to rounding.
PRECISIONS = ("float32", "bfloat16", "int8")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Give a command ``--encoder_precision``."""
    parser.add_argument(
        "--encoder_precision",
        choices=PRECISIONS,
        help="prepare the encoder's weights once for faster inference, in this precision (without "
        "it, nothing is prepared)",
    )
