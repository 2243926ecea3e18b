"""The precision of the encoder at inference as an option of commands; see :mod:`.prepared`."""

import argparse

#: "float32" computes what an unprepared encoder does, up to rounding.
PRECISIONS = ("float32", "bfloat16", "int8")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Give a command ``--encoder_precision``."""
    parser.add_argument(
        "--encoder_precision",
        choices=PRECISIONS,
        help="prepare the encoder's weights once, for faster inference, in this precision (the "
        "encoder stays as it is)",
    )
