"""One option: which values it takes."""

import pytest

from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS

WORDS = [name for name, option in OPTIONS.items() if option.kind.words]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("stage", ("1", "9", "10", "15")),
        ("skip_stages", ("", "6", "6 7 8")),
        ("ngpu", ("0", "8")),
        ("nj", ("1", "64")),
        ("num_loops", ("", "24")),
        ("max_wav_duration", ("20", ".5", "0.5", "1e-3")),
        ("cepstra", ("", "13 40 130 6800")),
        ("fs", ("16k", "8000", "22.05k")),
        ("use_lm", ("true", "false")),
        ("data_dir", ("", "/a b/c", "data'x", "$(x)", "~/data", "a;b")),
        ("test_sets", ("test", "dev test", "'a b' c")),
        ("lm_args", ("", "--max_epoch 3 --lm_conf 'unit=3 4'")),
        ("bpe_nlsyms", ("<noise>,<laugh>", "$(a) `b`")),
        ("hf_repo", ("user/name",)),
    ],
)
def test_values_that_are_taken(name, values):
    for value in values:
        OPTIONS[name].check(value)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_default_is_taken(name):
    OPTIONS[name].check(OPTIONS[name].default)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stage", "0", "--stage 0: expected a stage, 1 to 15, found '0'"),
        ("stage", "016", "expected a stage"),
        ("stage", "", "--stage : expected a stage, 1 to 15, found ''"),
        ("skip_stages", "6 77", "--skip_stages 6 77: expected a stage, 1 to 15, found '77'"),
        ("nj", "0", "--nj 0: expected a whole number, 1 or more"),
        ("nj", "٣", "expected a whole number"),  # a digit elsewhere
        ("num_loops", "2.5", "expected a whole number, 1 or more"),
        ("fs", "abc", "expected a sampling rate such as 16k"),
        ("fs", "16", "expected a sampling rate such as 16k"),
        ("cepstra", "13 x", "--cepstra 13 x: expected a number, found 'x'"),
        ("use_lm", "", "--use_lm is true or false, not ''"),
        ("data_dir", "--stage", "begins with a hyphen"),
        ("dumpdir", "a,b", "holds a comma, at which ESPnet ends the path of data"),
        ("expdir", "exp/JOB", "JOB stands for the number of a job"),
        ("dumpdir", "", "--dumpdir is a path or a name, not ''"),
        ("test_sets", "a 'b", "--test_sets a 'b: no closing quotation"),
        ("lm_args", 'a "b', "no closing quotation"),
        ("asr_tag", "a\nb", "a value is one line, without control characters"),
    ],
)
def test_values_that_are_refused(name, value, message):
    with pytest.raises(UsageError) as error:
        OPTIONS[name].check(value)
    assert message in str(error.value)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("control", ["\n", "\r", "\0", "\x1b"])
def test_no_option_takes_control_characters(name, control):
    """Not between the words of a value either, but there a line's end is a space like others."""
    with pytest.raises(UsageError):
        OPTIONS[name].check(f"'1{control}2'" if name in WORDS else f"1{control}2")


@pytest.mark.parametrize("name", WORDS)
def test_quotes_hold_words_together(name):
    assert OPTIONS[name].words("a 'b c' \"d'e\" f\\ g") == ["a", "b c", "d'e", "f g"]


def test_a_value_without_words_is_one():
    assert OPTIONS["asr_config"].words("a 'b c'") == ["a 'b c'"]
