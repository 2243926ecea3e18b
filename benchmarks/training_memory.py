"""What a forward pass of training keeps for the backward pass, for each second of audio.

    python benchmarks/training_memory.py egs2/librispeech/asr1/conf/train_asr_transformer.yaml \\
        --encoders conf/encoder/L1.yaml conf/encoder/B.yaml

Counted on a CPU under bf16 autocast, on two utterances of 12 s with 41 tokens each, about as
LibriSpeech has them; on a GPU the allocator, its kernels and fp32 norms come on top. "weights" are
those of training: parameters, gradients and two moments in fp32.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from tabulate import tabulate

from espnet_recursive.recipe.train_config import read_encoder_config
from espnet_recursive.registry import import_quietly

UTTERANCES, SECONDS, TOKENS, VOCABULARY = 2, 12, 41, 5000


def megabytes_a_second(model: torch.nn.Module) -> float:
    """Megabytes of distinct tensors, other than parameters, that one forward pass keeps."""
    parameters = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}  # the tensors too, so that no place is reused

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    samples = SECONDS * 16000
    speech = torch.randn(UTTERANCES, samples) / 10
    text = torch.randint(2, VOCABULARY - 1, (UTTERANCES, TOKENS))
    lengths = torch.full((UTTERANCES,), samples), torch.full((UTTERANCES,), TOKENS)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16),
    ):
        model.train()(speech, lengths[0], text, lengths[1])
    return sum(size for size, _ in kept.values()) / 1e6 / UTTERANCES / SECONDS


def main() -> None:
    """Print a table, a row for each encoder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("config", help="training YAML")
    parser.add_argument("--encoders", nargs="*", default=[], help="encoder files to lay over it")
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
            model = task.build_model(argparse.Namespace(**vars(args)))
            weights = 16 * sum(parameter.numel() for parameter in model.parameters()) / 1e9
            name = Path(encoder or options.config).stem
            rows.append((name, megabytes_a_second(model), weights))
    print(tabulate(rows, ["", "MB a second of audio", "weights GB"], floatfmt=".1f"))


if __name__ == "__main__":
    main()
