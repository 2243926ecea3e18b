"""What tools/check_faults.sh counts, and that it goes on where it was; it is run by hand."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from tools.faults import files, recipe
from tools.faults.stops import SIGNALS, STOPS, stopped
from tools.faults.trials import Outcome, Trials, judged


@pytest.mark.parametrize(("status", "output", "differences", "verdict", "said"), [
    (1, "log\nError: x.pth is damaged\n", [], "refused", "Error: x.pth is damaged"),
    (1, "Traceback (most recent call last):\n  ...\nKeyError: 3\n", [], "traceback", "KeyError: 3"),
    (1, "nothing that helps\n", [], "traceback", "nothing that helps"),
    (1, "Error: stage 3 failed in the command\n  x\n", [], "traceback", "x"),
    (1, "Error: the command failed (status 1):\nError: no space", [], "refused", "Error: no space"),
    (-11, "Error: then a crash\n", [], "traceback", "Error: then a crash"),
    (0, "done\n", [], "survived", ""),
    (0, "done\n", ["text differs", "a.part was left"], "silent", "text differs; a.part was left"),
])  # fmt: skip
def test_verdicts(status, output, differences, verdict, said):
    assert judged("a fault", status, output, differences) == Outcome(verdict, "a fault", said)


def test_trials_are_not_made_twice(tmp_path, capsys):
    drawn = []

    def trial(rng):
        drawn.append(rng.random())
        return Outcome("silent", "four kills", "text differs", 4)

    Trials(tmp_path, 0).run("kill", 1, 2, trial)
    with (tmp_path / "faults.jsonl").open("a") as file:
        file.write('{"seed": 0, "ki')  # killed while it was written
    again = Trials(tmp_path, 0)
    again.run("kill", 1, 2, trial)
    again.run("kill", 2, 2, trial)
    again.run("flip", 1, 1, lambda _: Outcome("refused", "a bit", "a sentence"))
    assert len(drawn) == 2 and drawn[0] != drawn[1]
    assert drawn[0] == random.Random("0/kill/1").random()
    assert (tmp_path / "faults.md").read_text().splitlines()[:4] == [
        "| fault | tried | refused | survived | silent | traceback | skipped |",
        "|---|--:|--:|--:|--:|--:|--:|",
        "| flip | 1 | 1 | 0 | 0 | 0 | 0 |",
        "| kill | 8 | 0 | 0 | 8 | 0 | 0 |",
    ]
    assert "kill 2/2 (0 s) silent: four kills: text differs" in capsys.readouterr().out
    assert list(Trials(tmp_path, 0).outcomes()) == list(again.outcomes())
    assert list(Trials(tmp_path, 1).outcomes()) == []


def results(root, value=1.0):
    """A few results of the recipe."""
    made = recipe.Recipe(root)
    for name, content in (
        ("data/test/text", "a-1 YES\n"),
        ("data/test/wav.scp", f"a-1 {made.dir}/downloads/a-1.sph\n"),
        ("exp/lm_faults/perplexity_test/ppl", "9.5\n"),
    ):
        path = made.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (made.dir / "exp/asr_faults").mkdir()
    torch.save({"w": torch.tensor([value])}, made.dir / "exp/asr_faults/1epoch.pth")
    (made.dir / "exp/asr_stats_raw/train").mkdir(parents=True)
    np.savez(made.dir / "exp/asr_stats_raw/train/feats_stats.npz", sum=np.array([value]))
    return made


def test_differences(tmp_path):
    one, two = results(tmp_path / "one"), results(tmp_path / "two")
    assert recipe.differences(one, two) == []
    other = results(tmp_path / "other", 2.0)
    (other.dir / "data/test/text").unlink()
    (other.dir / "exp/.config.yaml.part").touch()
    assert recipe.differences(one, other) == [
        "data/test/text is missing",
        "exp/asr_stats_raw/train/feats_stats.npz differs",
        "exp/asr_faults/1epoch.pth differs",
        "exp/.config.yaml.part was left",
    ]


def test_copies_of_a_recipe(tmp_path):
    one = results(tmp_path / "one")
    copy = recipe.Recipe(tmp_path / "copy", one)
    assert recipe.differences(one, copy) == []
    text = "data/test/text"
    assert (copy.dir / text).stat().st_mtime_ns == (one.dir / text).stat().st_mtime_ns


def test_what_a_stage_wrote(tmp_path):
    made = results(tmp_path / "one")
    (made.dir / "data/en_token_list").mkdir()
    assert made.forget(1) == ("--stage", "1", "--stop_stage", "1")
    assert [path.name for path in (made.dir / "data").iterdir()] == ["en_token_list"]
    made.forget(11)
    assert not list((made.dir / "exp/asr_faults").iterdir())
    assert (made.dir / "exp/asr_stats_raw/train/feats_stats.npz").exists()


def test_how_long_stages_took(tmp_path):
    made = results(tmp_path / "one")
    for pattern, time_of in (
        ("data/**/*", 110),
        ("exp/lm_faults/**/*", 150),
        ("exp/asr*/**/*", 190),
    ):
        for path in made.dir.glob(pattern):
            os.utime(path, (time_of, time_of))
    assert made.stage_seconds(100.0) == dict.fromkeys(recipe.WRITTEN, 1.0) | {1: 20, 8: 40, 10: 40}


def test_times_and_folders_are_no_results(tmp_path):
    path = tmp_path / "transcript.json"
    path.write_text(f'{{"file": "{tmp_path}/a.flac", "text": "YES", "rtf": 0.5}}')
    assert recipe.content(path, tmp_path) == {"file": "/a.flac", "text": "YES"}


@pytest.mark.parametrize(("write", "verdict"), [
    ("sleep 2; echo YES > text.new; mv text.new text", "survived"),
    ("echo MAYBE > text; sleep 2; echo YES > text", "silent"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["sigint_stage", "sigterm"])
def test_stops(tmp_path, monkeypatch, kind, write, verdict):
    """Of a recipe with one stage, which is not done again where there is a text."""
    undisturbed = recipe.Recipe(tmp_path / "undisturbed", None)
    script = f"cd data/test; echo '(stage 1) began'; [ -e text ] || {{ {write}; }}"
    for root in ("undisturbed", "stopped"):
        made = recipe.Recipe(tmp_path / root)
        (made.dir / "run.sh").unlink()
        (made.dir / "run.sh").write_text(f"#!/bin/bash\nmkdir -p data/test; {script}\n")
        (made.dir / "run.sh").chmod(0o755)
    assert undisturbed.run()[0] == 0
    if kind.endswith("_stage"):  # beside the results of all other stages
        shutil.rmtree(tmp_path / "stopped")
    monkeypatch.setattr("tools.faults.stops.STAGES", (1,) * STOPS[kind])
    outcome = stopped(kind, undisturbed, 1.0, tmp_path / "stopped", random.Random(0), 1)
    assert outcome.verdict == verdict
    assert outcome.faults == (STOPS[kind] if verdict == "survived" else 1)
    assert (tmp_path / "stopped").exists() == (verdict == "silent")


def test_processes_that_outlive_a_run_are_counted_and_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "_GRACE", 0.5)
    code = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    run = recipe.Run([sys.executable, "-c", code], tmp_path)
    run.process.wait()
    assert run.end_others() == 1
    assert run.end_others() == 0


def test_signals_reach_what_they_are_for(tmp_path):
    run = recipe.Run(["bash", "-c", "echo '(stage 3) began'; sleep 60"], tmp_path)
    while run.stage() != "3":
        time.sleep(0.05)
    run.process.send_signal(SIGNALS["sigterm"][0])
    assert run.wait()[0] == -signal.SIGTERM


@pytest.mark.parametrize(
    "value", [True, 3, 0.5, "conv2d", [1, 2, 3], ["a"], [], None, {}, {"a": 1}]
)
def test_another_value(value):
    assert files.other(value) != value


def test_help():
    result = subprocess.run(
        ["tools/check_faults.sh", "--help"], cwd=recipe.ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0 and "--only KIND" in result.stdout
