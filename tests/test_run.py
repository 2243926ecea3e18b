"""`python -m espnet_recursive.run` runs what Python would run, with the encoders in place."""

import json
import sys

import pytest

from espnet_recursive.registry import ENCODERS
from espnet_recursive.run import main

# Writes down what a program sees of how it was started.
TELL = """
import json, sys
print(json.dumps([__name__, sys.argv, sys.path[0], "espnet_recursive" in sys.modules]))
sys.exit(int(sys.argv[1]))
"""

# Starts a process as ESPnet's training does for each GPU; the child looks what it has.
TRAIN = """
import sys
from multiprocessing import get_context
from spawned import look

if __name__ == "__main__":
    process = get_context("spawn").Process(target=look, args=(sys.argv[1],))
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""
SPAWNED = """
import json
from pathlib import Path

def look(path):
    from espnet2.tasks.asr import encoder_choices
    from espnet2.train.trainer import Trainer
    report = [list(encoder_choices.classes), hasattr(Trainer.run, "__wrapped__")]
    Path(path).write_text(json.dumps(report))
"""


def test_a_module_of_espnet_has_the_encoders(run_python):
    result = run_python("-m", "espnet_recursive.run", "-m", "espnet2.bin.asr_train", "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: asr_train.py ")
    for name in ENCODERS:
        assert name in result.stdout


@pytest.mark.parametrize("command", [("-m", "tell"), ("tell.py",), ("sub/tell.py",)], ids=" ".join)
@pytest.mark.parametrize("status", [0, 3])
def test_arguments_and_status_pass_through(run_python, tmp_path, command, status):
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "tell.py", tmp_path / "sub" / "tell.py"):
        path.write_text(TELL)
    arguments = [str(status), "--config", "a b.yaml", "-m", "x", "--help", ""]
    result = run_python("-m", "espnet_recursive.run", *command, *arguments)
    assert result.returncode == status, result.stderr
    name, argv, path, registered = json.loads(result.stdout)
    assert name == "__main__"
    script = str(tmp_path / "tell.py") if command[0] == "-m" else command[0]
    assert argv == [script, *arguments]
    assert path == str(tmp_path / "sub" if "sub" in command[0] else tmp_path)
    assert registered


def test_code_runs_as_with_python(run_python):
    code = "import sys; print(sys.argv, 'espnet_recursive' in sys.modules); sys.exit(4)"
    result = run_python("-m", "espnet_recursive.run", "-c", code, "a", "-m")
    assert result.returncode == 4
    assert result.stdout.strip() == "['-c', 'a', '-m'] True"


def test_a_traceback_is_status_1(run_python, tmp_path):
    (tmp_path / "broken.py").write_text("raise ValueError('from the module')")
    result = run_python("-m", "espnet_recursive.run", "-m", "broken")
    assert result.returncode == 1
    assert result.stderr.rstrip().endswith("ValueError: from the module")


@pytest.mark.parametrize("command", [("-m", "train"), ("train.py",)], ids=" ".join)
def test_spawned_processes_have_the_encoders(run_python, tmp_path, command):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "spawned.py").write_text(SPAWNED)
    result = run_python("-m", "espnet_recursive.run", *command, "report.json")
    assert result.returncode == 0, result.stderr
    names, writes_whole_checkpoints = json.loads((tmp_path / "report.json").read_text())
    assert set(ENCODERS) < set(names)
    assert writes_whole_checkpoints


@pytest.fixture
def own_argv(monkeypatch):
    """main() replaces sys.argv and puts a script's folder on the path, as Python does."""
    monkeypatch.setattr(sys, "argv", ["run.py"])
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["-m", "no_such_module"], "no module named no_such_module"),
        (["-m", "no_such_package.module", "--help"], "no module named no_such_package.module"),
        (["-m", "espnet_recursive.no_such_module"], "no module named espnet_recursive.no_such_"),
        (["no_such_script.py", "-m", "json"], "no such script: no_such_script.py"),
        (["espnet2.bin.asr_train"], "expected -m MODULE or a script, not espnet2.bin.asr_train"),
        (["-u", "script.py"], "expected -m MODULE or a script, not -u"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_run(own_argv, command, message):
    with pytest.raises(SystemExit) as exit_:
        main(command)
    assert str(exit_.value.code).startswith(f"espnet_recursive.run: {message}")


@pytest.mark.parametrize(
    ("command", "status"), [([], 2), (["-m"], 2), (["-c"], 2), (["-h"], 0), (["--help"], 0)]
)
def test_says_how_it_is_used(own_argv, capsys, command, status):
    with pytest.raises(SystemExit) as exit_:
        main(command)
    assert exit_.value.code == status
    assert "python -m espnet_recursive.run -m espnet2.bin.asr_train" in capsys.readouterr().out


def test_takes_the_command_line_where_no_command_is_given(monkeypatch, own_argv, tmp_path, capsys):
    (tmp_path / "tell.py").write_text(TELL)
    monkeypatch.setattr(sys, "argv", ["run.py", str(tmp_path / "tell.py"), "5"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 5
    assert json.loads(capsys.readouterr().out)[1] == [str(tmp_path / "tell.py"), "5"]
