"""Write the training YAML that ESPnet reads: a training YAML with an encoder file laid over it.

The encoder file, such as conf/encoder/L1.yaml, has the keys encoder and encoder_conf. Of another
encoder, it takes the place of both; of the same, its options go over those of the training YAML,
which keeps the others. A frontend takes the place of another with all of its options. A message and
status 1 say what is wrong with either file.
"""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.train_config import merge_train_config


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--config", required=True, help="training YAML")
    p.add_argument("--encoder_config", help="YAML with encoder and encoder_conf")
    p.add_argument("--frontend", help="name of the frontend, in the place of the YAML's")
    p.add_argument("--output", required=True, help="YAML to write")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    merge_train_config(**vars(get_parser().parse_args(cmd)))


if __name__ == "__main__":
    main()
