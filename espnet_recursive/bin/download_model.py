"""Lay a published model out as an experiment directory, for the stages of decoding (12-13).

Prints what those stages need to know, as lines name=value: inference_asr_model, inference_lm (empty
without a language model, which otherwise stands in <asr_exp>/lm), token_type, bpemodel and fs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import command, parser
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("model", help="Hugging Face id, tag of ESPnet's model zoo, or zip file")
    p.add_argument("asr_exp", type=Path, help="experiment directory to write")
    add_any_size_option(p)
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # Imports ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.publish.download_model import download_model

    with quiet_libraries():
        names = download_model(args.model, args.asr_exp, args.any_size)
    for name, value in names.items():
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
