"""Tables of utterances, against ESPnet's own reader and the order of sort(1)."""

import os
import subprocess
from pathlib import Path

import pytest
from espnet2.fileio.read_text import read_2columns_text

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import (
    check_same_keys,
    read_source,
    read_table,
    write_data_dir,
    write_table,
)
from espnet_recursive.recipe.lm_text import write_lm_text
from espnet_recursive.recipe.scoring import score
from espnet_recursive.recipe.token_list import read_sentences

#: Ids in an order that is nobody's, with characters on which languages of a machine disagree.
TABLE = {
    "utt-10": "ZWEI DREI",
    "Vtt-1": "V",
    "utt_1": "ÄÖÜ ß",
    "Utt-1": "你好 世界",
    "utt-1": "a  b",
    "ütt-1": "x",
}


def test_round_trip(tmp_path):
    write_table(tmp_path / "text", TABLE)
    assert read_table(tmp_path / "text") == TABLE
    # ESPnet splits at the first space as well, so both read the same.
    assert read_2columns_text(tmp_path / "text") == TABLE


def test_order_is_that_of_sort_in_the_c_locale(tmp_path):
    write_table(tmp_path / "text", TABLE)
    ids = "".join(f"{key}\n" for key in TABLE)
    expected = subprocess.run(
        ["sort"], input=ids.encode(), env=os.environ | {"LC_ALL": "C"}, capture_output=True
    ).stdout.decode()
    assert list(read_table(tmp_path / "text")) == expected.splitlines()


def test_read_keeps_the_order_of_the_file(tmp_path):
    (tmp_path / "wav.scp").write_text("b 2\na 1\n")
    assert list(read_table(tmp_path / "wav.scp")) == ["b", "a"]


def test_empty_values(tmp_path):
    write_table(tmp_path / "text", {"a": "", "b": "B"})
    assert (tmp_path / "text").read_text() == "a\nb B\n"
    assert read_table(tmp_path / "text", empty_values=True) == {"a": "", "b": "B"}


def test_values_may_be_paths_and_numbers(tmp_path):
    write_table(tmp_path / "t", {"a": Path("x/y.wav"), "b": 16000})
    assert (tmp_path / "t").read_text() == "a x/y.wav\nb 16000\n"


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"nowhere/wav\.scp does not exist"):
        read_table(tmp_path / "nowhere" / "wav.scp")


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        ("a 1\nb 2\na 3\n", 3, "a comes twice"),
        ("a 1\nb\n", 2, "found 'b'"),
        ("a 1\n\nb 2\n", 2, "expected 'key value'"),
    ],
)
def test_bad_line_is_named(tmp_path, content, line, word):
    (tmp_path / "text").write_text(content)
    with pytest.raises(UserError, match=rf"/text, line {line}: .*{word}"):
        read_table(tmp_path / "text")


def test_duplicate_id_where_values_may_be_empty(tmp_path):
    (tmp_path / "text").write_text("a\na\n")
    with pytest.raises(UserError, match="line 2: a comes twice"):
        read_table(tmp_path / "text", empty_values=True)


def test_failed_write_keeps_the_old_table(tmp_path):
    write_table(tmp_path / "text", {"a": "1"})

    class Unprintable:
        def __str__(self):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(tmp_path / "text", {"a": "2", "b": Unprintable()})
    assert read_table(tmp_path / "text") == {"a": "1"}
    assert [child.name for child in tmp_path.iterdir()] == ["text"]


def write_example(path, **changes):
    tables = {
        "wav_scp": {"s2-b": "b.wav", "s1-c": "c.wav", "s2-a": "a.wav"},
        "text": {"s1-c": "C", "s2-a": "", "s2-b": "B B"},
        "utt2spk": {"s2-b": "s2", "s2-a": "s2", "s1-c": "s1"},
        "utt2num_samples": {"s2-b": 2, "s2-a": 1, "s1-c": 3},
    }
    write_data_dir(path, **tables | changes)


def test_data_dir(tmp_path):
    write_example(tmp_path)
    assert {child.name: child.read_text() for child in tmp_path.iterdir()} == {
        "wav.scp": "s1-c c.wav\ns2-a a.wav\ns2-b b.wav\n",
        "text": "s1-c C\ns2-a\ns2-b B B\n",
        "utt2spk": "s1-c s1\ns2-a s2\ns2-b s2\n",
        "spk2utt": "s1 s1-c\ns2 s2-a s2-b\n",
        "utt2num_samples": "s1-c 3\ns2-a 1\ns2-b 2\n",
    }


