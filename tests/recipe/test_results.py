"""RESULTS.md, written from the files of decodings."""

import json
import re
from dataclasses import asdict

import pytest

from espnet_recursive import __version__
from espnet_recursive.recipe.results import find_scores, write_results
from espnet_recursive.recipe.scoring import Score

TEST = Score(3, 200, 180, 12, 8, 4, 2)
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
    assert header == ["dataset", "Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err"]
    # What GitHub needs to see a table.
    assert all(re.fullmatch(":?-{3,}:?", cell) for cell in rule)
    assert body == [
        ["decode_beam1/test", "1", "3", "66.7", "33.3", "0.0", "0.0", "33.3", "100.0"],
        ["decode_lm_a/dev", "1", "3", "66.7", "33.3", "0.0", "0.0", "33.3", "100.0"],
        ["decode_lm_a/test", "3", "200", "90.0", "6.0", "4.0", "2.0", "12.0", "66.7"],
    ]
    assert len(rows(lines, "### CER")) == 3
    assert "### TER" not in lines


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
    assert "|" not in write_results(tmp_path / "exp").read_text()
