"""The command that draws a table's rows."""

import json

import pytest

from espnet_recursive.bin.plot_results import main
from tests.analysis.paper.result_rows import ROWS


@pytest.fixture
def exp(tmp_path):
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "RESULTS_PAPER.json").write_text(json.dumps({"rows": ROWS}))
    return tmp_path / "exp"


def test_beside_the_table(exp, capsys):
    main([str(exp), "--x", "parameters"])
    pictures = [exp / f"results_parameters.{suffix}" for suffix in ("png", "svg")]
    assert capsys.readouterr().out == "".join(f"{path}\n" for path in pictures)
    assert all(path.stat().st_size > 10_000 for path in pictures)


def test_some_rows_and_another_place(exp, tmp_path):
    output = tmp_path / "new" / "a.svg"
    options = ["--x", "executed", "--rows", "L1", "B", "--test_sets", "test"]
    main([str(exp / "RESULTS_PAPER.json"), *options, "--output", str(output)])
    text = output.read_text()
    assert ">B<" in text and "loops_1" not in text and "dev" not in text
    assert [path.name for path in exp.iterdir()] == ["RESULTS_PAPER.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", "L9"], "--rows L9: the table has B, L1, loops_1"),
        (["--output", "a.gif"], "a.gif: a picture's name ends in .png, .svg, .pdf"),
        (["--test_sets", "eval"], "--test_sets eval: what was decoded with lm is test"),
    ],
)
def test_mistakes_have_a_message(exp, options, message):
    with pytest.raises(SystemExit, match=f"Error: {message}"):
        main([str(exp), *options])
    assert [path.name for path in exp.iterdir()] == ["RESULTS_PAPER.json"]
