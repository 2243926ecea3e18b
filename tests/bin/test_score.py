"""The command of stage 13."""

import pytest

from espnet_recursive.bin import results, token_list
from espnet_recursive.bin.score import main
from espnet_recursive.recipe.data_dir import read_table, write_table


@pytest.fixture
def decoding(recipe_dir, tmp_path):
    """A decoding of the training data that recognised the last sentence wrongly."""
    path = tmp_path / "asr_x" / "decode" / "train"
    text = read_table(recipe_dir / "data" / "train" / "text")
    write_table(path / "text", text | {"mwhw-cen8-mwhw-b": "ELEVEN SEVENTY FIFTY ONE"})
    return path


def test_words_and_characters(recipe_dir, decoding, capsys):
    main([str(recipe_dir / "data" / "train"), str(decoding)])
    # SEVENTEEN became SEVENTY: one word; of its characters one is another and two are missing.
    assert capsys.readouterr().out.splitlines() == [
        "train: WER 8.33 %: 1 errors in 12 words of 5 sentences; "
        "hits 11, substitutions 1, deletions 0, insertions 0",
        "train: CER 4.35 %: 3 errors in 69 characters of 5 sentences; "
        "hits 66, substitutions 1, deletions 2, insertions 0",
    ]
    assert {path.name for path in decoding.iterdir()} == {"text", "score_wer", "score_cer"}


def test_tokens_too_and_a_table_of_all(recipe_dir, decoding, tmp_path, capsys):
    text = str(recipe_dir / "data" / "train" / "text")
    token_list.main([text, "--output_dir", str(tmp_path / "bpe")])
    model = ["--bpemodel", str(tmp_path / "bpe" / "bpe.model")]
    main([str(recipe_dir / "data" / "train"), str(decoding), *model])
    assert [line[:10] for line in capsys.readouterr().out.splitlines()] == [
        "train: WER",
        "train: CER",
        "train: TER",
    ]
    results.main([str(decoding.parents[1])])
    printed = capsys.readouterr().out
    assert printed.rstrip("\n") == (decoding.parents[1] / "RESULTS.md").read_text().rstrip("\n")
    for unit in ("WER", "CER", "TER"):
        assert f"### {unit}\n" in printed
    assert printed.count("| decode/train ") == 3


def test_chinese_by_characters_first(tmp_path, capsys):
    for name, text in (("data", "今天天气很好"), ("decode", "今天天汽好")):
        write_table(tmp_path / name / "text", {"a": text, "b": "你好"})
    write_table(tmp_path / "data" / "utt2spk", {"a": "a", "b": "b"})
    main([str(tmp_path / "data"), str(tmp_path / "decode")])
    assert [line[:15] for line in capsys.readouterr().out.splitlines()] == [
        "data: CER 25.00",
        "data: WER 50.00",
    ]


def test_data_set_that_does_not_fit(recipe_dir, decoding):
    with pytest.raises(SystemExit, match="Error: 1 utterances .*fcaw-cen8-fcaw-b"):
        main([str(recipe_dir / "data" / "dev"), str(decoding)])


def test_symbols_that_do_not_count_and_a_cleaner(tmp_path, capsys):
    for name, text in (("data", "[소음] 2 X"), ("decode", "이 엑스")):
        write_table(tmp_path / name / "text", {"a": text})
    write_table(tmp_path / "data" / "utt2spk", {"a": "a"})
    (tmp_path / "nlsyms").write_text("[소음]\n")
    options = ["--nlsyms_txt", str(tmp_path / "nlsyms"), "--cleaner", "korean_cleaner"]
    main([str(tmp_path / "data"), str(tmp_path / "decode"), *options])
    printed = capsys.readouterr().out
    assert "WER 0.00 %: 0 errors in 2 words" in printed and "CER 0.00 %: 0 errors in 4" in printed
