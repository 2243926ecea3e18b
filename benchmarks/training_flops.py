"""What a training of a recipe computes, from which the time on GPUs is estimated.

    python benchmarks/training_flops.py egs2/librispeech/asr1/conf/train_asr_transformer.yaml \\
        --encoders conf/encoder/L1.yaml conf/encoder/B.yaml

torch's FlopCounterMode counts the matrix products and convolutions of a forward pass on two
utterances of 12 s with 41 tokens each, about as LibriSpeech has them; with the backward pass it is
three times that. A training hears `--hours` in each of the YAML's epochs. GPU hours follow from
what the GPU computes: `--tflops`, of which `--share` is reached. Both are guesses; reading audio,
decoding FLAC and waiting for others come on top.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from tabulate import tabulate
from torch.utils.flop_counter import FlopCounterMode

from espnet_recursive.recipe.train_config import read_encoder_config
from espnet_recursive.registry import import_quietly

UTTERANCES, SECONDS, TOKENS, VOCABULARY = 2, 12, 41, 5000


def flops_a_second(model: torch.nn.Module) -> float:
    """Floating point operations of a training step for each second of its audio."""
    samples = SECONDS * 16000
    speech = torch.randn(UTTERANCES, samples) / 10
    text = torch.randint(2, VOCABULARY - 1, (UTTERANCES, TOKENS))
    lengths = torch.full((UTTERANCES,), samples), torch.full((UTTERANCES,), TOKENS)
    # Of a backward pass the counter takes depthwise convolutions for dense ones.
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.train()(speech, lengths[0], text, lengths[1])
    return 3 * counter.get_total_flops() / UTTERANCES / SECONDS


def main() -> None:
    """Print a table, a row for each encoder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("config", help="training YAML")
    parser.add_argument("--encoders", nargs="*", default=[], help="encoder files to lay over it")
    parser.add_argument("--hours", type=float, default=960, help="hours of audio in an epoch (960)")
    parser.add_argument("--tflops", type=float, default=312, help="of the GPU, bf16 (312: A100)")
    parser.add_argument("--share", type=float, default=0.3, help="of them that is reached (0.3)")
    options = parser.parse_args()
    task = import_quietly("espnet2.tasks.asr").ASRTask
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.txt"
        names = ["<blank>", "<unk>", *map(str, range(VOCABULARY - 3)), "<sos/eos>"]
        tokens.write_text("\n".join(names) + "\n")
        args = task.get_parser().parse_args(
            ["--config", options.config, "--token_list", str(tokens)]
        )
        rows = []
        for encoder in options.encoders or [None]:
            if encoder:
                vars(args).update(read_encoder_config(encoder))
            for conf in (args.encoder_conf, args.decoder_conf):
                conf["use_sdpa"] = False  # whose products are not counted on a CPU
            flops = flops_a_second(task.build_model(argparse.Namespace(**vars(args))))
            total = flops * options.hours * 3600 * args.max_epoch
            hours = total / (options.tflops * 1e12 * options.share) / 3600
            name = Path(encoder or options.config).stem
            rows.append((name, flops / 1e9, total / 1e18, hours))
    print(tabulate(rows, ["", "GFLOP/s of audio", "EFLOP", "GPU hours"], floatfmt=".1f"))


if __name__ == "__main__":
    main()
