"""Refuse to go on with a training whose tokens have changed (stages 7 and 11)."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.trained_tokens import check_tokens


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("exp", help="experiment directory")
    p.add_argument("--token_list", required=True, help="tokens of the training to come")
    p.add_argument("--token_type", default="bpe", help="bpe, char or word")
    p.add_argument("--nbpe", type=int, help="number of subwords, for a list that is not there yet")
    p.add_argument("--option", default="asr_tag", help="option that names the experiment")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    number = args.nbpe if args.token_type == "bpe" else None
    check_tokens(args.exp, args.token_list, args.option, number)


if __name__ == "__main__":
    main()
