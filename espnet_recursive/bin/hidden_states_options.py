"""Options of the commands that look at an encoder's hidden states: which model, on what speech."""

import argparse
from pathlib import Path

from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.device_option import add_device_option


def add_hidden_states_options(parser: argparse.ArgumentParser, more_models: str = "") -> None:
    """Give a command --model, --audio, --data_dir and what goes with them.

    Args:
        parser: The parser of the command.
        more_models: What --model may be besides an ESPnet model, for its help.
    """
    parser.add_argument(
        "--model",
        required=True,
        help="experiment directory, zip file, tag of ESPnet's model zoo or Hugging Face id"
        + more_models,
    )
    parser.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    speech = parser.add_mutually_exclusive_group(required=True)
    speech.add_argument("--audio", nargs="+", default=[], metavar="FILE", help="audio of any kind")
    speech.add_argument(
        "--data_dir", type=Path, help="with wav.scp, or feats.scp for a model that takes features"
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="where the files go")
    parser.add_argument(
        "--max_utterances", type=int, help="at most this number, evenly spread over the data (all)"
    )
    add_device_option(parser, "where to encode")
    add_any_size_option(parser)
