"""Write a model's encoder as an ONNX file, for onnxruntime on a device.

    espnet-recursive export --model exp/asr_L1 --onnx L1.onnx
    espnet-recursive export --model exp/asr_L1 --onnx L1_int8.onnx --int8 --loops_as_input

The file takes normalised features and gives the encoder's output, and the CTC head's log posteriors
of the tokens. A recursive encoder's recurrent block stands in it once and loops there. Printed are
its inputs and outputs, and how close it is to PyTorch; a file that is not is not written.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import command, parser
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument(
        "--model", required=True, help="experiment directory, pack (.zip), hub id or zoo tag"
    )
    p.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    p.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file to write")
    p.add_argument("--num_loops", type=int, help="loops; without it, those of inference")
    p.add_argument(
        "--loops_as_input",
        action="store_true",
        help="have the file take the number of loops; the above is what it runs without one",
    )
    p.add_argument("--int8", action="store_true", help="quantise the weights, to a quarter")
    p.add_argument("--no_ctc", action="store_true", help="leave the CTC head out")
    p.add_argument(
        "--audio",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="audio or wav.scp to compare the file with PyTorch on; without it, random input",
    )
    add_any_size_option(p)
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    from espnet_recursive.export.libraries import check_libraries

    check_libraries()
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.export.export import ExportOptions, export_model

    options = ExportOptions(args.num_loops, args.loops_as_input, not args.no_ctc, args.int8)
    with quiet_libraries():
        report = export_model(
            args.model, args.onnx, options, args.model_file, args.audio, args.any_size
        )
    print(f"{report}\n\n{args.onnx}")


if __name__ == "__main__":
    main()
