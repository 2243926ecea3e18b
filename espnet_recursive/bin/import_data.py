"""Write data directories of any data set that lhotse or Hugging Face's datasets can read.

    espnet-recursive import-data manifests/my_cuts_train.jsonl.gz
    espnet-recursive import-data manifests
    espnet-recursive import-data my_dataset --text_column sentence
    espnet-recursive import-data my_dataset/dev --set valid

A source is a manifest of lhotse (cuts, or recordings with the supervisions beside them) or a folder
of manifests; or a folder of datasets: what its save_to_disk wrote, audio files with metadata.csv,
parquet, CSV or JSON. Each set or split becomes a data directory, for ./run.sh --data_dir. Audio
that is a file stays where it is; other audio, such as segments and bytes in parquet files, is
written beside the data directories.
"""

import argparse
import logging
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.corpora.hf_datasets import Columns
from espnet_recursive.corpora.import_data import import_data
from espnet_recursive.recipe.data_dir import read_table


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("sources", nargs="+", metavar="SOURCE", help="manifests, or folders")
    p.add_argument("--data_dir", default="data", help="where the data directories go")
    p.add_argument("--set", metavar="NAME", help="what to call the set, where there is only one")
    columns = p.add_argument_group("columns of datasets (default: the usual names)")
    columns.add_argument("--audio_column", metavar="NAME", help="audio, or paths of audio files")
    columns.add_argument("--text_column", metavar="NAME", help="transcripts")
    columns.add_argument("--speaker_column", metavar="NAME", help="ids of speakers")
    columns.add_argument(
        "--id_column", metavar="NAME",
        help="ids of utterances, or row for numbers (default: id, or names of audio files)",
    )  # fmt: skip
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    p = get_parser()
    args = p.parse_args(cmd)
    if args.set and len(args.sources) > 1:
        p.error("--set names one set: give one source")
    columns = Columns(args.audio_column, args.text_column, args.speaker_column, args.id_column)
    for source in args.sources:
        for directory in import_data(source, args.data_dir, args.set, columns):
            speakers = read_table(directory / "utt2spk").values()
            logging.info(
                "%s: %d utterances, %d speakers", directory, len(speakers), len(set(speakers))
            )
            print(directory)


if __name__ == "__main__":
    main()
