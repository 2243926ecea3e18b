"""Training data at other speeds, as files (stage 2).

    perturb_speed audio keys.JOB.scp --factors 0.9 1.0 1.1 --audio_dir DIR
    perturb_speed data data/train data/train_sp --factors 0.9 1.0 1.1 --audio_dir DIR
    perturb_speed cepstra data/train data/train_sp --factors 0.9 1.0 1.1 --cepstra 13 40 130 6800

The first writes audio, in jobs side by side; the second the data directory of all of it. The third
writes the data directory where there are no waveforms, but cepstra.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from espnet_recursive.bin.command import command, parser


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    steps = p.add_subparsers(required=True, metavar="STEP", help="which; each has --help")
    audio = steps.add_parser("audio", help="write the audio of a list of utterances")
    audio.add_argument("keys", help="wav.scp, or the part of it that this job does")
    audio.set_defaults(run=_perturb_audio)
    data = steps.add_parser("data", help="write the data directory, after all of the audio")
    data.add_argument("source", help="data directory with wav.scp, text and utt2spk")
    data.add_argument("target", help="data directory to write")
    data.set_defaults(run=_write_data_dir)
    cepstra = steps.add_parser("cepstra", help="write the data directory where there are cepstra")
    cepstra.add_argument("source", help="data directory with feats.scp, text and utt2spk")
    cepstra.add_argument("target", help="data directory to write")
    cepstra.add_argument(
        "--cepstra", dest="kind", nargs=4, required=True,
        metavar=("COEFFICIENTS", "FILTERS", "LOWEST", "HIGHEST"),
        help="how they were made: their number with that of order 0, the number of mel filters, "
        "and where these begin and end in Hz",
    )  # fmt: skip
    cepstra.set_defaults(run=_perturb_cepstra)
    for step in (audio, data, cepstra):
        step.add_argument("--factors", nargs="+", required=True, help="speeds, such as 0.9 1.0 1.1")
    for step in (audio, data):
        step.add_argument("--audio_dir", required=True, help="where the audio goes, or is")
    return p


# The steps import libraries of numbers and audio, for which a help should not wait.
def _perturb_audio(**options: Any) -> None:
    from espnet_recursive.recipe.perturb_speed import perturb_audio

    perturb_audio(**options)


def _write_data_dir(**options: Any) -> None:
    from espnet_recursive.recipe.perturb_speed import write_perturbed_data_dir

    write_perturbed_data_dir(**options)


def _perturb_cepstra(source: str, target: str, factors: Sequence[str], kind: Sequence[str]) -> None:
    from espnet_recursive.recipe.perturb_cepstra import perturb_cepstra, read_cepstra_kind

    perturb_cepstra(source, target, factors, read_cepstra_kind(kind))


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = vars(get_parser().parse_args(cmd))
    args.pop("run")(**args)


if __name__ == "__main__":
    main()
