"""Print what is said in audio files of any kind, with a published model or one of your own.

    espnet-recursive transcribe speech.wav --model user/name
    espnet-recursive transcribe *.flac --model exp/asr_L1/asr_L1.zip --batch_size 16 --format json

Of one file the text is printed, of several a line each: the file, a tab, the text. As JSON it is a
line each with file, text, tokens, score, seconds of audio, the real time factor, and the loops that
a recursive encoder ran. Lines are printed as they are known: in the order of the files, or with
--batch_size the shortest first. A file that cannot be transcribed is named on standard error; the
others are done, and the status is 1.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from espnet_recursive.asr.depth import add_depth_options, given_depth
from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import channel, command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import CHANNEL_HELP
from espnet_recursive.model.quiet import quiet_libraries
from espnet_recursive.registry import import_quietly
from espnet_recursive.speed.precision import add_precision_option


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("files", nargs="+", metavar="FILE", help="audio, of any sampling rate")
    p.add_argument(
        "--model",
        required=True,
        help="Hugging Face id, tag of ESPnet's model zoo, zip file, or experiment directory",
    )
    p.add_argument("--model_file", help="checkpoint of an experiment (valid.acc.ave.pth)")
    p.add_argument(
        "--config",
        "--inference_config",
        type=Path,
        help="decoding YAML; without it, ESPnet's defaults",
    )
    p.add_argument("--batch_size", type=int, default=1, help="files decoded together")
    p.add_argument("--channel", type=channel, help=CHANNEL_HELP)
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to decode")
    p.add_argument("--format", choices=("text", "json"), default="text", help="form of the output")
    p.add_argument("--output", type=Path, help="file to write to, instead of standard output")
    add_depth_options(p)
    add_precision_option(p)
    add_any_size_option(p)
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    if args.batch_size < 1:
        raise UserError(f"--batch_size {args.batch_size}: at least 1")
    if args.output and not args.output.absolute().parent.is_dir():
        raise UserError(f"--output {args.output}: its folder is not there. Make it first.")
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.publish.transcribe import Failure, transcribe

    load_speech2text = import_quietly("espnet_recursive.publish.decoding").load_speech2text
    options = {"batch_size": args.batch_size, "any_size": args.any_size} | given_depth(vars(args))
    if args.encoder_precision is not None:
        options["encoder_precision"] = args.encoder_precision
    failures = 0
    with quiet_libraries():
        model = load_speech2text(args.model, args.model_file, args.config, args.device, **options)
        with (
            args.output.open("w", encoding="utf-8", errors="surrogateescape")
            if args.output
            else nullcontext(sys.stdout)
        ) as output:
            results = transcribe(args.files, model, args.batch_size, args.channel)
            for result in tqdm(results, total=len(args.files), unit="file", disable=None):
                if isinstance(result, Failure):
                    failures += 1
                    tqdm.write(result.reason, file=sys.stderr)
                    continue
                if args.format == "json":
                    # A name that is not in UTF-8 has parts that only escapes can write.
                    plain = result.file.isprintable()
                    line = json.dumps(asdict(result), ensure_ascii=not plain, allow_nan=False)
                else:
                    line = f"{result.file}\t" * (len(args.files) > 1) + result.text
                with tqdm.external_write_mode(file=output):
                    print(line, file=output, flush=True)
    if failures:
        raise UserError(f"{failures} of {len(args.files)} files could not be transcribed")


if __name__ == "__main__":
    main()
