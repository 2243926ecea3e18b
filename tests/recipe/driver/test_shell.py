"""Values as assignments that bash reads."""

import json
import subprocess
import sys

import pytest

from espnet_recursive.recipe.driver.shell import assignments

HOSTILE = [
    "",
    " ",
    "a b",
    "'",
    '"',
    "$(touch x)",
    "`touch x`",
    "${HOME}",
    "; touch x",
    "a\nb",
    "a\\",
    "*",
    "~",
    "!!",
    "-n",
    "ä語",
    "'; touch x; '",
    '$(touch x)"$(touch x)',
    "a&&b|c>d<e",
    "#x",
    "\t",
]
_PRINT = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"


def test_bash_has_each_value_as_it_is(tmp_path):
    values = {f"v{number}": value for number, value in enumerate(HOSTILE)} | {"all_of": HOSTILE}
    words = " ".join(f'"${{v{number}}}"' for number in range(len(HOSTILE)))
    script = f'eval "$1"; {_PRINT} {words} "${{all_of[@]}}"'
    result = subprocess.run(
        ["bash", "-euc", script, "bash", assignments(values)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == [*HOSTILE, *HOSTILE]
    assert result.stderr == "" and not list(tmp_path.iterdir())


def test_no_words_are_an_empty_array():
    assert assignments({"words": [], "text": ""}) == "words=()\ntext=''"


@pytest.mark.parametrize("name", ["a b", "a=b", "$(x)", "ä", "1a", ""])
def test_names_are_names_of_variables(name):
    with pytest.raises(ValueError, match="no name of a variable"):
        assignments({name: "x"})
