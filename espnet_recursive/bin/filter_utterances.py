"""Copy a data directory without utterances that are too short, too long or empty (stage 4)."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, hertz, parser
from espnet_recursive.recipe.filter_utterances import filter_data_dir


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("source", help="data directory, as stage 3 writes it")
    p.add_argument("target", help="data directory to write")
    p.add_argument(
        "--fs", type=hertz, default="16k",
        help="sampling rate in Hz, or frames a second of features",
    )  # fmt: skip
    p.add_argument("--min_seconds", type=float, default=0.1, help="utterances must be longer")
    p.add_argument("--max_seconds", type=float, default=20.0, help="utterances must be shorter")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    filter_data_dir(**vars(get_parser().parse_args(cmd)))


if __name__ == "__main__":
    main()
