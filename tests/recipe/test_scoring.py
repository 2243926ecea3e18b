"""Stage 13: counts by hand, against NIST's sclite where it is installed, and against jiwer."""

import json
import random

import jiwer
import pytest
import sentencepiece

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.bootstrap import error_interval
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import (
    UNITS,
    Score,
    describe,
    headline_unit,
    read_score,
    read_utterances,
    results_row,
    score,
    tokenize,
)
from tests.recipe.sclite import SCLITE, counts_of, sclite

REFERENCES = {"s1-a": "THE CAT SAT", "s1-b": "ONE TWO THREE FOUR", "s2-c": "YES", "s2-d": ""}
HYPOTHESES = {"s1-a": "THE CAT SAT", "s1-b": "ONE TOO FOUR FIVE", "s2-c": "", "s2-d": "NO GO"}


def write_pair(directory, references, hypotheses):
    write_table(directory / "ref", references)
    write_table(directory / "hyp", hypotheses)
    write_table(directory / "utt2spk", {key: key.split("-")[0] for key in references})
    return directory / "ref", directory / "hyp", directory / "utt2spk"


def counts(total):
    return total.hits, total.substitutions, total.deletions, total.insertions


@pytest.fixture
def pair(tmp_path):
    """The files of the example above."""
    return write_pair(tmp_path, REFERENCES, HYPOTHESES)


def test_counts_by_hand(pair, tmp_path):
    total = score(*pair, tmp_path / "wer", "wer")
    # b: TWO -> TOO, THREE deleted, FIVE inserted; c: a deletion; d: two insertions.
    assert total == Score(4, 8, 5, 1, 2, 3, 3)
    assert total.errors == 6
    assert total.error_rate == pytest.approx(75.0)
    assert total.sentence_error_rate == pytest.approx(75.0)
    assert total.percent(total.hits) == pytest.approx(62.5)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("", "", (0, 0, 0, 0)),
        ("A", "", (0, 0, 1, 0)),
        ("", "A B", (0, 0, 0, 2)),
        ("A B", "A B", (2, 0, 0, 0)),
        ("A B", "B A", (1, 0, 1, 1)),
        ("A B", "C D", (0, 2, 0, 0)),
        # Case counts: transcripts are normalised by those who prepare the data.
        ("a", "A", (0, 1, 0, 0)),
    ],
)
def test_one_sentence(reference, hypothesis, expected):
    total = Score()
    total.add(reference.split(), hypothesis.split())
    assert counts(total) == expected
    assert total.units == len(reference.split())
    assert total.wrong_sentences == (reference != hypothesis)


def test_nothing_to_score_is_no_error():
    assert Score().error_rate == Score().sentence_error_rate == 0.0


def test_trn_files(pair, tmp_path):
    """As ESPnet writes them: words, a tab, (speaker-utterance)."""
    score(*pair, tmp_path / "wer", "wer")
    assert (tmp_path / "wer" / "ref.trn").read_text() == (
        "THE CAT SAT\t(s1-s1-a)\nONE TWO THREE FOUR\t(s1-s1-b)\nYES\t(s2-s2-c)\n\t(s2-s2-d)\n"
    )
    assert (tmp_path / "wer" / "hyp.trn").read_text() == (
        "THE CAT SAT\t(s1-s1-a)\nONE TOO FOUR FIVE\t(s1-s1-b)\n\t(s2-s2-c)\nNO GO\t(s2-s2-d)\n"
    )
    score(*pair, tmp_path / "cer", "cer")
    line = (tmp_path / "cer" / "ref.trn").read_text().splitlines()[0]
    assert line == "T H E <space> C A T <space> S A T\t(s1-s1-a)"


