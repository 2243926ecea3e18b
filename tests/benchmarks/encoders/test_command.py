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


def test_the_plan_of_a_gpu_tried_on_a_cpu(rows, tmp_path, capsys):
    output = tmp_path / "time"
    main(
        ["--rows_dir", str(rows), "--repeats", "2", "2", "--device", "cpu", "--plan", "cuda",
         "--shrink", "24", "--only", "bf16 training step", "bf16 memory", "--output", str(output)]
    )  # fmt: skip
    figures = json.loads(output.with_suffix(".json").read_text())
    assert figures["times"][0]["work"] == "training, 2 x 0.5 s"
    who = [
        (entry["system"], entry["row"], entry["setting"], entry["precision"])
        for part in ("competitors", "left_out")
        for entry in figures["times"][0][part]
    ]
    assert {
        ("ESPnet", "B", "defaults", "float32"),
        ("ESPnet", "B", "autocast, fused Adam", "bfloat16"),
        ("SpeechBrain", "B", "autocast", "bfloat16"),
        ("ours", "L1", "autocast", "bfloat16"),
    } <= set(who)
    assert {entry["setting"] for entry in figures["memories"]} == {
        "autocast", "autocast, defaults", "autocast, fused Adam", "autocast, checkpoint_loops",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options, message",
    [
        (["--shrink", "0"], "--shrink: at least 1"),
        (["--only", "container", "marathon"], "--only marathon: there are container, "),
        (["--only", "marathon"], "--only marathon: there are container, Transformer"),
        (["--repeats", "1", "5"], "--repeats: at least 2"),
        (["--repeats", "5", "2"], "the fewest come first"),
    ],
)
def test_refused(rows, options, message):
    with pytest.raises(SystemExit, match=message):
        main(["--device", "cpu", "--rows_dir", str(rows), *options])
