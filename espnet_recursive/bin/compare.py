"""Compare trained models: sizes, losses, error rates, transcripts, and their learning curves.

    compare exp/asr_baseline... exp/asr_recursive... --data_dir dump/raw/test --picture curves.png

The first model is the one that the others' sizes are measured by.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.scoring import UNITS


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("experiment", nargs="+", type=Path, help="directory of a trained model")
    p.add_argument(
        "--data_dir", nargs="*", default=[], type=Path, help="data sets whose transcripts to show"
    )
    p.add_argument("--utterances", type=int, default=5, help="transcripts of each data set")
    p.add_argument("--units", nargs="+", choices=sorted(UNITS), default=["wer"], help="error rates")
    p.add_argument("--picture", type=Path, help="where to draw the learning curves (.png, .svg)")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    from espnet_recursive.analysis.compare import (
        comparison_table,
        plot_learning_curves,
        transcripts,
    )
    from espnet_recursive.analysis.experiment import read_experiment

    experiments = [read_experiment(path) for path in args.experiment]
    rows = comparison_table(experiments, args.units)
    # Models stand side by side and figures one below the other: many figures, few models.
    keys = dict.fromkeys(key for row in rows for key in row)
    figures = [[key, *(row.get(key, "") for row in rows)] for key in keys]
    print(tabulate(figures[1:], headers=figures[0], tablefmt="simple", disable_numparse=True,
                   colalign=("left", *["right"] * len(rows))))  # fmt: skip
    if args.data_dir:
        print("\n" + "\n".join(transcripts(experiments, args.data_dir, args.utterances)))
    if args.picture:
        print(f"\nLearning curves: {plot_learning_curves(experiments, args.picture).resolve()}")


if __name__ == "__main__":
    main()
