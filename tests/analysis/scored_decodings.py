"""Decodings as stages 12 and 13 leave them, with errors that a test chooses."""

from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import score


def decode(exp, lengths, errors, unit="wer"):
    """A scored decoding in which so many of so many words of each utterance are wrong."""
    directory = exp / "decode" / "test"
    references = {f"s-{n:04d}": "A " * length for n, length in enumerate(lengths)}
    hypotheses = {
        key: "X " * wrong + "A " * (length - wrong)
        for key, length, wrong in zip(references, lengths, errors, strict=True)
    }
    rescore(directory, references, hypotheses, unit)
    return directory


def rescore(directory, references, hypotheses, unit="wer"):
    write_table(directory / "ref", references)
    write_table(directory / "text", hypotheses)
    write_table(directory / "utt2spk", dict.fromkeys(references, "s"))
    files = (directory / name for name in ("ref", "text", "utt2spk"))
    score(*files, directory / f"score_{unit}", unit)


LENGTHS = [10, 10, 10, 10, 4, 3, 2]
FIRST = [0, 0, 1, 6, 4, 0, 1]
SECOND = [0, 1, 0, 2, 2, 0, 1]
