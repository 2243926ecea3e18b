"""Have ESPnet check training YAMLs, and build their encoder, before hours of preparation.

Unknown keys, wrong types and impossible encoders end with a message and status 1.
"""

import argparse
import shlex
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.train_config import (
    check_asr_config,
    check_gpus,
    check_lm_config,
)


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--asr_config", help="training YAML of the recogniser")
    p.add_argument("--asr_args", default="", help="further arguments of asr_train, in one string")
    p.add_argument("--lm_config", help="training YAML of the language model")
    p.add_argument("--lm_args", default="", help="further arguments of lm_train, in one string")
    p.add_argument("--ngpu", type=int, default=0, help="GPUs that training asks for")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    check_gpus(args.ngpu)
    if args.asr_config:
        check_asr_config(args.asr_config, shlex.split(args.asr_args))
    if args.lm_config:
        check_lm_config(args.lm_config, shlex.split(args.lm_args))


if __name__ == "__main__":
    main()