@pytest.mark.parametrize("table", ["text", "utt2spk", "utt2num_samples"])
def test_data_dir_with_an_utterance_too_few(tmp_path, table):
    with pytest.raises(UserError, match=rf"2 utterances of .*wav\.scp .* {tmp_path}/{table}: s1-c"):
        write_example(tmp_path, **{table: {"s2-a": "s2"}})
    assert not list(tmp_path.iterdir())


def test_data_dir_with_an_utterance_too_many(tmp_path):
    with pytest.raises(UserError, match=r"1 utterances of .*/wav\.scp are not in .*/text: s3-x"):
        write_example(tmp_path, wav_scp={"s2-b": 1, "s1-c": 1, "s2-a": 1, "s3-x": 1})


def test_no_more_than_three_ids_are_listed():
    left = [f"u{n}" for n in range(9)]
    with pytest.raises(UserError, match=r"^9 utterances of l are not in r: u0, u1, u2, \.\.\.\. "):
        check_same_keys(Path("l"), left, Path("r"), [])
    with pytest.raises(UserError, match=r"^1 utterances of r are not in l: x\. "):
        check_same_keys(Path("l"), left, Path("r"), [*left, "x"])


def source_of(directory, **tables):
    for name, content in {"wav.scp": "utt utt.wav", "text": "utt", "utt2spk": "utt spk"}.items():
        (directory / name).write_text(tables.get(name.replace(".", "_"), content) + "\n")
    return directory


def test_source_with_an_empty_transcript(tmp_path):
    assert read_source(source_of(tmp_path)) == ({"utt": "utt.wav"}, {"utt": ""}, {"utt": "spk"})


def test_source_to_be_cut_into_segments(tmp_path):
    (tmp_path / "segments").write_text("utt rec 0.0 1.0\n")
    with pytest.raises(UserError, match=r"segments: cut the recordings"):
        read_source(source_of(tmp_path))


def test_source_without_speakers(tmp_path):
    source_of(tmp_path)
    (tmp_path / "utt2spk").unlink()
    with pytest.raises(UserError, match=r"utt2spk does not exist"):
        read_source(tmp_path)


def test_source_with_audio_without_a_transcript(tmp_path):
    with pytest.raises(UserError, match=r"1 utterances of .*wav\.scp are not in .*text: utt\."):
        read_source(source_of(tmp_path, text="other A B"))


def test_another_encoding(tmp_path):
    (tmp_path / "text").write_bytes("BAC009S0002W0122 是的\n".encode("gb18030"))
    with pytest.raises(UserError, match=r"text is not in UTF-8 .*iconv"):
        read_table(tmp_path / "text")


#: Transcripts as editors leave them, and as all stages read them.
LEFT = {
    "a": ("A\u3000B", "A B"),
    "b": ("\xa0A  B\xa0", "A B"),
    "c": ("A\tB\u2028C\x85D", "A B C D"),
    "d": ("\u3000", ""),
    "e": ("", ""),
    "f": ("\ufeff你好\u3000世界", "你好 世界"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_one_rule_for_all_that_reads_text(tmp_path, end, mark):
    """Data, tokens, texts of language models and scores see the same words."""
    lines = (f"{key} {left}{end}" for key, (left, _) in LEFT.items())
    (tmp_path / "text").write_bytes((mark + "".join(lines)).encode())
    for name in ("wav.scp", "utt2spk"):
        (tmp_path / name).write_bytes((mark + "".join(f"{k} x/y z{end}" for k in LEFT)).encode())
    words = {key: plain for key, (_, plain) in LEFT.items()}
    speech, text, utt2spk = read_source(tmp_path)
    assert text == words
    assert set(speech.values()) == set(utt2spk.values()) == {"x/y z"}
    assert list(read_sentences(tmp_path / "text")) == [plain for plain in words.values() if plain]
    write_lm_text([tmp_path / "text"], tmp_path / "lm.txt")
    assert read_2columns_text(tmp_path / "lm.txt") == {k: v for k, v in words.items() if v}
    write_table(tmp_path / "hyp", words)
    for unit in ("wer", "cer"):
        total = score(tmp_path / "text", tmp_path / "hyp", tmp_path / "utt2spk", tmp_path, unit)
        assert total.errors == 0 and total.units
