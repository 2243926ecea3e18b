"""Batched decoding: the ways, and that each finds the same."""

import json

import pytest

from benchmarks.decoding_time import Way, main, ways
from tests.publish.conftest import private_home, recipe  # noqa: F401
from tests.publish.experiments import FAST


def test_batches():
    lengths = [5, 1, 4, 2, 3]
    assert Way(2, False, False).batches(lengths) == [[0, 1], [2, 3], [4]]
    assert Way(2, False, True).batches(lengths) == [[1, 3], [4, 2], [0]]


def test_ways():
    assert len(ways([1, 4, 16])) == 9 and ways([])[0] == Way(1, False, False)


def test_the_same_texts(recipe, tmp_path, capsys):  # noqa: F811
    config = tmp_path / "decode.yaml"
    config.write_text(json.dumps(FAST))
    main(
        [str(recipe.asr), str(recipe.data["train"]), "--config", str(config), "--batch_sizes", "3",
         "--utterances", "4", "--repeats", "1", "--json", str(tmp_path / "a.json")]
    )  # fmt: skip
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 5
    rows = json.loads((tmp_path / "a.json").read_text())
    alone = [row["texts"] for row in rows if not row["padded"]]
    assert alone[0] == alone[1] == alone[2]
    assert all(row["encoder"][0] > 0 and row["search"][0] > 0 for row in rows)


def test_no_data(recipe, tmp_path):  # noqa: F811
    with pytest.raises(SystemExit, match="none/wav.scp does not exist"):
        main([str(recipe.asr), str(tmp_path / "none")])
