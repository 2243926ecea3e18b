"""Make a recipe's folder that needs no copy of the repository.

    recipe list
    recipe new my_corpus --from librispeech
    cd my_corpus && ./run.sh --help

The folder holds run.sh, the stage driver, YAMLs and encoder files, which are yours to change. The
commands of the stages come from the installed package.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.new_recipe import new_recipe, recipes


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("action", choices=("list", "new"), help="what to do")
    p.add_argument("folder", nargs="?", type=Path, help="new: the folder to make")
    p.add_argument("--from", dest="source", metavar="CORPUS", help="new: a recipe of the list")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    p = get_parser()
    args = p.parse_args(cmd)
    if args.action == "list":
        for name, path in recipes().items():
            heading = (path / "run.sh").read_text(encoding="utf-8").splitlines()[1]
            print(f"{name:<16}{heading.removeprefix('# ').partition('. ')[0].rstrip('.')}")
        return
    if args.folder is None or args.source is None:
        p.error("new needs a FOLDER and --from CORPUS: recipe list shows the corpora")
    new_recipe(args.folder, args.source)
    print(f"{args.folder}: change run.sh and conf/ as you like, then ./run.sh")


if __name__ == "__main__":
    main()
