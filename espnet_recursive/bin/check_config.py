"""Have ESPnet check training and decoding YAMLs, and build the encoder, before hours of work.

Unknown keys, wrong types and impossible encoders end with a message and status 1.
"""

import argparse
import shlex
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.train_config import (
    check_asr_config,
    check_gpus,
    check_inference_config,
    check_lm_config,
)


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--asr_config", help="training YAML of the recogniser")
    p.add_argument("--asr_args", default="", help="further arguments of asr_train, in one string")
    p.add_argument("--fs", help="sampling rate of the audio that the recogniser is trained on")
    p.add_argument("--lm_config", help="training YAML of the language model")
    p.add_argument("--lm_args", default="", help="further arguments of lm_train, in one string")
    p.add_argument("--inference_config", help="decoding YAML")
    p.add_argument(
        "--inference_args", default="", help="further arguments of asr_inference, in one string"
    )
    p.add_argument("--ngpu", type=int, default=0, help="GPUs that training asks for")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    check_gpus(args.ngpu)
    if args.asr_config:
        check_asr_config(args.asr_config, shlex.split(args.asr_args), args.fs)
    if args.lm_config:
        check_lm_config(args.lm_config, shlex.split(args.lm_args))
    inference_args = shlex.split(args.inference_args)
    if args.inference_config or inference_args:
        check_inference_config(args.inference_config, inference_args)


if __name__ == "__main__":
    main()
