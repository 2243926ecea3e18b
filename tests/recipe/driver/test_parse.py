"""The command line of the stage driver, and its help."""

import re

import pytest

from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS
from espnet_recursive.recipe.driver.parse import help_message, parse, with_encoder_file


def test_every_option_has_its_default():
    assert parse([]) == {name: option.default for name, option in OPTIONS.items()}


def test_the_last_value_holds_and_hyphens_are_underscores():
    words = ["--nj", "2", "--asr-config", "a b.yaml", "--nj", "3", "--lm_args", "--max_epoch 3"]
    assert parse(words) == parse([]) | {
        "nj": "3",
        "asr_config": "a b.yaml",
        "lm_args": "--max_epoch 3",
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_takes_a_value(name):
    value = "false" if OPTIONS[name].default in ("true", "false") else "value"
    assert parse([f"--{name}", value])[name] == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "expected --name value, found: train"),
        (["--nj", "2", "3"], "expected --name value, found: 3"),
        (["--stage"], "--stage needs a value"),
        (["--stop_stge", "3"], "unknown option --stop_stge. Did you mean --stop_stage?"),
        (["--xyzzy", "3"], "unknown option --xyzzy"),
        (["--nj=3"], "unknown option --nj=3. Did you mean --nj?"),
        (["--use_lm", "yes"], "--use_lm is true or false, not 'yes'"),
        # A wrong value is refused though a right one follows.
        (["--use_lm", "yes", "--use_lm", "true"], "--use_lm is true or false, not 'yes'"),
    ],
)
def test_what_is_refused(words, message):
    with pytest.raises(UsageError) as error:
        parse(words)
    assert str(error.value) == message


def test_help_has_each_option_once_with_its_value():
    values = {name: f"<{name}>" for name in OPTIONS}
    text = help_message(values, "./run.sh")
    assert text.startswith("Usage: ./run.sh [--option value ...]\n")
    found = re.findall(r"^    --(\w+) ", text, re.MULTILINE)
    assert found == list(OPTIONS)
    shown = set(re.findall(r"<(\w+)>", text)) - {"user", "name", "step", "lang"}
    assert shown == {name for name, option in OPTIONS.items() if "{}" in option.help} - {"lang"}
    assert max(map(len, text.splitlines())) <= 100


def test_help_says_what_is_done_again():
    assert "A step is done again when its command, or the content of a file" in help_message(
        parse([]), "asr.sh"
    )


def test_an_encoder_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = with_encoder_file(parse(["--encoder_config", "L1"]))["encoder_config"]
    assert found.endswith("conf/encoder/L1.yaml")
    assert with_encoder_file(parse([])) == parse([])
    with pytest.raises(UsageError, match="--encoder_config loops_lenght is no file, nor"):
        with_encoder_file(parse(["--encoder_config", "loops_lenght"]))
