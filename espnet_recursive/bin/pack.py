"""Pack a trained model into one file that others load (stage 14).

The options are those of `espnet2.bin.pack asr`, and so is the file: ESPnet's own loader takes it.
The pack also holds a model card (README.md), the files that the configuration names and decoding
reads, and in meta.yaml the versions that the model needs and the recursion that it was trained
with. A checkpoint that does not fit its configuration is not packed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.model.quiet import quiet_libraries
from espnet_recursive.registry import import_quietly


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--asr_train_config", type=Path, required=True, help="config.yaml of the model")
    p.add_argument("--asr_model_file", type=Path, required=True, help="its checkpoint")
    p.add_argument("--lm_train_config", type=Path, help="config.yaml of its language model")
    p.add_argument("--lm_file", type=Path, help="checkpoint of its language model")
    p.add_argument(
        "--option", type=Path, action="append", default=[], help="another file to pack; repeatable"
    )
    p.add_argument("--outpath", "--output", type=Path, required=True, help="the zip file to write")
    p.add_argument(
        "--license", default="cc-by-4.0", help="licence of the weights, by the hub's name for it"
    )
    p.add_argument("--lang", help="language of the speech, by its ISO 639 code")
    p.add_argument(
        "--dataset", action="append", default=[], help="what it was trained on; repeatable"
    )
    p.add_argument(
        "--inference_config", type=Path, help="decoding YAML of the results, for the model card"
    )
    p.add_argument(
        "--half_precision",
        action="store_true",
        help="store weights in float16: half the size, read by ESPnet as they are",
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.publish.pack import Publication, TrainedModel, pack

    decoding_options = import_quietly("espnet_recursive.publish.decoding").decoding_options
    model = TrainedModel(
        asr_train_config=args.asr_train_config,
        asr_model_file=args.asr_model_file,
        lm_train_config=args.lm_train_config,
        lm_file=args.lm_file,
        option=tuple(args.option),
    )
    publication = Publication(
        license=args.license,
        lang=args.lang,
        datasets=tuple(args.dataset),
        decoding=decoding_options(args.inference_config) if args.inference_config else {},
    )
    with quiet_libraries():
        pack(model, publication, args.outpath, args.half_precision)
    print(args.outpath)


if __name__ == "__main__":
    main()
