"""Batches and accumulation that keep a training YAML's optimiser step on other GPUs.

    batches=$(espnet-recursive batch-plan conf/train_asr_transformer.yaml --ngpu 2)
    lm_batches=$(espnet-recursive batch-plan conf/train_lm_transformer.yaml --ngpu 2)
    ./run.sh --ngpu 2 --asr_args "${batches}" --lm_args "${lm_batches}"

Standard output has the arguments of asr_train or lm_train alone, standard error what they mean.
"""

import argparse
import logging
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.batch_plan import plan_batches


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("config", help="training YAML")
    p.add_argument("--ngpu", type=int, default=1, help="GPUs of a node")
    p.add_argument("--num_nodes", type=int, default=1, help="nodes")
    p.add_argument("--gpu_memory", type=float, default=80, help="memory of a GPU in GB")
    p.add_argument(
        "--per_gpu",
        type=float,
        help="what a GPU holds at a time: seconds of audio, or tokens of a language model "
        "(batch_type length; by default guessed from --gpu_memory), or utterances (batch_type "
        "sorted; by default the YAML's batch)",
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    plan = plan_batches(args.config, args.ngpu * args.num_nodes, args.gpu_memory, args.per_gpu)
    logging.info("%s", plan)
    print(plan.arguments)


if __name__ == "__main__":
    main()
