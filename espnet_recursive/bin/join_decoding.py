"""Join what decoding jobs wrote into text, token, token_int and score; write rtf.txt and rtf.json.

The end of stage 12. The directory of the jobs holds keys.N.scp, output.N and asr_inference.N.log
of each job.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, hertz, parser
from espnet_recursive.recipe.join_decoding import join_decoding, write_real_time_factor


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument(
        "scp", type=Path, help="the utterances of the data set: its wav.scp or feats.scp"
    )
    p.add_argument("logdir", type=Path, help="directory of the jobs")
    p.add_argument("output_dir", type=Path, help="where the joined files go")
    p.add_argument(
        "--fs", type=hertz, default="16k",
        help="sampling rate in Hz, or frames a second of features",
    )  # fmt: skip
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    jobs = range(1, len(list(args.logdir.glob("keys.*.scp"))) + 1)
    join_decoding([args.logdir / f"output.{n}" for n in jobs], args.output_dir, args.scp)
    logs = [args.logdir / f"asr_inference.{n}.log" for n in jobs]
    write_real_time_factor(logs, args.fs, args.output_dir / "rtf.txt")


if __name__ == "__main__":
    main()
