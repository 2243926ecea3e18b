"""Score a decoded data set: word, character and token error rates with their counts (stage 13).

Writes score_wer, score_cer and, with --bpemodel, score_ter into the directory of the decoding, each
with ref.trn and hyp.trn for sclite, the counts of each utterance in utterances.tsv, and of all in
result.txt and result.json, with the 95 % interval of the error rate (bootstrap over utterances).
Where words are written without spaces, as in Chinese, the rate of characters comes first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.scoring import describe, headline_unit, score
from espnet_recursive.recipe.text_rules import TextRules


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("data_dir", type=Path, help="data directory with text and utt2spk")
    p.add_argument("decode_dir", type=Path, help="directory with the recognised text")
    p.add_argument("--bpemodel", type=Path, help="sentencepiece model, for token error rates")
    p.add_argument(
        "--nlsyms_txt",
        default="none",
        help="file of non-linguistic symbols, one a line, which are not counted; or none",
    )
    p.add_argument(
        "--cleaner", default="none", help="ESPnet's text cleaner for the references; or none"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    rules = TextRules(args.nlsyms_txt, args.cleaner)
    totals = {
        unit: score(
            args.data_dir / "text",
            args.decode_dir / "text",
            args.data_dir / "utt2spk",
            args.decode_dir / f"score_{unit}",
            unit,
            args.bpemodel,
            rules,
        )
        for unit in (("wer", "cer", "ter") if args.bpemodel else ("wer", "cer"))
    }
    headline = headline_unit(totals["wer"])
    for unit in sorted(totals, key=lambda unit: unit != headline):
        rate, counts, *_ = describe(totals[unit], unit).splitlines()
        print(f"{args.data_dir.name}: {rate}; {counts}")


if __name__ == "__main__":
    main()
