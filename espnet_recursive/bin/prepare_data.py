"""Write the data directories of a corpus (stage 1).

    espnet-recursive prepare-data librispeech --subset train_clean_100
    espnet-recursive prepare-data librispeech --corpus_dir /corpora/LibriSpeech
    espnet-recursive prepare-data an4 --corpus_dir /corpora/an4
    espnet-recursive prepare-data aishell --base_url http://mirror/resources
    espnet-recursive prepare-data speechocean762 --corpus_dir /corpora/speechocean762

Downloads that broke off go on where they were; archives that are in the download folder already
are used. Each corpus has options of its own: prepare-data librispeech --help
"""

import argparse
import logging
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.corpora.aishell import prepare_aishell
from espnet_recursive.corpora.an4 import prepare_an4
from espnet_recursive.corpora.archive import OPENSLR
from espnet_recursive.corpora.librispeech import SUBSETS, prepare_librispeech
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.corpora.speechocean762 import prepare_speechocean762
from espnet_recursive.recipe.data_dir import read_table


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command, with one for each corpus."""
    p = parser(__doc__)
    corpora = p.add_subparsers(
        title="corpora", required=True, metavar="corpus", help="which; each has --help"
    )

    mini_an4 = _add(corpora, "mini_an4", "seven utterances that ESPnet's package carries")
    mini_an4.set_defaults(prepare=prepare_mini_an4)

    an4 = _add(corpora, "an4", "CMU AN4, from waveforms or from Sphinx's features", downloads=False)
    an4.set_defaults(prepare=prepare_an4)
    an4.add_argument("--corpus_dir", help="the folder that holds etc/ and wav/ or feat/; required")
    an4.add_argument(
        "--features", type=_true_or_false, metavar="true|false",
        help="take feat/ and not wav/ (default: where there is no wav/)",
    )  # fmt: skip
    an4.add_argument(
        "--deltas", type=_true_or_false, metavar="true|false", default=False,
        help="append first and second differences to features",
    )  # fmt: skip
    an4.add_argument(
        "--cmn", choices=("utterance", "speaker"), default="utterance",
        help="over what the mean is that is subtracted from features",
    )  # fmt: skip

    librispeech = _add(corpora, "librispeech", "LibriSpeech or mini LibriSpeech, English")
    librispeech.set_defaults(prepare=prepare_librispeech)
    librispeech.add_argument(
        "--subset", choices=SUBSETS, default="train_960", help="what to train on"
    )
    _add_sources(librispeech, "the folder LibriSpeech, unpacked: no speech is downloaded")
    librispeech.add_argument(
        "--lm_text", type=_true_or_false, metavar="true|false",
        help="write the text of books for language models (default: where --subset is not mini)",
    )  # fmt: skip
    _add_incomplete(librispeech)

    aishell = _add(corpora, "aishell", "AISHELL-1, Mandarin")
    aishell.set_defaults(prepare=prepare_aishell)
    _add_sources(aishell, "the folder of data_aishell, unpacked: nothing is downloaded")

    speechocean762 = _add(corpora, "speechocean762", "speechocean762, non-native English")
    speechocean762.set_defaults(prepare=prepare_speechocean762)
    _add_sources(speechocean762, "the corpus, unpacked or cloned: nothing is downloaded")
    _add_incomplete(speechocean762)
    speechocean762.add_argument(
        "--extra_data_dir", help="a data directory with further speech to train on"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = vars(get_parser().parse_args(cmd))
    for directory in args.pop("prepare")(**args):
        speakers = read_table(directory / "utt2spk").values()
        logging.info("%s: %d utterances, %d speakers", directory, len(speakers), len(set(speakers)))
        print(directory)


def _add(
    corpora: argparse._SubParsersAction, name: str, summary: str, downloads: bool = True
) -> argparse.ArgumentParser:
    p = corpora.add_parser(
        name, help=summary, description=f"Write the data directories of {summary}."
    )
    p.formatter_class = parser("").formatter_class
    p.add_argument(
        "--data_dir", dest="output_dir", metavar="DATA_DIR", default="data",
        help="where the data directories go",
    )  # fmt: skip
    if downloads:
        p.add_argument("--download_dir", default="downloads", help="where the corpus is or goes")
    return p


def _add_sources(p: argparse.ArgumentParser, corpus_dir: str) -> None:
    p.add_argument("--corpus_dir", help=corpus_dir)
    p.add_argument("--base_url", default=OPENSLR, help="mirror, or folder of the archives")
    p.add_argument(
        "--checksums", type=_true_or_false, metavar="true|false", default=True,
        help="refuse archives of a mirror that are not those that were published",
    )  # fmt: skip


def _add_incomplete(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--incomplete", type=_true_or_false, metavar="true|false", default=False,
        help="take parts that have not as many utterances as were published",
    )  # fmt: skip


def _true_or_false(value: str) -> bool:
    if value not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{value!r}: expected true or false")
    return value == "true"


if __name__ == "__main__":
    main()
