"""The command, on tiny encoders."""

import json

import pytest

from benchmarks.encoders.command import main


def test_race_memory_and_files(rows, tmp_path, capsys):
    output = tmp_path / "out" / "time"
    main(
        ["--rows_dir", str(rows), "--repeats", "2", "2", "--only", "container",
         "--device", "cpu", "--output", str(output)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert printed.strip() == output.with_suffix(".md").read_text().strip()
    figures = json.loads(output.with_suffix(".json").read_text())
    assert [len(c["seconds"]) for c in figures["times"][0]["competitors"]] == [2, 2, 2]
    assert figures["machine"]["device"] == "cpu"
    assert {row["row"] for row in figures["counted"]} >= {"B", "L1"}


@pytest.mark.parametrize(
    "options, message",
    [
        (["--only", "marathon"], "--only marathon: there are container, Transformer"),
        (["--repeats", "1", "5"], "--repeats: at least 2"),
        (["--repeats", "5", "2"], "the fewest come first"),
    ],
)
def test_refused(rows, options, message):
    with pytest.raises(SystemExit, match=message):
        main(["--device", "cpu", "--rows_dir", str(rows), *options])
