"""Make a trained stock model recursive, unroll a recursive one, or give one of features a frontend.

    espnet-recursive convert recursive --model exp/asr_B --output_dir exp/asr_L1 \\
        --prelude_blocks 2 --recurrent_blocks 4 --coda_blocks 2 --num_loops 5
    espnet-recursive convert stock --model exp/asr_L1 --output_dir exp/asr_L1_unrolled
    espnet-recursive convert audio --model exp/asr_an4 --output_dir exp/asr_an4_audio \\
        --frontend sphinx_mfcc --frontend_conf cmn=utterance

The output is an experiment's folder that ESPnet and this package load. How close the new model is
to the old one is printed, and written into the folder as conversion.md and conversion.json.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    directions = p.add_subparsers(
        dest="direction", required=True, metavar="DIRECTION", help="which way; each has --help"
    )
    for name, does, add_options in (
        ("recursive", "make a stock model of N layers recursive", _add_recursive_options),
        ("stock", "unroll a recursive model into a stock one", _add_stock_options),
        ("audio", "have a model of features take audio, by a frontend", _add_audio_options),
    ):
        direction = directions.add_parser(
            name, help=does, description=does, formatter_class=p.formatter_class
        )
        _add_common_options(direction)
        add_options(direction)
    return p


#: The keys of RecursionShape with its defaults, and the names of METHODS of layer_sources: both
#: import torch, for which a help should not wait.
SHAPE = {
    "recurrent_blocks": (4, "n_r, layers of the recurrent block"),
    "num_loops": (5, "L; n_p + n_r * L + n_c must be the layers that the model has"),
    "prelude_blocks": (2, "n_p, layers before the loops"),
    "coda_blocks": (2, "n_c, layers after the loops"),
}
METHODS = ("average", "pick", "stepwise")


def _add_common_options(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--model", required=True, help="experiment directory, pack (.zip), hub id or zoo tag"
    )
    p.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    p.add_argument(
        "--output_dir", "--output", type=Path, required=True, help="the new experiment directory"
    )
    add_any_size_option(p)


def _add_compared_option(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--audio",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="audio or wav.scp to compare the two on; without it, random input",
    )


def _add_recursive_options(p: argparse.ArgumentParser) -> None:
    _add_compared_option(p)
    for key, (default, meaning) in SHAPE.items():
        p.add_argument(f"--{key}", type=int, default=default, help=meaning)
    p.add_argument(
        "--method", choices=METHODS, default="average", help="how the recurrent block starts"
    )
    p.add_argument(
        "--pick_loop", type=int, default=1, help="the loop whose layers --method pick takes"
    )
    p.add_argument("--loop_norms", action="store_true", help="each loop keeps its layer norms")
    p.add_argument(
        "--rank",
        type=int,
        default=0,
        help="rank of what each loop keeps of its projections; 0: nothing",
    )
    p.add_argument(
        "--target_modules",
        nargs="+",
        default=[],
        metavar="NAME",
        help="projections that --rank is for, by the ends of their names; without it, all",
    )


def _add_stock_options(p: argparse.ArgumentParser) -> None:
    _add_compared_option(p)
    p.add_argument("--num_loops", type=int, help="depth; without it, that of inference")


def _add_audio_options(p: argparse.ArgumentParser) -> None:
    p.add_argument("--frontend", required=True, help="kaldi_fbank or sphinx_mfcc")
    p.add_argument(
        "--frontend_conf",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="its options, as the features of the training were made; fs is 16000 without it",
    )
    p.add_argument(
        "--audio", type=Path, metavar="SCP", help="wav.scp of utterances to compare features of"
    )
    p.add_argument("--feats", type=Path, metavar="SCP", help="feats.scp of the same utterances")


def _options(words: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value``; values as in a YAML."""
    options = {}
    for word in words:
        key, equals, value = word.partition("=")
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not (key and equals):
            raise UserError(f"--frontend_conf {word}: expected key=value, as cmn=utterance")
    return options


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.convert.convert import (
        convert_to_audio,
        convert_to_recursive,
        convert_to_stock,
    )
    from espnet_recursive.convert.to_recursive import Start

    if args.direction == "audio":
        with quiet_libraries():
            report = convert_to_audio(
                *(args.model, args.output_dir, args.frontend, _options(args.frontend_conf)),
                *(args.model_file, args.audio, args.feats, args.any_size),
            )
    elif args.direction == "stock":
        with quiet_libraries():
            report = convert_to_stock(
                args.model,
                args.output_dir,
                args.num_loops,
                args.model_file,
                args.audio,
                args.any_size,
            )
    else:
        shape = {key: getattr(args, key) for key in SHAPE}
        start = {field.name: getattr(args, field.name) for field in fields(Start)}
        with quiet_libraries():
            report = convert_to_recursive(
                *(args.model, args.output_dir, shape, Start(**start)),
                *(args.model_file, args.audio, args.any_size),
            )
    print(report.as_markdown())
    print(args.output_dir)


if __name__ == "__main__":
    main()