def test_result_files(pair, tmp_path):
    total = score(*pair, tmp_path / "wer", "wer")
    values = json.loads((tmp_path / "wer" / "result.json").read_text())
    assert values["unit"] == "wer"
    assert values["error_rate"] == total.error_rate
    assert read_score(tmp_path / "wer" / "result.json") == total
    text = (tmp_path / "wer" / "result.txt").read_text()
    assert text == describe(total, "wer")
    assert "WER 75.00 %: 6 errors in 8 words of 4 sentences\n" in text
    assert "hits 5, substitutions 1, deletions 2, insertions 3\n" in text
    assert {path.name for path in (tmp_path / "wer").iterdir()} == {
        "ref.trn", "hyp.trn", "utterances.tsv", "result.txt", "result.json"
    }  # fmt: skip


def test_counts_of_each_utterance(pair, tmp_path):
    total = score(*pair, tmp_path / "wer", "wer")
    path = tmp_path / "wer" / "utterances.tsv"
    assert path.read_text() == (
        "utterance\tunits\tsubstitutions\tdeletions\tinsertions\n"
        "s1-a\t3\t0\t0\t0\ns1-b\t4\t1\t1\t1\ns2-c\t1\t0\t1\t0\ns2-d\t0\t0\t0\t2\n"
    )
    utterances = read_utterances(path)
    assert list(utterances) == list(REFERENCES)
    assert sum(u.errors for u in utterances.values()) == total.errors
    assert sum(u.units for u in utterances.values()) == total.units


@pytest.mark.parametrize("content", [None, "utterance\tunits\na\t1\n", "h\na\tb\t1\t2\t3\n"])
def test_no_table_of_utterances(tmp_path, content):
    if content is not None:
        (tmp_path / "utterances.tsv").write_text(content)
    with pytest.raises(UserError, match=r"utterances.tsv cannot be read .* stage 13"):
        read_utterances(tmp_path / "utterances.tsv")


def test_interval_of_the_error_rate(pair, tmp_path):
    total = score(*pair, tmp_path / "wer", "wer")
    assert total.interval_95 == error_interval([0, 3, 1, 2], [3, 4, 1, 0])
    assert total.interval_95.low < total.error_rate < total.interval_95.high
    assert read_score(tmp_path / "wer" / "result.json").interval_95 == total.interval_95
    text = (tmp_path / "wer" / "result.txt").read_text()
    assert text.endswith(f"95 % interval of the WER: {total.interval_95}\n")


def test_one_sentence_has_no_interval(tmp_path):
    total = score(*write_pair(tmp_path, {"s-a": "GO"}, {"s-a": "NO"}), tmp_path / "wer", "wer")
    assert total.interval_95 is None
    assert read_score(tmp_path / "wer" / "result.json").interval_95 is None
    assert "none for one sentence" in describe(total, "wer")
    assert results_row(total)["95 % of Err"] == ""


def test_score_that_was_written_without_an_interval(pair, tmp_path):
    total = score(*pair, tmp_path / "wer", "wer")
    path = tmp_path / "wer" / "result.json"
    values = json.loads(path.read_text())
    del values["interval_95"]
    path.write_text(json.dumps(values))
    assert read_score(path) == total
    assert read_score(path).interval_95 is None


@pytest.mark.parametrize(
    ("references", "unit"),
    [
        (REFERENCES, "wer"),
        ({"a": "今天天气很好", "b": "你好"}, "cer"),
        ({"a": "今天 天气 很好", "b": ""}, "wer"),
    ],
)
def test_unit_that_says_most(tmp_path, references, unit):
    files = write_pair(tmp_path, references, references)
    assert headline_unit(score(*files, tmp_path / "wer", "wer")) == unit


def test_different_utterances(pair, tmp_path):
    write_table(tmp_path / "hyp", {key: "X" for key in REFERENCES if key != "s1-b"})
    with pytest.raises(UserError, match=r"1 utterances of .*/ref are not in .*/hyp: s1-b"):
        score(*pair, tmp_path / "wer", "wer")
    assert not (tmp_path / "wer").exists()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("AB C", ["A", "B", "<space>", "C"]),
        ("  A   B ", ["A", "<space>", "B"]),
        ("你好 世", ["你", "好", "<space>", "世"]),
        ("", []),
    ],
)
def test_characters(text, tokens):
    assert tokenize(text, "cer") == tokens


