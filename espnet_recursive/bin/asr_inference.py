"""ESPnet's asr_inference with depth and precision of the encoder among its options.

    python -m espnet_recursive.bin.asr_inference --num_loops 3 ...
    python -m espnet_recursive.bin.asr_inference --loop_exit latent --loop_exit_threshold 0.05 ...

All options of espnet2.bin.asr_inference mean what they mean there; the depth may also stand in the
YAML of --config. Models are refused where ESPnet would load other weights than the configuration
says, utterances of a batch are encoded each alone, and 1best_recog also has encoder_seconds, loops
and executed_layers of each utterance.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from espnet_recursive.asr.depth import add_depth_options
from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import Help
from espnet_recursive.errors import UserError
from espnet_recursive.espnet_versions import inference_parser
from espnet_recursive.files.access_tokens import without_tokens
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.registry import import_quietly
from espnet_recursive.speed.precision import add_precision_option


def get_parser() -> argparse.ArgumentParser:
    """The parser of ESPnet's command with our options."""
    parser = inference_parser()
    parser.description = __doc__
    parser.formatter_class = Help
    for action in parser._actions:
        # ESPnet's help of ctc_window_margin says "3.19% CER", which argparse takes for a format.
        action.help = re.sub(r"%(?![(%])", "%%", action.help or "")
    add_depth_options(parser)
    add_precision_option(parser)
    add_any_size_option(parser)
    return parser


def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command. Its log is ESPnet's, with times, from which rtf.txt is computed."""
    from espnet2.legacy.utils.cli_utils import get_commandline_args

    print(without_tokens(get_commandline_args()), file=sys.stderr)
    try:
        _check_config(cmd)
        options = vars(get_parser().parse_args(cmd))
        del options["config"]
        import_quietly("espnet_recursive.publish.asr_inference").inference(options)
    except UserError as error:
        raise SystemExit(f"Error: {error}") from error


def _check_config(cmd: Sequence[str] | None) -> None:
    """Refuse a file of --config that is no YAML; ESPnet's parser ends in a traceback."""
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config")
    if path := config.parse_known_args(cmd)[0].config:
        read_yaml(path)


if __name__ == "__main__":
    main()
