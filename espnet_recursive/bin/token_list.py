"""Train a sentencepiece model and write the token list (stage 5, --token_type bpe)."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.token_list import read_nlsyms, read_sentences, train_bpe


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("text", nargs="+", help="files of lines 'id words'")
    p.add_argument("--output_dir", required=True, help="where bpe.model and tokens.txt go")
    p.add_argument("--nbpe", type=int, default=30, help="size of the vocabulary")
    p.add_argument("--bpemode", choices=("unigram", "bpe"), default="unigram", help="model")
    p.add_argument(
        "--bpe_nlsyms",
        default="",
        help="symbols never split, separated by commas, or a file with one in each line",
    )
    p.add_argument("--bpe_char_cover", type=float, default=1.0, help="share of characters covered")
    p.add_argument(
        "--bpe_input_sentence_size", type=int, default=100_000_000, help="most sentences to use"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    train_bpe(
        (sentence for text in args.text for sentence in read_sentences(text)),
        args.output_dir,
        nbpe=args.nbpe,
        bpemode=args.bpemode,
        nlsyms=read_nlsyms(args.bpe_nlsyms),
        character_coverage=args.bpe_char_cover,
        input_sentence_size=args.bpe_input_sentence_size,
    )


if __name__ == "__main__":
    main()
