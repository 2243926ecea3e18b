"""Bytes that a forward pass of training keeps for the backward pass, for each second of audio.

    python benchmarks/training_memory.py egs2/librispeech/asr1/conf/train_asr_transformer.yaml \\
        --encoders conf/encoder/L1.yaml conf/encoder/B.yaml

Counted on a CPU under bf16 autocast, on two utterances of 12 s with 41 tokens each, about as
LibriSpeech has them; on a GPU the allocator, its kernels and fp32 norms come on top. "weights" are
those of training: parameters, gradients and two moments in fp32.
"""

import argparse

import torch
from recipe_models import SECONDS, UTTERANCES, add_model_options, batch, recipe_models
from tabulate import tabulate


def megabytes_a_second(model: torch.nn.Module) -> float:
    """Megabytes of distinct tensors, other than parameters, that one forward pass keeps."""
    parameters = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}  # the tensors too, so that no place is reused

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16),
    ):
        model.train()(*batch())
    return sum(size for size, _ in kept.values()) / 1e6 / UTTERANCES / SECONDS


def main() -> None:
    """Print a table, a row for each encoder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_model_options(parser)
    options = parser.parse_args()
    rows = []
    for name, _, model in recipe_models(options):
        weights = 16 * sum(parameter.numel() for parameter in model.parameters()) / 1e9
        rows.append((name, megabytes_a_second(model), weights))
    print(tabulate(rows, ["", "MB a second of audio", "weights GB"], floatfmt=".1f"))


if __name__ == "__main__":
    main()
