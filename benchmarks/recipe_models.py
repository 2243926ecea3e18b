"""The recognisers of a recipe's training YAML, and a batch such as LibriSpeech has."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from espnet_recursive.recipe.train_config import read_encoder_config
from espnet_recursive.registry import import_quietly

#: About LibriSpeech's; lengths in seconds and tokens.
UTTERANCES, SECONDS, TOKENS, VOCABULARY = 2, 12, 41, 5000


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Give a script the training YAML and the encoders."""
    parser.add_argument("config", help="training YAML")
    parser.add_argument("--encoders", nargs="*", default=[], help="encoder files to lay over it")


def batch() -> tuple[torch.Tensor, ...]:
    """Speech, its lengths, text and its lengths, as the recognisers take them."""
    speech = torch.randn(UTTERANCES, SECONDS * 16000) / 10
    text = torch.randint(2, VOCABULARY - 1, (UTTERANCES, TOKENS))
    samples, tokens = (torch.full((UTTERANCES,), x.shape[1]) for x in (speech, text))
    return speech, samples, text, tokens


def recipe_models(
    options: argparse.Namespace, use_sdpa: bool | None = None
) -> Iterator[tuple[str, argparse.Namespace, torch.nn.Module]]:
    """Build the recogniser of each encoder, one after the other.

    Args:
        options: Those of :func:`add_model_options`.
        use_sdpa: For encoder and decoder; None for what the YAMLs say.

    Yields:
        Its name, ESPnet's arguments and the model.
    """
    task = import_quietly("espnet2.tasks.asr").ASRTask
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.txt"
        names = ["<blank>", "<unk>", *map(str, range(VOCABULARY - 3)), "<sos/eos>"]
        tokens.write_text("\n".join(names) + "\n")
        args = task.get_parser().parse_args(
            ["--config", options.config, "--token_list", str(tokens)]
        )
        for encoder in options.encoders or [None]:
            if encoder:
                vars(args).update(read_encoder_config(encoder))
            if use_sdpa is not None:
                for conf in (args.encoder_conf, args.decoder_conf):
                    conf["use_sdpa"] = use_sdpa
            model = task.build_model(argparse.Namespace(**vars(args)))
            yield Path(encoder or options.config).stem, args, model
