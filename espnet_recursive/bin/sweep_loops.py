"""Decode a data set at several depths with one model, and say what accuracy and time each has.

    espnet-recursive sweep-loops exp/asr_L1 dump/raw/test --output_dir exp/asr_L1/loop_sweep \\
        --num_loops 1 2 3 5 8 --loop_exit latent labels --loop_exit_threshold 0.02 0.05 0.1

The model is loaded once; each utterance is decoded at all depths in turn, so that their times can
be compared. Written are loop_sweep.md, loop_sweep.json, loop_sweep.png and loop_sweep.svg, and a
folder for each depth with the transcripts and scores. The depth of the model's configuration is
always among them: the others are measured by it. A sweep that was stopped goes on where it was, and
more depths can be added to one that came to its end.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.asr.depth import Depth
from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import command, parser
from espnet_recursive.bin.device_option import add_device_option
from espnet_recursive.errors import UserError
from espnet_recursive.model.quiet import quiet_libraries
from espnet_recursive.registry import import_quietly


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument(
        "model", help="experiment directory, zip file, Hugging Face id, or tag of the model zoo"
    )
    p.add_argument("data_dir", type=Path, help="data directory, dump/raw/<set>")
    p.add_argument("--output_dir", type=Path, required=True, help="where everything goes")
    # The second names are those of earlier versions.
    p.add_argument(
        "--num_loops", "--loops", type=int, nargs="+", default=[], help="numbers of loops to try"
    )
    p.add_argument(
        "--loop_exit", "--criterion", nargs="+", default=[], metavar="CRITERION",
        help="exit criteria to try: latent, kl, labels, acceleration",
    )  # fmt: skip
    p.add_argument(
        "--loop_exit_threshold", "--thresholds", type=float, nargs="+", default=[],
        metavar="THRESHOLD", help="those of each criterion",
    )  # fmt: skip
    p.add_argument(
        "--loop_exit_min", "--min_loops", type=int, metavar="LOOPS",
        help="loops before a criterion may end them (1)",
    )  # fmt: skip
    p.add_argument(
        "--max_loss", type=_percent, default=1.0, metavar="PERCENT",
        help="more errors than with the model's configuration that are accepted, in percent",
    )  # fmt: skip
    p.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    p.add_argument(
        "--config",
        "--inference_config",
        type=Path,
        help="decoding YAML; without it, ESPnet's defaults",
    )
    add_device_option(p, "where to decode")
    p.add_argument(
        "--frames_per_second", type=float, default=100, help="of a model that takes features"
    )
    add_any_size_option(p)
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    depths = _depths(args)
    # These import ESPnet's tasks, for which a help should not wait.
    sweeps = import_quietly("espnet_recursive.analysis.loop_sweep")
    tables = import_quietly("espnet_recursive.analysis.loop_sweep_table")
    from espnet_recursive.analysis.loop_sweep_picture import plot_loop_sweep

    with quiet_libraries():
        model, origin, per_second = _load(args)
        configured = sweeps.configured_depth(model)
        depths = tables.in_order([configured, *depths, *tables.depths_before(args.output_dir)])
        sweeps.sweep(model, args.data_dir, depths, args.output_dir, origin)
    result = tables.evaluate(
        args.output_dir, args.data_dir, depths, configured, args.max_loss, per_second
    )
    table = tables.write_loop_sweep(result, args.output_dir)
    for suffix in (".png", ".svg"):
        plot_loop_sweep(result, table.with_suffix(suffix))
    print(table.read_text(encoding="utf-8"), end="")


def _percent(value: str) -> float:
    return float(value.removesuffix("%"))


def _depths(args: argparse.Namespace) -> list[Depth]:
    """The depths that are asked for."""
    if not args.num_loops and not args.loop_exit:
        raise UserError(
            "name depths to try, with --num_loops or with --loop_exit and --loop_exit_threshold"
        )
    if bool(args.loop_exit) != bool(args.loop_exit_threshold):
        raise UserError(
            "--loop_exit and --loop_exit_threshold go together: an utterance stops looping when a "
            "criterion is below a threshold"
        )
    if args.loop_exit_min is not None and not args.loop_exit:
        raise UserError("--loop_exit_min is for --loop_exit")
    return [Depth(num_loops=loops) for loops in args.num_loops] + [
        Depth(None, criterion, threshold, args.loop_exit_min)
        for criterion in args.loop_exit
        for threshold in args.loop_exit_threshold
    ]


def _load(args: argparse.Namespace) -> tuple[Any, dict[str, Any], float]:
    """The model, what a sweep with it is called, and the samples or frames of a second."""
    from espnet_recursive.model.checked_model import find_checked_model
    from espnet_recursive.model.model_input import input_features, sampling_rate

    decoding = import_quietly("espnet_recursive.publish.decoding")
    model = decoding.load_speech2text(
        args.model, args.model_file, args.config, args.device, any_size=args.any_size
    )
    files = find_checked_model(args.model, args.model_file, args.any_size).files
    sweeps = import_quietly("espnet_recursive.analysis.loop_sweep")
    origin = {
        "model": {key: _state(path) for key, path in files.items()},
        "decoding": decoding.decoding_options(args.config) if args.config else {},
        "data": _state(args.data_dir / sweeps.speech_table(model)),
        "device": args.device,
    }
    config = vars(model.asr_train_args)
    if input_features(config):
        return model, origin, args.frames_per_second
    rate = sampling_rate(config)
    sweeps.check_sampling_rate(args.data_dir, rate)
    return model, origin, rate


def _state(path: Path) -> list[Any]:
    """Path, size and time of a file, by which a changed file is recognised."""
    if not path.exists():
        raise UserError(f"{path} does not exist. Run the stage that writes it, or check the path.")
    status = path.resolve().stat()
    return [str(path.absolute()), status.st_size, status.st_mtime_ns]


if __name__ == "__main__":
    main()
