"""Write a data directory of features that were computed before, with their sizes (stage 3)."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.format_feats import format_feats


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("source", help="data directory with feats.scp, text and utt2spk")
    p.add_argument("target", help="data directory to write")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    format_feats(**vars(get_parser().parse_args(cmd)))


if __name__ == "__main__":
    main()
