"""Write RESULTS.md of an experiment from the scores of its decodings, and print it (stage 13)."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("asr_exp", type=Path, help="experiment directory, exp/asr_...")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # Imports torch, for which a help should not wait.
    from espnet_recursive.recipe.results import write_results

    print(write_results(args.asr_exp).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
