"""Write the data directories of a corpus (stage 1)."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4

CORPORA: dict[str, Callable[..., list[Path]]] = {"mini_an4": prepare_mini_an4}


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("corpus", choices=sorted(CORPORA), help="which corpus")
    p.add_argument("--data_dir", default="data", help="where the data directories go")
    p.add_argument("--download_dir", default="downloads", help="where the corpus is or goes")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    for directory in CORPORA[args.corpus](args.data_dir, args.download_dir):
        print(directory)


if __name__ == "__main__":
    main()
