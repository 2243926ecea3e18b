"""RESULTS.md, written from the files of decodings."""

import json
import re
from dataclasses import asdict

import pytest

from espnet_recursive import __version__
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.bootstrap import Interval
from espnet_recursive.recipe.decoding_facts import write_decoding_facts
from espnet_recursive.recipe.results import find_scores, write_results
from espnet_recursive.recipe.scoring import Score

TEST = Score(3, 200, 180, 12, 8, 4, 2, Interval(9.5, 14.25))
DEV = Score(1, 3, 2, 1, 0, 0, 1)


def add_score(asr_exp, name, unit, total):
    path = asr_exp / name / f"score_{unit}" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(asdict(total) | {"unit": unit, "error_rate": total.error_rate}))


@pytest.fixture
def asr_exp(tmp_path):
    """An experiment with two decodings of two data sets."""
    path = tmp_path / "asr_train_raw_en_bpe30"
    add_score(path, "decode_lm_a/test", "wer", TEST)
    add_score(path, "decode_lm_a/dev", "wer", DEV)
    add_score(path, "decode_beam1/test", "wer", DEV)
    add_score(path, "decode_lm_a/test", "cer", DEV)
    # Neither is the score of a decoding.
    add_score(path, "logdir/old/decode/test", "wer", TEST)
    (path / "images").mkdir()
    return path


def test_scores_by_decoding_and_data_set(asr_exp):
    assert find_scores(asr_exp, "wer") == {
        "decode_beam1/test": DEV,
        "decode_lm_a/dev": DEV,
        "decode_lm_a/test": TEST,
    }
    assert find_scores(asr_exp, "ter") == {}


def rows(lines, title):
    """The cells of the table below `title`."""
    start = lines.index(title) + 1
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_tables(asr_exp):
    path = write_results(asr_exp)
    assert path == asr_exp / "RESULTS.md"
    lines = path.read_text().splitlines()
    header, rule, *body = rows(lines, "### WER")
    assert header == [
        "dataset",
        "Snt",
        "Wrd",
        "Corr",
        "Sub",
        "Del",
        "Ins",
        "Err",
        "S.Err",
        "95 % of Err",
    ]
    # What GitHub needs to see a table.
    assert all(re.fullmatch(":?-{3,}:?", cell) for cell in rule)
    assert body == [
        ["decode_beam1/test", "1", "3", "66.7", "33.3", "0.0", "0.0", "33.3", "100.0", ""],
        ["decode_lm_a/dev", "1", "3", "66.7", "33.3", "0.0", "0.0", "33.3", "100.0", ""],
        ["decode_lm_a/test", "3", "200", "90.0", "6.0", "4.0", "2.0", "12.0", "66.7", "9.50–14.25"],
    ]
    assert len(rows(lines, "### CER")) == 3
    assert "### TER" not in lines


def test_the_same_for_programs(asr_exp):
    rtf = {"audio_s": 10.0, "decoding_s": 5.0, "rtf": 0.5, "utterances": 3}
    (asr_exp / "decode_lm_a" / "test" / "rtf.json").write_text(json.dumps(rtf))
    write_results(asr_exp)
    values = json.loads((asr_exp / "RESULTS.json").read_text())
    assert values["experiment"] == asr_exp.name
    assert values["environment"]["espnet_recursive"] == __version__
    assert values["real_time_factors"] == {"decode_lm_a/test": rtf}
    assert list(values["scores"]["wer"]) == list(find_scores(asr_exp, "wer"))
    assert values["scores"]["wer"]["decode_lm_a/test"] == asdict(TEST) | {"error_rate": 12.0}
    assert values["scores"]["ter"] == {}


def test_how_a_data_set_was_decoded(asr_exp):
    """Where the decoding says so; numbers stay numbers."""
    facts = {"num_loops": 3, "loop_exit_threshold": 0.05, "recursion": None}
    write_decoding_facts(asr_exp / "decode_lm_a" / "test", facts, {"num_loops": 5})
    write_results(asr_exp)
    values = json.loads((asr_exp / "RESULTS.json").read_text())
    assert values["decodings"] == {"decode_lm_a/test": facts | {"recursion": {"num_loops": 5}}}


def test_characters_first_where_sentences_are_one_word(tmp_path):
    add_score(tmp_path, "decode/test", "wer", Score(2, 2, 1, 1, 0, 0, 1))
    add_score(tmp_path, "decode/test", "cer", Score(2, 20, 19, 1, 0, 0, 1))
    text = write_results(tmp_path).read_text()
    assert text.index("### CER") < text.index("### WER")


def test_words_first_elsewhere(asr_exp):
    text = write_results(asr_exp).read_text()
    assert text.index("### WER") < text.index("### CER")


def test_what_was_used_is_named(asr_exp):
    text = write_results(asr_exp).read_text()
    assert f"## {asr_exp.name}\n" in text
    assert f"espnet_recursive version: `{__version__}`" in text
    assert "espnet version: `2026" in text


def test_written_anew_where_scores_changed(asr_exp):
    path = write_results(asr_exp)
    before = path.stat().st_mtime_ns, path.read_text()
    write_results(asr_exp)
    assert (path.stat().st_mtime_ns, path.read_text()) == before
    add_score(asr_exp, "decode_lm_a/dev", "ter", DEV)
    assert "### TER" in write_results(asr_exp).read_text()


def test_experiment_without_decodings(tmp_path):
    assert "|" not in write_results(tmp_path).read_text()


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(UserError, match="asr_y is no folder: name that of an experiment"):
        write_results(tmp_path / "asr_y")
    assert not (tmp_path / "asr_y").exists()