def test_chinese_characters(tmp_path):
    """AISHELL-1's transcripts have no spaces: one word, and as many units as characters."""
    pair = write_pair(tmp_path, {"s-a": "今天天气很好"}, {"s-a": "今天天汽好"})
    assert score(*pair, tmp_path / "cer", "cer") == Score(1, 6, 4, 1, 1, 0, 1)
    assert score(*pair, tmp_path / "wer", "wer") == Score(1, 1, 0, 1, 0, 0, 1)
    trn = (tmp_path / "cer" / "ref.trn").read_text(encoding="utf-8")
    assert trn == "今 天 天 气 很 好\t(s-s-a)\n"


def test_subword_tokens(an4, bpe, tmp_path):
    text, utt2spk = an4["train"] / "text", an4["train"] / "utt2spk"
    total = score(text, text, utt2spk, tmp_path / "ter", "ter", bpe / "bpe.model")
    model = sentencepiece.SentencePieceProcessor(model_file=str(bpe / "bpe.model"))
    words = [line.split(maxsplit=1)[1] for line in text.read_text().splitlines()]
    expected = [" ".join(model.encode_as_pieces(line)) for line in words]
    lines = (tmp_path / "ter" / "ref.trn").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in lines] == expected
    assert total.errors == 0
    assert total.hits == total.units == sum(len(line.split()) for line in expected)


def test_subword_tokens_need_a_model(pair, tmp_path):
    with pytest.raises(UserError, match="--bpemodel"):
        score(*pair, tmp_path / "ter", "ter")


def test_columns_of_espnet(pair, tmp_path):
    row = results_row(score(*pair, tmp_path / "wer", "wer"))
    assert dict(row) == {"Snt": "4", "Wrd": "8", "Corr": "62.5", "Sub": "12.5", "Del": "25.0",
                         "Ins": "37.5", "Err": "75.0", "S.Err": "75.0",
                         "95 % of Err": "22.22–300.00"}  # fmt: skip


def recognised(generator, words, vocabulary, rate=0.05):
    """What a recogniser with so many deletions, substitutions and insertions makes of `words`."""
    hypothesis = []
    for word in words:
        error = generator.random()
        if error < rate:
            continue
        hypothesis.append(generator.choice(vocabulary) if error < 2 * rate else word)
        if error > 1 - rate:
            hypothesis.append(generator.choice(vocabulary))
    return hypothesis


ENGLISH = ["".join(random.Random(0).choices("ABCDEFGH", k=4)) for _ in range(200)]
CHINESE = [chr(code) for code in range(0x4E00, 0x4E00 + 60)]


def pairs_alike(generator, vocabulary, longest, rate):
    """A sentence and what a recogniser makes of it."""
    words = generator.choices(vocabulary, k=generator.randint(0, longest))
    return words, recognised(generator, words, vocabulary, rate)


def pairs_unlike(generator, vocabulary, longest):
    """Two sentences that have nothing to do with each other."""
    return tuple(generator.choices(vocabulary, k=generator.randint(0, longest)) for _ in range(2))


def pairs_repeated(generator):
    """Words that come several times in a row, and are recognised more or less often."""
    return tuple(
        [word for word in "ABAB" for _ in range(generator.randint(0, 5))] for _ in range(2)
    )


def pairs_with_an_empty_side(generator):
    words = generator.choices(ENGLISH, k=generator.randint(0, 8))
    return (words, []) if generator.random() < 0.5 else ([], words)


def pairs_long(generator):
    """Sentences of 60 to 80 words, every fifth wrong."""
    words = generator.choices(ENGLISH, k=generator.randint(60, 80))
    return words, recognised(generator, words, ENGLISH, 0.07)


