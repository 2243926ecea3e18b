"""The files of loop trajectories, and what is printed."""

import csv
import json

import pytest
import torch

from espnet_recursive.analysis.loop_trajectory import FIGURES, trajectories
from espnet_recursive.analysis.loop_trajectory_table import (
    TrajectoryReport,
    trajectory_text,
    write_trajectories,
)
from espnet_recursive.recursion.shape import RecursionShape

#: h_0 to h_3 of a frame in two dimensions: out, and back.
OUT_AND_BACK = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.5, 1.0]])


def report(loops=3, trained=2):
    states = OUT_AND_BACK[: loops + 1, None].expand(-1, 5, -1)
    encoded = [("a", states), ("b", 3 * states)]
    result = trajectories(encoded, RecursionShape(1, trained, 0, 0), loops)
    return TrajectoryReport("exp/asr_L1", "test", result)


def test_files(tmp_path):
    write_trajectories(report(), tmp_path / "new")
    with (tmp_path / "new" / "loop_trajectories.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["utterance"], row["loop"]) for row in rows] == [
        (name, str(loop)) for name in "ab" for loop in range(4)
    ]
    assert rows[0]["turn"] == "" and float(rows[1]["turn"]) == pytest.approx(45, abs=1e-3)
    assert float(rows[7]["update_turn"]) == pytest.approx(180, abs=0.1)
    content = json.loads((tmp_path / "new" / "loop_trajectories.json").read_text())
    assert (content["trained_loops"], content["num_loops"], content["frames"]) == (2, 3, 10)
    loops = content["loops"]
    assert [entry["loop"] for entry in loops] == [0, 1, 2, 3]
    assert loops[0]["mean"]["norm"] == pytest.approx(2)
    assert loops[0]["percentile_10"]["norm"] == pytest.approx(1.2)
    assert loops[0]["mean"]["turn"] is None
    assert list(loops[1]["mean"]) == list(FIGURES)
    assert len(content["plane"]["mean_path"]) == 4


def test_printed():
    text = trajectory_text(report())
    lines = text.splitlines()
    assert lines[0] == (
        "exp/asr_L1: 2 loops as configured, 3 run; 2 utterances (test), 10 frames. "
        "Angles in degrees."
    )
    assert "| 2 (trained) |" in text
    assert lines[-2] == (
        "Loop 1 turns the state by 45.0 degrees, loop 2 by 18.4. "
        "Loops that take back what the loop before did: 3."
    )
    assert lines[-1].startswith("After 3 loops the state lies 7.1 degrees from that after 2,")


def test_no_more_loops_than_trained():
    text = trajectory_text(report(loops=2))
    assert text.endswith("No loop takes back what the loop before did (an angle of more than 90).")
