"""Score a decoded data set: word, character and token error rates with their counts (stage 13).

Writes score_wer, score_cer and, with --bpemodel, score_ter into the directory of the decoding, each
with ref.trn and hyp.trn for sclite, result.txt and result.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.scoring import describe, score


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("data_dir", type=Path, help="data directory with text and utt2spk")
    p.add_argument("decode_dir", type=Path, help="directory with the recognised text")
    p.add_argument("--bpemodel", type=Path, help="sentencepiece model, for token error rates")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    for unit in ("wer", "cer", "ter") if args.bpemodel else ("wer", "cer"):
        total = score(
            args.data_dir / "text",
            args.decode_dir / "text",
            args.data_dir / "utt2spk",
            args.decode_dir / f"score_{unit}",
            unit,
            args.bpemodel,
        )
        rate, counts, _ = describe(total, unit).splitlines()
        print(f"{args.data_dir.name}: {rate}; {counts}")


if __name__ == "__main__":
    main()
