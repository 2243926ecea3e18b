"""Write our error rates beside the paper's: RESULTS_PAPER.md, and the same as JSON.

    paper_results exp --rows B R1 L1

A model belongs to a row if its encoder is that of conf/encoder/<row>.yaml, with all options,
whatever its directory is called. Rows without a model stand there as not run. Of models that differ
in nothing but their seed the table has the mean. Rows that are smaller than the paper's rows of
the same name (--rows_dir) stand beside its figures for the order of the rows alone. The paper's
claims on two rows are looked at where both have results: supported, contradicted or not resolved.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.files.shared_files import paper_rows_dir


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("folder", nargs="+", type=Path, help="experiments, or folders of such")
    p.add_argument("--rows", nargs="+", required=True, help="rows of the table, in its order")
    p.add_argument("--rows_dir", type=Path, help="folder of their encoder files, conf/encoder")
    p.add_argument("--decoding", default="*", help="only decodings of such a name, as *_lm_*")
    p.add_argument("--output", type=Path, help="RESULTS_PAPER.md in the first folder by default")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    from espnet_recursive.analysis.paper.results import read_rows
    from espnet_recursive.analysis.paper.table import write_paper_results

    output = args.output or args.folder[0] / "RESULTS_PAPER.md"
    rows = args.rows_dir or paper_rows_dir()
    write_paper_results(read_rows(args.rows, rows, args.folder, args.decoding), output)
    print(output.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
