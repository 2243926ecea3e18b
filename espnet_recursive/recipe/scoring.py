"""Stage 13: error rates with sclite's counts, and the trn files that sclite reads."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path

import sentencepiece

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.alignment import Edits, align
from espnet_recursive.recipe.bootstrap import Interval, error_interval
from espnet_recursive.recipe.data_dir import check_same_keys, read_table, read_text
from espnet_recursive.recipe.text_rules import TextRules

#: The units that errors are counted in, by ESPnet's names of the score directories.
UNITS = {"wer": "words", "cer": "characters", "ter": "subword tokens"}


@dataclass
class Score:
    """Counts of one data set, in one unit. Percentages are of the reference's units.

    `interval_95` is that of the error rate, over resampled utterances; None where it is not known.
    """

    sentences: int = 0
    units: int = 0
    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    wrong_sentences: int = 0
    interval_95: Interval | None = field(default=None, compare=False)

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    def percent(self, count: int) -> float:
        """`count` for each hundred units of the reference; 0 where there is no reference."""
        return 100.0 * count / self.units if self.units else 0.0

    @property
    def error_rate(self) -> float:
        """Errors for each hundred units of the reference."""
        return self.percent(self.errors)

    @property
    def sentence_error_rate(self) -> float:
        """Sentences with an error, of a hundred."""
        return 100.0 * self.wrong_sentences / self.sentences if self.sentences else 0.0

    def add(self, reference: Sequence[str], hypothesis: Sequence[str]) -> Edits:
        """Align one sentence and count."""
        edits = align(reference, hypothesis)
        self.sentences += 1
        self.units += len(reference)
        self.hits += len(reference) - edits.substitutions - edits.deletions
        self.substitutions += edits.substitutions
        self.deletions += edits.deletions
        self.insertions += edits.insertions
        self.wrong_sentences += edits.errors > 0
        return edits


@dataclass(frozen=True)
class UtteranceCounts:
    """Counts of one utterance: the columns of utterances.tsv."""

    utterance: str
    units: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions


def headline_unit(words: Score) -> str:
    """Which error rate says most, the "wer" or the "cer", by the Score in words.

    Where every sentence is one word, as Chinese is written, the unit that counts is the character.
    """
    return "cer" if words.units <= words.sentences else "wer"


def tokenize(
    text: str, unit: str, bpemodel: Path | str | None = None, rules: TextRules | None = None
) -> list[str]:
    """Split a transcript into words ("wer"), characters ("cer") or subword tokens ("ter").

    Characters include the space between words, written <space>, as ESPnet counts them. What `rules`
    leave out are words and characters.
    """
    rules = rules or TextRules()
    if unit == "wer":
        return rules.words(text)
    if unit == "cer":
        return rules.characters(text)
    if bpemodel is None:
        raise UserError("Token error rates need --bpemodel")
    return _sentencepiece(str(bpemodel)).encode_as_pieces(text)


def score(
    reference: Path | str,
    hypothesis: Path | str,
    utt2spk: Path | str,
    output_dir: Path | str,
    unit: str,
    bpemodel: Path | str | None = None,
    rules: TextRules | None = None,
) -> Score:
    """Score one data set in one unit.

    Writes ref.trn and hyp.trn, which sclite reads, utterances.tsv with the counts of each utterance
    as :func:`read_utterances` reads them, result.txt with those of all for people, and result.json
    with the same for programs.

    Args:
        reference: The text file of the data set.
        hypothesis: The text file of the decoding.
        utt2spk: The speakers, which trn files name.
        output_dir: Where the five files go.
        unit: A key of UNITS.
        bpemodel: The sentencepiece model, for "ter".
        rules: How the texts are read; as they are by default.

    Raises:
        UserError: If the two texts do not have the same utterances.
    """
    references = read_text(reference)
    hypotheses = read_text(hypothesis)
    check_same_keys(Path(reference), references, Path(hypothesis), hypotheses)
    speakers = read_table(utt2spk)
    output_dir = Path(output_dir)
    rules = rules or TextRules()
    total = Score()
    utterances: list[UtteranceCounts] = []
    with (
        whole_file(output_dir / "ref.trn") as ref_trn,
        whole_file(output_dir / "hyp.trn") as hyp_trn,
    ):
        for utterance, text in references.items():
            ref = tokenize(rules.clean(text), unit, bpemodel, rules)
            hyp = tokenize(hypotheses[utterance], unit, bpemodel, rules)
            edits = total.add(ref, hyp)
            utterances.append(UtteranceCounts(utterance, len(ref), **asdict(edits)))
            name = f"({speakers.get(utterance, utterance)}-{utterance})"
            ref_trn.write(f"{' '.join(ref)}\t{name}\n")
            hyp_trn.write(f"{' '.join(hyp)}\t{name}\n")
    _write_utterances(output_dir / "utterances.tsv", utterances)
    total.interval_95 = error_interval(
        [u.errors for u in utterances], [u.units for u in utterances]
    )
    with whole_file(output_dir / "result.txt") as file:
        file.write(describe(total, unit))
    with whole_file(output_dir / "result.json") as file:
        json.dump(asdict(total) | {"unit": unit, "error_rate": total.error_rate}, file, indent=2)
    return total


def read_score(path: Path | str) -> Score:
    """Read a Score from a result.json."""
    values = json.loads(Path(path).read_text(encoding="utf-8"))
    counts = {key: values[key] for key in asdict(Score()) if key != "interval_95"}
    interval = values.get("interval_95")
    return Score(**counts, interval_95=interval and Interval(**interval))


def read_utterances(path: Path | str) -> dict[str, UtteranceCounts]:
    """Read the counts of each utterance from an utterances.tsv.

    Raises:
        UserError: If the file is missing, or not such a table.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = [
                UtteranceCounts(name, *map(int, counts))
                for name, *counts in list(csv.reader(file, csv.excel_tab))[1:]
            ]
    except (OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). Score again: stage 13.") from error
    return {row.utterance: row for row in rows}


