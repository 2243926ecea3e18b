"""Print sizes of encoders beside those in the paper.

Without files, all rows of the paper (conf/encoder). "layers" counts what
the paper counts, and what loops have for themselves, which is also in "private"; "encoder in all"
adds the input layer and the final norm; "GFLOP/s" are thousand million operations for each second
of audio, in an utterance of 30 s; "reduction" is that of the layers against the row that the
paper compares with.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.files.shared_files import encoder_file, paper_rows_dir


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("config", nargs="*", help="YAML with encoder and encoder_conf, or a row: L1")
    p.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="output")
    p.add_argument("--input_size", type=int, default=80, help="dimension of the features")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # These import ESPnet's encoders, for which a help should not wait.
    from tabulate import tabulate

    from espnet_recursive.analysis.paper.sizes import paper_table
    from espnet_recursive.model.parameters import measure_config

    configs = [encoder_file(name) for name in args.config] or _paper_configs()
    sizes = [measure_config(config, args.input_size, operations=True) for config in configs]
    rows = paper_table(sizes)
    if args.format == "json":
        for row, size in zip(rows, sizes, strict=True):
            row["recursion"] = asdict(size.shape)
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        row |= {key: f"{row[key]:,}" for key in ("layers", "private", "encoder in all")}
    style = {"text": "simple", "markdown": "pipe"}[args.format]
    align = ("left", "left", *["right"] * 8)
    print(tabulate(rows, headers="keys", tablefmt=style, colalign=align, disable_numparse=True))
    if any(row["row"] in ("B3", "L5") for row in rows):
        print(
            "\nB3 and L5: ESPnet's Branchformer layer differs a little from the one in the paper, "
            "whose\nprinted sizes no public layer has exactly."
        )


def _paper_configs() -> list[Path]:
    from espnet_recursive.analysis.paper.rows import PAPER_ROWS

    return [paper_rows_dir() / f"{name}.yaml" for name in PAPER_ROWS]


if __name__ == "__main__":
    main()
