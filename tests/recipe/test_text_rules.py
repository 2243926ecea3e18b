"""References and hypotheses as ESPnet's stage 13 reads them, against ESPnet's own command."""

import pytest
from espnet2.bin import tokenize_text

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import score, tokenize
from espnet_recursive.recipe.text_rules import TextRules

TEXTS = [
    "HELLO <noise> WORLD",
    "<noise> YES <laugh>",
    "<noise>",
    "[소음] 안녕 [소음] 3",
    "",
    "NO<noise>SPACE <noise><laugh> END",
    "KBS 2 NEWS",
    "<laugh>ing OUT  LOUD",
]
TOKEN_TYPES = {"wer": "word", "cer": "char"}


@pytest.fixture
def nlsyms(tmp_path):
    path = tmp_path / "nlsyms.txt"
    path.write_text("<noise>\n[소음]\n<laugh> \n\n")
    return path


def espnets(texts, unit, tmp_path, *options):
    """Lines of tokens, written by the command that ESPnet's asr.sh runs in stage 13."""
    write_table(
        tmp_path / "text", {f"u{n}": " ".join(text.split()) for n, text in enumerate(texts)}
    )
    command = ["-f", "2-", "--input", tmp_path / "text", "--output", tmp_path / "tokens"]
    command += ["--token_type", TOKEN_TYPES[unit], *options]
    tokenize_text.main([str(part) for part in command])
    return [
        line.split(" ") if line else [] for line in (tmp_path / "tokens").read_text().split("\n")
    ]


@pytest.mark.parametrize("cleaner", ["none", "korean_cleaner"])
@pytest.mark.parametrize("unit", TOKEN_TYPES)
def test_as_espnet(unit, cleaner, nlsyms, tmp_path):
    rules = TextRules(nlsyms, cleaner)
    options = ["--non_linguistic_symbols", nlsyms, "--remove_non_linguistic_symbols", "true"]
    hypotheses = [tokenize(text, unit, rules=rules) for text in TEXTS]
    assert hypotheses == espnets(TEXTS, unit, tmp_path, *options)[: len(TEXTS)]
    references = [tokenize(rules.clean(text), unit, rules=rules) for text in TEXTS]
    expected = espnets(TEXTS, unit, tmp_path, *options, "--cleaner", cleaner)
    assert references == expected[: len(TEXTS)]


def test_what_does_not_count_is_no_error(nlsyms, tmp_path):
    write_table(tmp_path / "ref", {"a": "안녕 [소음] 세계", "b": "2 X"})
    write_table(tmp_path / "hyp", {"a": "안녕 세계", "b": "이 엑스"})
    write_table(tmp_path / "utt2spk", {"a": "a", "b": "b"})
    files = [tmp_path / name for name in ("ref", "hyp", "utt2spk")]
    for unit in TOKEN_TYPES:
        plain = score(*files, tmp_path / "plain", unit)
        ruled = score(*files, tmp_path / "ruled", unit, rules=TextRules(nlsyms, "korean_cleaner"))
        assert plain.errors > 0 == ruled.errors
    assert (
        (tmp_path / "ruled" / "ref.trn")
        .read_text()
        .splitlines()[0]
        .startswith("안 녕 <space> 세 계\t")
    )


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="--nlsyms_txt .*nowhere cannot be read: .*or none"):
        TextRules(tmp_path / "nowhere")


def test_a_cleaner_that_is_none():
    with pytest.raises(UserError, match="--cleaner bleach: ESPnet refuses it: Not supported"):
        TextRules(cleaner="bleach")


def test_symbols_after_a_byte_order_mark(tmp_path):
    """ESPnet, which reads the file too, would know another first symbol."""
    (tmp_path / "nlsyms.txt").write_text("\ufeff<noise>\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"nlsyms\.txt begins with a byte order mark .*sed -i"):
        TextRules(tmp_path / "nlsyms.txt")
