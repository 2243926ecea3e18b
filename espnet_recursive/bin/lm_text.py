"""Write texts for a language model into one, with plain spaces and without empty sentences."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.lm_text import write_lm_text


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("text", nargs="+", help="files of lines 'id words'")
    p.add_argument("--output", required=True, help="file to write; the same content stays as it is")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    write_lm_text(args.text, args.output)


if __name__ == "__main__":
    main()
