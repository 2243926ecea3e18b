"""Check the options of asr.sh, and print its variables as assignments that bash reads.

    asr_options --called_as ./run.sh -- --stage 3 --train_set train ...

prints lines name='value' and name=('word' 'word'): the options, and the names that follow from
them. With --help_wanted the one line is help='...'. A mistake ends with a sentence and status 2.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.driver.checks import check
from espnet_recursive.recipe.driver.names import stage_settings
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.parse import help_message, parse, with_encoder_file
from espnet_recursive.recipe.driver.shell import assignments


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--called_as", default="asr.sh", help="name of the script in messages")
    p.add_argument("--help_wanted", action="store_true", help="print the help as a variable")
    p.add_argument(
        "--published",
        help="what download_model prints, where its model takes the place of training",
    )
    p.add_argument("options", nargs=argparse.REMAINDER, help="-- and the options of asr.sh")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    try:
        values = parse(args.options[1:] if args.options[:1] == ["--"] else args.options)
        if args.help_wanted:
            print(assignments({"help": help_message(values, args.called_as)}))
            return
        values = with_encoder_file(values)
        published = None
        if args.published is not None:
            published = dict(line.split("=", 1) for line in args.published.splitlines())
        check(values, os.environ)
        print(assignments(stage_settings(values, published)))
    except UsageError as error:
        print(f"{args.called_as}: {error}\nSee {args.called_as} --help", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
