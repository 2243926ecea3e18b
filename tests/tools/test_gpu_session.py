"""tools/gpu_session.sh on a CPU: its cheap steps, and what it refuses."""

import json
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "gpu_session.sh"


def session(*options, cwd):
    command = ["bash", str(SCRIPT), "--device", "cpu", "--shrink", "24", *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_the_machine_is_described(tmp_path):
    done = session("--only", "environment", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert {file.name for file in out.iterdir()} == {
        "RESULTS.md", "environment.json", "steps.json", "checks.json", "benchmarks.json",
        "trainings.json", "session.log",
    }  # fmt: skip
    environment = json.loads((out / "environment.json").read_text())
    assert environment["device"] == "cpu" and environment["packages"]["espnet"]
    (step,) = json.loads((out / "steps.json").read_text())
    assert (step["step"], step["status"]) == ("environment", "ok")
    assert f"# cpu, torch {environment['torch']}" in (out / "RESULTS.md").read_text()


def test_a_step_without_its_data_fails_alone(tmp_path):
    (tmp_path / "data").mkdir()
    done = session(
        "--only", "training B", "--data", str(tmp_path), "--out", str(tmp_path / "out"),
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1 and "not ok: training B" in done.stderr
    (step,) = json.loads((tmp_path / "out" / "steps.json").read_text())
    assert step["status"] == "failed" and "has no dump, exp: run stages 1 to 10" in step["why"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--only", "dance"], "--only dance: there are environment, check, training step"),
        (["--data", "nowhere"], "--data nowhere: no such folder"),
        (["--minutes", "0"], "--minutes more than 0"),
    ],
)
def test_refused(tmp_path, options, message):
    done = session("--out", "out", *options, cwd=tmp_path)
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "out").exists()
