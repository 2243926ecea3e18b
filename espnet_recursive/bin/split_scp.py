"""Split a list of utterances for jobs that run side by side, and print the number of jobs."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.split_scp import split_scp


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("scp", help="table of the utterances, such as wav.scp or text")
    p.add_argument("output_dir", help="where NAME.1.scp to NAME.N.scp go")
    p.add_argument("--nj", type=int, default=1, help="number of jobs, at most")
    p.add_argument("--name", default="keys", help="first part of the files' names")
    p.add_argument(
        "--longest_first", action="store_true", help="order each list by length, if it is known"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    print(split_scp(**vars(get_parser().parse_args(cmd))))


if __name__ == "__main__":
    main()
