"""The command that sets our results beside the paper's."""

import json

import pytest

from espnet_recursive.bin.paper_results import main


def test_nothing_run_yet(tmp_path, capsys):
    """Of the rows of the repository, in the order that they were named in."""
    main([str(tmp_path), "--rows", "L4", "B2"])
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "RESULTS_PAPER.md").read_text()
    assert "Without a result yet: L4, B2." in printed
    values = json.loads((tmp_path / "RESULTS_PAPER.json").read_text())["rows"]
    assert [(value["row"], value["layers"]) for value in values] == [
        ("L4", 7_890_432),
        ("B2", 15_780_864),
    ]


def test_output_elsewhere(tmp_path, capsys):
    (tmp_path / "exp").mkdir()
    main([str(tmp_path / "exp"), "--rows", "L4", "--output", str(tmp_path / "new" / "table.md")])
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"table.md", "table.json"}
    assert not list((tmp_path / "exp").iterdir())


def test_row_that_does_not_exist(tmp_path):
    with pytest.raises(SystemExit, match="Error: .*L9.yaml does not exist.* Rows: B, B2, B3, L1"):
        main([str(tmp_path), "--rows", "L9"])
    assert not list(tmp_path.iterdir())
