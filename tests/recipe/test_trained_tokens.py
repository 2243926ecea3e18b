"""A training does not go on with other tokens than it began with."""

import pytest
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.trained_tokens import check_tokens

TOKENS = ["<blank>", "<unk>", "A", "B", "▁C", "<sos/eos>"]


@pytest.fixture
def exp(tmp_path):
    folder = tmp_path / "asr_x"
    folder.mkdir()
    (folder / "checkpoint.pth").touch()
    (folder / "config.yaml").write_text(yaml.safe_dump({"token_list": TOKENS}))
    return folder


@pytest.fixture
def listed(tmp_path):
    """Return a function that writes a token list."""

    def write(tokens):
        path = tmp_path / "tokens.txt"
        path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
        return path

    return write


def test_the_same_tokens(exp, listed):
    check_tokens(exp, listed(TOKENS), "asr_tag")


@pytest.mark.parametrize(
    ("tokens", "difference"),
    [
        ([*TOKENS[:2], "B", "A", *TOKENS[4:]], "2 of 6 tokens differ, the first is number 2"),
        ([*TOKENS[:3], *TOKENS[4:]], "6 tokens there, 5 here"),
        (TOKENS + ["D"], "6 tokens there, 7 here"),
    ],
)
def test_other_tokens(exp, listed, tokens, difference):
    with pytest.raises(UserError) as error:
        check_tokens(exp, listed(tokens), "asr_tag")
    message = str(error.value)
    assert message.startswith(f"{exp} was trained with other tokens than") and difference in message
    assert f"Choose another --asr_tag, or remove {exp} to train it anew." in message


def test_a_number_that_is_known_before_the_list(exp, tmp_path):
    check_tokens(exp, tmp_path / "none.txt", "lm_tag", 6)
    check_tokens(exp, tmp_path / "none.txt", "lm_tag")
    with pytest.raises(UserError, match="6 tokens there, 500 here"):
        check_tokens(exp, tmp_path / "none.txt", "lm_tag", 500)


def test_big_blanks_are_espnets(exp, listed):
    conf = {"model_conf": {"transducer_multi_blank_durations": [2, 4]}}
    tokens = ["<blank>", "<blank4>", "<blank2>", *TOKENS[1:]]
    (exp / "config.yaml").write_text(yaml.safe_dump({"token_list": tokens} | conf))
    check_tokens(exp, listed(TOKENS), "asr_tag")


def test_what_has_learnt_nothing_takes_any(exp, listed):
    (exp / "checkpoint.pth").unlink()
    check_tokens(exp, listed(["A"]), "asr_tag")
