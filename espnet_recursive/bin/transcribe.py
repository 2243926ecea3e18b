"""Write what is said in recordings of any kind and length, with any model of ESPnet's recognisers.

    espnet-recursive transcribe speech.wav --model user/name
    espnet-recursive transcribe lecture.mp4 --model exp/asr_L1 --format srt --output lecture.srt
    espnet-recursive transcribe recordings/ --model user/name --format json --output transcripts/
    ffmpeg -i URL -f wav - | espnet-recursive transcribe - --model user/name --timestamps segment

A FILE may be a folder, for the audio and video below it, a pattern such as 'talks/**/*.opus', or -
for standard input. A recording longer than --max_seconds is cut into segments of speech, so that
its length takes no memory.

Of one file the text is printed, of several a line each: the file, a tab, the text. docs/
transcription.md says what the other forms hold. Results are written as they are known: in the order
of the files, or with --batch_size the shortest first. A file that cannot be transcribed is named on
standard error; the others are done, and the status is 1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.asr.depth import add_depth_options, given_depth
from espnet_recursive.bin.any_size_option import add_any_size_option
from espnet_recursive.bin.command import channel, command, parser
from espnet_recursive.bin.device_option import add_device_option
from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import CHANNEL_HELP
from espnet_recursive.model.quiet import quiet_libraries
from espnet_recursive.registry import import_quietly
from espnet_recursive.speed.precision import add_precision_option
from espnet_recursive.transcription.formats import ENDINGS, TIMESTAMPS, likes_words, needs_words
from espnet_recursive.transcription.pieces import MAX_SECONDS


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("files", nargs="+", metavar="FILE", help="audio or video, of any sampling rate")
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
    p.add_argument("--beam_size", type=int, help="beam of the search, in the place of the YAML's")
    p.add_argument("--batch_size", type=int, default=1, help="segments decoded together")
    p.add_argument(
        "--vad",
        choices=("auto", "none", "silero", "energy"),
        default="auto",
        help="how recordings are cut: silero and energy find speech; none leaves nothing out; auto "
        "takes one of up to --max_seconds as it is, and finds speech in longer ones",
    )
    p.add_argument(
        "--max_seconds", type=float, default=MAX_SECONDS, help="the longest segment, in seconds"
    )
    p.add_argument("--channel", type=channel, help=CHANNEL_HELP)
    add_device_option(p, "where to decode")
    p.add_argument("--format", choices=ENDINGS, default="text", help="form of the output")
    p.add_argument(
        "--timestamps",
        choices=TIMESTAMPS,
        help="times of segments or of words; by default those that are usual in the form",
    )
    p.add_argument(
        "--output",
        metavar="FILE_OR_FOLDER",
        help="file to write to, or for a file of each recording a folder that is there, or with / "
        "at its end; by default standard output",
    )
    p.add_argument(
        "--skip_existing",
        action="store_true",
        help="leave out recordings whose file is in the output folder already",
    )
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
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.transcription.inputs import find_inputs
    from espnet_recursive.transcription.outputs import check_output, files_below, is_folder

    inputs = find_inputs(args.files)
    check_output(args.output, args.format, inputs)
    if args.skip_existing:
        if not is_folder(args.output):
            raise UserError("--skip_existing needs an --output that is a folder")
        paths = files_below(args.output, inputs, args.format)
        inputs = [one for one in inputs if not paths[one[0]].exists()]
        if not inputs:
            return
    options = {"batch_size": args.batch_size, "any_size": args.any_size} | given_depth(vars(args))
    for name in ("encoder_precision", "beam_size"):
        if (value := getattr(args, name)) is not None:
            options[name] = value
    load_speech2text = import_quietly("espnet_recursive.publish.decoding").load_speech2text
    with quiet_libraries():
        model = load_speech2text(args.model, args.model_file, args.config, args.device, **options)
        failures = _transcribe(args, inputs, model)
    if failures:
        raise UserError(f"{failures} of {len(inputs)} files could not be transcribed")


def _transcribe(args: argparse.Namespace, inputs: Sequence[tuple[str, Path]], model: Any) -> int:
    """Write all that can be transcribed; the number of what cannot."""
    from tqdm import tqdm

    from espnet_recursive.transcription.inputs import STDIN, stdin_recording
    from espnet_recursive.transcription.outputs import open_output
    from espnet_recursive.transcription.recording import file_recording
    from espnet_recursive.transcription.results import Failure, Segment
    from espnet_recursive.transcription.transcribe import Settings, transcribe_recordings

    has_ctc = getattr(model.asr_model, "ctc", None) is not None
    words = (likes_words if has_ctc else needs_words)(args.format, args.timestamps)
    settings = Settings(args.batch_size, args.vad, args.max_seconds, words)
    recordings = [
        stdin_recording(args.channel) if name == STDIN else file_recording(name, args.channel)
        for name, _ in inputs
    ]
    failures, before, total = 0, 0.0, sum(recording.seconds for recording in recordings)
    with (
        open_output(args.output, args.format, args.timestamps, inputs) as output,
        tqdm(total=round(total) or None, unit="s of audio", disable=None) as bar,
    ):
        for recording, result in transcribe_recordings(recordings, model, settings):
            if isinstance(result, Segment):
                output.segment(recording.name, result)
                bar.update(round(before + result.end) - bar.n)
                continue
            if isinstance(result, Failure):
                failures += 1
                tqdm.write(result.reason, file=sys.stderr)
                before += recording.seconds
            else:
                output.transcript(result)
                before += result.seconds
            bar.update(round(before) - bar.n)
    return failures


if __name__ == "__main__":
    main()
