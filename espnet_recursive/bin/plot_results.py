"""Draw the error rates of a table's rows over loops, parameters or executed layers.

    espnet-recursive plot-results exp --x loops
    espnet-recursive plot-results exp --x parameters --test_sets test --output table1.svg table1.png

Reads RESULTS_PAPER.json, which paper-results and run_paper.sh write. Over the loops are the rows
that differ in nothing else, as in Table 2; --sweep adds models that were decoded at several depths,
from loop_sweep.json. Over the parameters are rows as in Tables 1 and 3, over the executed layers
all. Points are means over seeds, with 95 % intervals, and single seeds; the paper's are grey.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser

#: Those of analysis/paper/points.py, which imports torch, for which a help should not wait.
AXES = ("loops", "parameters", "executed")


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("results", type=Path, help="RESULTS_PAPER.json, or the folder that it is in")
    p.add_argument("--x", choices=AXES, default="loops", help="what the axis shows")
    p.add_argument("--test_sets", nargs="+", default=[], help="data sets; all by default")
    p.add_argument("--rows", nargs="+", default=[], help="rows to choose from; all by default")
    p.add_argument("--decoding", help="the decoding; that which most rows have by default")
    p.add_argument("--sweep", type=Path, nargs="+", default=[], help="loop_sweep.json of a model")
    p.add_argument(
        "--output", type=Path, nargs="+", default=[],
        help="pictures (.png, .svg, .pdf); results_<x>.png and .svg beside the table by default",
    )  # fmt: skip
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    from espnet_recursive.analysis.paper.picture import plot_results
    from espnet_recursive.analysis.paper.points import panels, read_results
    from espnet_recursive.errors import UserError

    rows = read_results(args.results)
    names = [row["row"] for row in rows]
    if unknown := [name for name in args.rows if name not in names]:
        raise UserError(f"--rows {' '.join(unknown)}: the table has {', '.join(names)}.")
    chosen = [row for row in rows if row["row"] in (args.rows or names)]
    folder = args.results if args.results.is_dir() else args.results.parent
    outputs = args.output or [folder / f"results_{args.x}{end}" for end in (".png", ".svg")]
    plot_results(panels(chosen, args.x, args.test_sets, args.decoding, args.sweep), args.x, outputs)
    print("\n".join(map(str, outputs)))


if __name__ == "__main__":
    main()
