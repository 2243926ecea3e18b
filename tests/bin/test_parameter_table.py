"""The table of sizes, in its three formats."""

import json
from pathlib import Path

import pytest

from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.bin import parameter_table
from espnet_recursive.bin.parameter_table import main

COLUMNS = ["row", "{n_r, L, n_p, n_c}", "unique", "executed", "layers", "private",
           "encoder in all", "GFLOP/s", "paper", "reduction"]  # fmt: skip
ROWS = Path(parameter_table.__file__).parents[2] / "conf" / "encoder"


@pytest.fixture
def table(capsys):
    """Return a function that runs the command and returns what it printed."""

    def run(*arguments):
        main(list(map(str, arguments)))
        return capsys.readouterr().out

    return run


def test_json(table):
    rows = json.loads(table("--format", "json"))
    assert [row["row"] for row in rows] == list(PAPER_ROWS)
    assert list(rows[0]) == [*COLUMNS, "recursion"]
    l1 = next(row for row in rows if row["row"] == "L1")
    assert l1["layers"] == 25_219_072
    assert l1["recursion"] == {
        "recurrent_blocks": 4, "num_loops": 5, "prelude_blocks": 2, "coda_blocks": 2
    }  # fmt: skip


def cells(line, start, ends):
    """Cut a line at the ends of its columns."""
    return [line[a:b].strip() for a, b in zip([start, *ends], [*ends, None], strict=True)]


def text_rows(text):
    """The cells of the text table, whose rule shows where its columns are."""
    lines = text.splitlines()
    rule = next(n for n, line in enumerate(lines) if set(line) == {"-", " "})
    starts = [
        n for n, c in enumerate(lines[rule]) if c == "-" and (n == 0 or lines[rule][n - 1] == " ")
    ]
    table = []
    for line in [lines[rule - 1], *lines[rule + 1 :]]:
        if not line:
            break
        table.append(cells(line, 0, starts[1:]))
    return table


def as_text(row):
    numbers = ("layers", "private", "encoder in all")
    return [f"{row[c]:,}" if c in numbers else str(row[c]) for c in COLUMNS]


def test_text_has_the_numbers_of_json(table):
    header, *body = text_rows(table())
    assert header == COLUMNS
    assert body == [as_text(row) for row in json.loads(table("--format", "json"))]


def test_markdown_is_a_table_of_the_same(table):
    lines = [line for line in table("--format", "markdown").splitlines() if line.startswith("|")]
    header, rule, *body = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert header == COLUMNS
    assert set("".join(rule)) <= {"-", ":"} and len(rule) == len(header)
    assert body == [as_text(row) for row in json.loads(table("--format", "json"))]


def test_files_that_are_named(table):
    output = table("--format", "json", ROWS / "B2.yaml", ROWS / "L4.yaml")
    rows = {row["row"]: row for row in json.loads(output)}
    assert list(rows) == ["B2", "L4"]
    assert rows["L4"]["reduction"] == "50.0%"
    assert rows["L4"]["layers"] == 7_890_432


def test_note_on_the_branchformer_only_where_it_is_shown(table):
    assert "B3 and L5" in table()
    assert "B3 and L5" not in table(ROWS / "L1.yaml")


def test_size_of_the_input(table):
    small, large = (
        json.loads(table("--format", "json", "--input_size", size, ROWS / "L4.yaml"))[0]
        for size in (40, 80)
    )
    assert small["layers"] == large["layers"]
    assert small["encoder in all"] < large["encoder in all"]


def test_file_that_is_missing(tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .*no\.yaml does not exist"):
        main([str(tmp_path / "no.yaml")])


def test_names_of_rows(table):
    rows = json.loads(table("L1", "huginn", "--format", "json"))
    assert [row["row"] for row in rows] == ["L1", "huginn"]
    with pytest.raises(SystemExit, match=r"Error: L11 is no file.* Did you mean 'L1'\?.*conf list"):
        main(["L11"])