#: Kinds of pairs, each with the unit that it is scored in and how many there are.
KINDS = {
    "words": (lambda g: pairs_alike(g, ENGLISH, 20, 0.05), "wer", 4000),
    "words of which most are wrong": (lambda g: pairs_alike(g, ENGLISH, 20, 0.25), "wer", 4000),
    "unlike words": (lambda g: pairs_unlike(g, "ABCDE", 12), "wer", 4000),
    "unlike words of two kinds": (lambda g: pairs_unlike(g, "AB", 15), "wer", 4000),
    "repeated words": (pairs_repeated, "wer", 4000),
    "empty sides": (pairs_with_an_empty_side, "wer", 4000),
    "long sentences": (pairs_long, "wer", 4000),
    "characters": (lambda g: pairs_alike(g, ENGLISH, 6, 0.2), "cer", 4000),
    "Chinese characters": (lambda g: pairs_alike(g, CHINESE, 25, 0.1), "cer", 4000),
    "unlike Chinese characters": (lambda g: pairs_unlike(g, CHINESE[:6], 12), "cer", 4000),
}


def make_texts(kind, number):
    """`number` pairs of a kind, as the tables of the references and of the hypotheses."""
    generator = random.Random(kind)
    pair, unit, _ = KINDS[kind]
    # Chinese is written without spaces.
    join = "" if "Chinese" in kind else " "
    references, hypotheses = {}, {}
    for n in range(number):
        key = f"s{n % 7}-{n:05d}"
        references[key], hypotheses[key] = (join.join(words) for words in pair(generator))
    return references, hypotheses, unit


@pytest.fixture(scope="module")
def texts():
    """Three hundred sentences and what a recogniser may make of them."""
    return make_texts("words", 300)[:2]


@pytest.fixture(scope="module")
def unlike_texts():
    """Three hundred pairs that have nothing to do with each other, in a vocabulary of five."""
    return make_texts("unlike words", 300)[:2]


def ours(references, hypotheses, unit="wer"):
    result = {}
    for key, reference in references.items():
        total = Score()
        total.add(tokenize(reference, unit), tokenize(hypotheses[key], unit))
        result[key] = counts(total)
    return result


@pytest.mark.skipif(SCLITE is None, reason="NIST's sclite is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_sclite_counts_the_same_in_every_utterance(tmp_path, kind):
    """That is, the same choice among alignments of the same cost, too.

    Three substitutions cost as much as two deletions and two insertions, one error more.
    """
    references, hypotheses, unit = make_texts(kind, KINDS[kind][-1])
    total = score(*write_pair(tmp_path, references, hypotheses), tmp_path / unit, unit)
    theirs = sclite(tmp_path / unit)
    assert theirs == counts_of(read_utterances(tmp_path / unit / "utterances.tsv"))
    assert set(theirs) == set(references)
    assert tuple(map(sum, zip(*theirs.values(), strict=True))) == counts(total)
    assert sum(any(wrong) for _, *wrong in theirs.values()) == total.wrong_sentences
    assert total.errors > len(references) / 3


def test_jiwer_never_finds_more_errors(texts, unlike_texts):
    """With its equal costs for all errors jiwer finds the fewest; sclite's costs may need more."""
    for references, hypotheses in (texts, unlike_texts):
        for key, (hits, *wrong) in ours(references, hypotheses).items():
            if references[key]:
                theirs = jiwer.process_words(references[key], hypotheses[key])
                errors = theirs.substitutions + theirs.deletions + theirs.insertions
                assert errors <= sum(wrong)
                assert (errors == 0) == (sum(wrong) == 0)
                assert hits >= theirs.hits


def test_jiwer_agrees_on_what_a_recogniser_does(texts):
    """A few errors in long sentences leave little choice of alignments."""
    references, hypotheses = texts
    keys = [key for key in references if references[key]]
    theirs = jiwer.process_words([references[k] for k in keys], [hypotheses[k] for k in keys])
    mine = ours(references, hypotheses)
    total = theirs.substitutions + theirs.deletions + theirs.insertions
    assert sum(sum(mine[key][1:]) for key in keys) == pytest.approx(total, rel=0.01)


def test_units_are_those_of_espnet():
    assert list(UNITS) == ["wer", "cer", "ter"]
