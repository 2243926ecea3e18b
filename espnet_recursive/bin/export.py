"""Write a model as ONNX files: a whole recogniser, or its encoder alone.

    espnet-recursive export --model exp/asr_L1 --to onnxruntime recogniser
    espnet-recursive export --model exp/asr_L1 --to sherpa recogniser_sherpa
    espnet-recursive export --model exp/asr_stream --to sherpa_online recogniser_online
    espnet-recursive export --model exp/asr_L1 --to web recogniser_page --int8
    espnet-recursive export --model exp/asr_L1 --onnx L1_int8.onnx --int8 --loops_as_input

With --to onnxruntime the folder holds a file that takes the waveform and gives CTC's log posteriors
of the tokens, and what is needed to run it; with --to sherpa it holds files for a loader of
sherpa-onnx; with --to sherpa_online a file for its streams, of a model that sees chunks; with --to
web, a page that recognises in the browser. With --to encoder, the default, the file takes
normalised features and gives the encoder's output too. A recursive encoder's recurrent block stands
in it once and loops there. Printed are its inputs and outputs, and how close it is to PyTorch; what
is not is not written.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.model.quiet import quiet_libraries

#: What can be written.
TARGETS = ("encoder", "onnxruntime", "sherpa", "sherpa_online", "web")
#: Formats of weights; a test holds them to those of ``export.formats``, which imports onnxruntime.
FORMATS = ("float32", "float16", "int8", "int4")
_ENCODER = ("onnx", "loops_as_input", "no_ctc")
_CHUNKS = ("chunk_size", "num_left_chunks")
_PAGE = ("onnxruntime_web",)
#: Options that do not belong to each.
_FOREIGN = {
    "encoder": ("folder", "constant_loops", "loops", "route", *_CHUNKS, *_PAGE),
    "onnxruntime": (*_ENCODER, "loops", "route", *_CHUNKS, *_PAGE),
    "sherpa": (*_ENCODER, "constant_loops", *_CHUNKS, *_PAGE),
    "sherpa_online": (*_ENCODER, "constant_loops", "loops", "route", *_PAGE),
    "web": (*_ENCODER, "loops", "route", *_CHUNKS),
}


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument(
        "--model", required=True, help="experiment directory, pack (.zip), hub id or zoo tag"
    )
    p.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    p.add_argument(
        "folder", type=Path, nargs="?", metavar="DIR", help="the folder to write, of a recogniser"
    )
    p.add_argument("--to", choices=TARGETS, default="encoder", help="what is written")
    p.add_argument("--onnx", type=Path, metavar="FILE", help="encoder: the file to write")
    p.add_argument("--num_loops", type=int, help="loops; without it, those of inference")
    p.add_argument(
        "--loops_as_input",
        action="store_true",
        help="encoder: have the file take the number of loops; its metadata have the above",
    )
    p.add_argument(
        "--constant_loops",
        action="store_true",
        help="onnxruntime, web: have the file run the above, and not take a number of loops",
    )
    p.add_argument(
        "--loops",
        type=int,
        nargs="+",
        default=[],
        metavar="L",
        help="sherpa: several depths, a small file each over one file of weights",
    )
    p.add_argument(
        "--route",
        choices=("zipformer_ctc", "omnilingual", "moonshine_v2"),
        help="sherpa: the loader; without it, the first of these that the model fits",
    )
    p.add_argument(
        "--chunk_size",
        type=int,
        metavar="C",
        help="sherpa_online: frames of a chunk after subsampling; without it, those of inference",
    )
    p.add_argument(
        "--num_left_chunks",
        type=int,
        metavar="N",
        help="sherpa_online: chunks before its own that a frame sees; likewise",
    )
    p.add_argument(
        "--format",
        choices=FORMATS,
        default="float32",
        help="of the weights: a half, a quarter, an eighth of the size (int4: experimental)",
    )
    p.add_argument(
        "--int8", action="store_const", const="int8", dest="format", help="as --format int8"
    )
    p.add_argument(
        "--onnxruntime_web",
        type=Path,
        metavar="PACKAGE",
        help="web: the npm package of that name, packed or unpacked; without it, npm fetches it",
    )
    p.add_argument("--no_ctc", action="store_true", help="encoder: leave the CTC head out")
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
    _check(args)
    with quiet_libraries():
        print(_EXPORTS[args.to](args))


def _check(args: argparse.Namespace) -> None:
    """Refuse options that belong to another target."""
    target, encoder = f"--to {args.to}", args.to == "encoder"
    if encoder and args.onnx is None:
        raise UserError(f"{target}: name the file to write with --onnx")
    if not encoder and args.folder is None:
        raise UserError(f"{target}: name the folder to write, as {target} DIR")
    if args.loops and args.num_loops is not None:
        raise UserError("--loops and --num_loops: give one of them")
    for name in _FOREIGN[args.to]:
        value = getattr(args, name)
        if value not in (None, []) and value is not False:
            option = f"DIR ({value})" if name == "folder" else f"--{name}"
            raise UserError(f"{target} does not take {option}. {_REMEDY[name]}")


_REMEDY = {
    "folder": "Name the file with --onnx, or give --to onnxruntime for a whole recogniser.",
    "constant_loops": "Leave it out: the loops are constant there.",
    "onnx": "Name the folder to write after it.",
    "loops_as_input": "Leave it out: it is for an encoder alone.",
    "loops": "Give --num_loops, one number.",
    "route": "It is for --to sherpa.",
    "onnxruntime_web": "It is for --to web.",
    "no_ctc": "A recogniser decodes with CTC.",
    "chunk_size": "It is for --to sherpa_online.",
    "num_left_chunks": "It is for --to sherpa_online.",
}


def _encoder(args: argparse.Namespace) -> str:
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.export.export import ExportOptions, export_model

    options = ExportOptions(args.num_loops, args.loops_as_input, not args.no_ctc, args.format)
    report = export_model(
        args.model, args.onnx, options, args.model_file, args.audio, args.any_size
    )
    return f"{report}\n\n{args.onnx}"


def _recogniser(args: argparse.Namespace) -> str:
    from espnet_recursive.export.recogniser_export import RecogniserOptions, export_recogniser

    options = RecogniserOptions(args.num_loops, args.constant_loops, args.format)
    report = export_recogniser(
        args.model, args.folder, options, args.model_file, args.audio, args.any_size
    )
    return f"{report}\n\n{args.folder}"


def _web(args: argparse.Namespace) -> str:
    from espnet_recursive.export.recogniser_export import RecogniserOptions
    from espnet_recursive.export.web_export import export_web

    precision = args.format
    report = export_web(
        args.model,
        args.folder,
        RecogniserOptions(args.num_loops, args.constant_loops, precision),
        args.model_file,
        args.audio,
        args.any_size,
        args.onnxruntime_web,
    )
    serve = f"cd {args.folder} && python3 -m http.server, then open http://localhost:8000"
    return f"{report}\n\n{args.folder}: {serve}"


def _sherpa(args: argparse.Namespace) -> str:
    from espnet_recursive.export.sherpa_export import SherpaOptions, export_sherpa

    options = SherpaOptions(args.num_loops, args.loops, args.format, args.route)
    report = export_sherpa(
        args.model, args.folder, options, args.model_file, args.audio, args.any_size
    )
    return f"{report}\n\n{args.folder}"


def _sherpa_online(args: argparse.Namespace) -> str:
    from espnet_recursive.export.online_export import OnlineOptions, export_online

    options = OnlineOptions(args.num_loops, args.chunk_size, args.num_left_chunks, args.format)
    report = export_online(
        args.model, args.folder, options, args.model_file, args.audio, args.any_size
    )
    return f"{report}\n\n{args.folder}"


_EXPORTS = {
    "encoder": _encoder,
    "onnxruntime": _recogniser,
    "sherpa": _sherpa,
    "sherpa_online": _sherpa_online,
    "web": _web,
}


if __name__ == "__main__":
    main()
