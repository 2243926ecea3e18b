"""Print the part of a training's settings that its statistics, or its model, depend on.

    settings_of --config conf/train_asr.yaml statistics --max_epoch 3 --frontend_conf n_fft=400
    settings_of --config exp/asr_L1/config.yaml model

asr.sh keeps the line with what was made, and makes it again when the line is another.
"""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.settings_of import settings_of_model, settings_of_statistics


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--config", help="training YAML, or config.yaml of a trained model")
    p.add_argument("of", choices=("statistics", "model"), help="what depends on the settings")
    p.add_argument("arguments", nargs=argparse.REMAINDER, help="further arguments of the training")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    if args.of == "statistics":
        print(settings_of_statistics(args.config, args.arguments))
    elif args.config is None:
        get_parser().error("of a model, --config is required")
    else:
        print(settings_of_model(args.config))


if __name__ == "__main__":
    main()
