"""Operations of a training of a recipe, from which the time on GPUs is estimated.

    python benchmarks/training_flops.py egs2/librispeech/asr1/conf/train_asr_transformer.yaml \\
        --encoders conf/encoder/L1.yaml conf/encoder/B.yaml

torch's FlopCounterMode counts the matrix products and convolutions of a forward pass on two
utterances of 12 s with 41 tokens each, about as LibriSpeech has them; with the backward pass it is
three times that. A training hears `--hours` in each of the YAML's epochs. GPU hours follow from
what the GPU computes: `--tflops`, of which `--share` is reached. Both are guesses; reading audio,
decoding FLAC and waiting for others come on top.
"""

import argparse

import torch
from recipe_models import SECONDS, UTTERANCES, add_model_options, batch, recipe_models
from tabulate import tabulate
from torch.utils.flop_counter import FlopCounterMode


def flops_a_second(model: torch.nn.Module) -> float:
    """Floating point operations of a training step for each second of its audio."""
    # Of a backward pass the counter takes depthwise convolutions for dense ones.
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.train()(*batch())
    return 3 * counter.get_total_flops() / UTTERANCES / SECONDS


def main() -> None:
    """Print a table, a row for each encoder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_model_options(parser)
    parser.add_argument("--hours", type=float, default=960, help="hours of audio in an epoch (960)")
    parser.add_argument("--tflops", type=float, default=312, help="of the GPU, bf16 (312: A100)")
    parser.add_argument("--share", type=float, default=0.3, help="of them that is reached (0.3)")
    options = parser.parse_args()
    rows = []
    # The products within SDPA are not counted on a CPU.
    for name, args, model in recipe_models(options, use_sdpa=False):
        flops = flops_a_second(model)
        total = flops * options.hours * 3600 * args.max_epoch
        hours = total / (options.tflops * 1e12 * options.share) / 3600
        rows.append((name, flops / 1e9, total / 1e18, hours))
    print(tabulate(rows, ["", "GFLOP/s of audio", "EFLOP", "GPU hours"], floatfmt=".1f"))


if __name__ == "__main__":
    main()
