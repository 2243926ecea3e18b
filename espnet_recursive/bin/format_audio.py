"""Write a data directory with audio in one format and sampling rate (stage 3)."""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import channel, command, hertz, parser
from espnet_recursive.files.channels import CHANNEL_HELP
from espnet_recursive.recipe.format_audio import AUDIO_FORMATS, format_data_dir


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("source", help="data directory with wav.scp, text and utt2spk")
    p.add_argument("target", help="data directory to write")
    p.add_argument("--fs", type=hertz, default="16k", help="sampling rate in Hz")
    p.add_argument("--audio_format", choices=AUDIO_FORMATS, default="flac", help="file format")
    p.add_argument("--channel", type=channel, help=CHANNEL_HELP)
    p.add_argument("--nj", type=int, default=1, help="number of processes")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    format_data_dir(**vars(get_parser().parse_args(cmd)))


if __name__ == "__main__":
    main()