def _write_utterances(path: Path, utterances: Sequence[UtteranceCounts]) -> None:
    with whole_file(path) as file:
        writer = csv.writer(file, csv.excel_tab, lineterminator="\n")
        writer.writerow(f.name for f in fields(UtteranceCounts))
        writer.writerows(map(astuple, utterances))


def describe(total: Score, unit: str) -> str:
    """Say a score in a few lines."""
    return (
        f"{unit.upper()} {total.error_rate:.2f} %: {total.errors} errors in {total.units} "
        f"{UNITS[unit]} of {total.sentences} sentences\n"
        f"hits {total.hits}, substitutions {total.substitutions}, deletions {total.deletions}, "
        f"insertions {total.insertions}\n"
        f"sentences with errors: {total.wrong_sentences} ({total.sentence_error_rate:.1f} %)\n"
        f"95 % interval of the {unit.upper()}: {total.interval_95 or 'none for one sentence'}\n"
    )


def results_row(total: Score) -> dict[str, str]:
    """The columns of the table that ESPnet's recipes show, and the interval of the error rate."""
    percent = {
        "Corr": total.hits,
        "Sub": total.substitutions,
        "Del": total.deletions,
        "Ins": total.insertions,
        "Err": total.errors,
    }
    return {
        "Snt": str(total.sentences),
        "Wrd": str(total.units),
        **{name: f"{total.percent(count):.1f}" for name, count in percent.items()},
        "S.Err": f"{total.sentence_error_rate:.1f}",
        "95 % of Err": str(total.interval_95 or ""),
    }


_MODELS: dict[str, sentencepiece.SentencePieceProcessor] = {}


def _sentencepiece(model: str) -> sentencepiece.SentencePieceProcessor:
    if model not in _MODELS:
        _MODELS[model] = sentencepiece.SentencePieceProcessor(model_file=model)
    return _MODELS[model]
