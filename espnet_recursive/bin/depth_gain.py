"""The change of the error rate with depth, by difficulty and by length (Figure 3).

    espnet-recursive depth-gain exp/asr_B/decode/test exp/asr_L1/decode/test --output_dir exp/gain

The two are decodings of one data set, scored (stage 13). Written are depth_gain.md and .json, .png
and .svg: how much the second model changes the error rate in bins of the utterances' error rate and
of the references' length, with 95 % intervals over utterances that are drawn for both alike.

Bins of the first model's errors favour the second model (regression to the mean), so the same is
shown with bins of the second's errors and of the mean of both. --bin_by takes a third decoding of
the data set, such as one by the first model with another seed, whose bins favour neither.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    from espnet_recursive.analysis.depth_gain import ERROR_EDGES, LENGTH_EDGES

    p = parser(__doc__)
    p.add_argument("baseline", type=Path, help="exp/<model>/<decoding>/<data set> of the baseline")
    p.add_argument("other", type=Path, help="that of the other model")
    p.add_argument("--output_dir", type=Path, required=True, help="where everything goes")
    p.add_argument(
        "--unit", choices=("wer", "cer"), default="wer", help="what errors are counted in"
    )
    p.add_argument(
        "--bin_by", type=Path, metavar="DECODING", help="a third decoding to bin by, too"
    )
    p.add_argument(
        "--error_edges", type=float, nargs="+", default=list(ERROR_EDGES), metavar="PERCENT",
        help="upper ends of the bins of error rates",
    )  # fmt: skip
    p.add_argument(
        "--length_edges", type=int, nargs="+", default=list(LENGTH_EDGES), metavar="UNITS",
        help="upper ends of the bins of lengths, in words, or in characters for the cer",
    )  # fmt: skip
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    from espnet_recursive.analysis.depth_gain import depth_gain
    from espnet_recursive.analysis.depth_gain_picture import plot_depth_gain
    from espnet_recursive.analysis.depth_gain_table import write_depth_gain

    result = depth_gain(
        args.baseline, args.other, args.unit, args.bin_by, args.error_edges, args.length_edges
    )
    table = write_depth_gain(result, args.output_dir)
    plot_depth_gain(result, [table.with_suffix(suffix) for suffix in (".png", ".svg")])
    print(table.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
