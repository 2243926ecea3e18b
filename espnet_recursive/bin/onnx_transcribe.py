"""Recognise audio files with an exported recogniser, without torch and ESPnet.

    espnet-recursive export --model exp/asr_L1 --to onnxruntime recogniser
    espnet-recursive-onnx recogniser speech.wav
    espnet-recursive-onnx recogniser speech.wav --num_loops 2 --words
    espnet-recursive-onnx recogniser meeting.wav --lm 3gram.arpa --vad silero

Of one file the text is printed, of several a line each: the file, a tab, the text. With --words it
is a line a word: the seconds at which it begins and ends, and the word. Audio is resampled to the
model's rate, and long audio is cut where it is quietest, or with --vad where nobody speaks.
Decoding is greedy; with --lm or --beam_size it is beam search. A file that cannot be recognised is
named on standard error; the others are done, and the status is 1.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.bin.command import channel, command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import CHANNEL_HELP
from espnet_recursive.model.model_input import read_speech
from espnet_recursive.transcription.pieces import MAX_SECONDS


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("model", type=Path, help="folder that the export wrote, or model.onnx in it")
    p.add_argument("files", nargs="+", metavar="FILE", help="audio, of any sampling rate")
    p.add_argument("--num_loops", type=int, help="depth; without it, that of the model")
    p.add_argument("--words", action="store_true", help="print words with their times")
    p.add_argument(
        "--max_seconds", type=float, default=MAX_SECONDS, help="the longest piece of long audio"
    )
    p.add_argument("--batch_size", type=int, default=1, help="pieces that are computed together")
    p.add_argument(
        "--lm", type=Path, metavar="FILE", help="n-gram model of words, ARPA or KenLM's binary"
    )
    p.add_argument("--beam_size", type=int, help="hypotheses of beam search (with --lm: 100)")
    p.add_argument("--lm_weight", type=float, default=0.5, help="weight of the n-gram model")
    p.add_argument("--word_bonus", type=float, default=1.5, help="added for each word, with --lm")
    p.add_argument(
        "--vad", choices=("silero",), help="cut long audio where nobody speaks, by this detector"
    )
    p.add_argument("--threads", type=int, help="threads; without it, as many as there are cores")
    p.add_argument("--channel", type=channel, help=CHANNEL_HELP)
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # It imports onnxruntime, for which a help should not wait.
    from espnet_recursive.onnx_recognizer import OnnxRecognizer

    recognizer = OnnxRecognizer(args.model, args.threads, _beam(args), args.vad)
    recognizer.check(args.num_loops, args.max_seconds, args.batch_size)
    failures = 0
    for file in args.files:
        try:
            found = _recognise(recognizer, file, args)
        except UserError as error:
            failures += 1
            logging.error(str(error) if str(file) in str(error) else f"{file}: {error}")
            continue
        for line in _lines(found, args.words):
            print(f"{file}\t" * (len(args.files) > 1) + line, flush=True)
    if failures:
        raise UserError(f"{failures} of {len(args.files)} files could not be recognised")


def _beam(args: argparse.Namespace) -> Any:
    if args.lm is None and args.beam_size is None:
        return None
    from espnet_recursive.onnx_recognizer import BeamOptions

    size = 100 if args.beam_size is None else args.beam_size
    return BeamOptions(size, args.lm, args.lm_weight, args.word_bonus)


def _recognise(recognizer: Any, file: str, args: argparse.Namespace) -> Any:
    rate = recognizer.about.rate
    samples = read_speech(file, rate, args.channel)
    options = (args.num_loops, args.max_seconds, args.batch_size)
    return recognizer.batch([samples], rate, *options)[0]


def _lines(found: Any, words: bool) -> Iterator[str]:
    if not words:
        yield found.text
        return
    for word in found.words:
        yield f"{word.start:.2f}\t{word.end:.2f}\t{word.text}"


if __name__ == "__main__":
    main()
