"""The profile of an encoder, a tiny one."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def profile(rows, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("encoder_profile")
    monkeypatch.setattr(module, "paper_rows_dir", lambda: rows)
    return module


@pytest.mark.parametrize("options", [[], ["--seconds", "1"], ["--training", "--seconds", "1"]])
def test_shares_of_the_time(profile, options, capsys):
    name = "ours/L1/fused Adam" if "--training" in options else "ours/L1/prepared/float32"
    profile.main([*options, "--repeats", "1", "--operators", "3", name])
    title, rows = capsys.readouterr().out.split("each")
    assert ("1 s" if options else "12 s") in title and "ours L1" in title
    shares = [float(row.split()[1]) for row in rows.strip().splitlines()[2:]]
    assert len(shares) == 3 and 0 < sum(shares) <= 100


def test_a_name_that_nobody_has(profile):
    with pytest.raises(SystemExit, match="ours/L1/quickest: expected system/row/setting"):
        profile.main(["ours/L1/quickest"])
