"""Commands with logs: arrays, failures, restarts, and what a killed parent leaves behind."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.jobs import run_jobs


def shell(script):
    return ["sh", "-c", script]


def appended(path):
    return path.read_text().split() if path.exists() else []


def test_log_of_one_command(tmp_path):
    command = shell("echo out; echo 'to stderr: ä' >&2")
    assert run_jobs(command, tmp_path / "new" / "one.log") == 1
    lines = (tmp_path / "new" / "one.log").read_text().splitlines()
    assert lines[0] == f"# {shlex.join(command)}"
    assert re.fullmatch(r"# Started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", lines[1])
    assert lines[2:4] == ["out", "to stderr: ä"]
    assert re.fullmatch(r"# Ended \(code 0\) at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", lines[5])
    assert len(lines) == 6, "an empty line stands between, should the output not end with one"


def test_array(tmp_path):
    command = shell(f"echo keys.JOB.scp > {tmp_path}/out.JOB; echo job JOB of JOB")
    assert run_jobs(command, tmp_path / "logs.JOB" / "stats.JOB.log", nj=3, max_running=2) == 3
    for job in (1, 2, 3):
        assert (tmp_path / f"out.{job}").read_text() == f"keys.{job}.scp\n"
        log = (tmp_path / f"logs.{job}" / f"stats.{job}.log").read_text()
        assert f"job {job} of {job}\n" in log
        assert "JOB" not in log


def test_arguments_reach_the_command_as_they_are(tmp_path):
    arguments = ["a b", "", "$HOME", "*", "q\"uo'te", "ä\n"]
    run_jobs([sys.executable, "-c", "import sys; print(sys.argv[1:])", *arguments], tmp_path / "l")
    assert repr(arguments) in (tmp_path / "l").read_text()


def test_commands_get_no_input(tmp_path):
    """A job that asks something must not wait for an answer that nobody gives."""
    run_jobs(shell("cat; echo end of input"), tmp_path / "log")
    assert "end of input" in (tmp_path / "log").read_text()


def test_array_needs_a_log_for_each_job(tmp_path):
    with pytest.raises(UserError, match="must contain JOB where there are 2 jobs"):
        run_jobs(shell("true"), tmp_path / "one.log", nj=2)


def test_failure(tmp_path):
    log = tmp_path / "train.log"
    command = shell("for n in $(seq 50); do echo line $n; done; echo 'bad luck' >&2; exit 3")
    with pytest.raises(UserError) as raised:
        run_jobs(command, log)
    message = str(raised.value)
    assert "(status 3)" in message
    assert shlex.join(command) in message
    assert str(log) in message
    assert "bad luck" in message
    # The end of the log, not the whole of it.
    assert "line 50\n" in message and "line 30\n" not in message
    assert "# Ended (code 3)" in log.read_text()
    assert not (tmp_path / "train.log.done").exists()


def test_failure_by_signal(tmp_path):
    with pytest.raises(UserError, match=r"status -9"):
        run_jobs(shell("kill -9 $$"), tmp_path / "log")


def test_command_that_does_not_exist(tmp_path):
    with pytest.raises(UserError, match="no-such-command"):
        run_jobs(["no-such-command", "--option"], tmp_path / "log")
    assert "(code 127)" in (tmp_path / "log").read_text()


def test_command_that_does_not_exist_without_setpriv(tmp_path, monkeypatch):
    monkeypatch.setattr("espnet_recursive.recipe.job._END_WITH_PARENT", [])
    with pytest.raises(UserError, match=r"status 127(?s:.)*no-such-command"):
        run_jobs(["no-such-command", "--option"], tmp_path / "log")


def test_log_that_is_not_text(tmp_path):
    with pytest.raises(UserError, match="after"):
        run_jobs(shell("printf '\\377\\376\\n'; echo after; exit 1"), tmp_path / "log")


def test_finished_jobs_are_not_run_again(tmp_path):
    command = shell(f"echo JOB >> {tmp_path}/ran")
    assert run_jobs(command, tmp_path / "JOB.log", nj=3) == 3
    assert run_jobs(command, tmp_path / "JOB.log", nj=3) == 0
    assert run_jobs(command, tmp_path / "JOB.log", nj=4) == 1
    assert appended(tmp_path / "ran") == ["1", "2", "3", "4"]
    (tmp_path / "2.log.done").unlink()
    assert run_jobs(command, tmp_path / "JOB.log", nj=4) == 1
    assert appended(tmp_path / "ran")[-1] == "2"


def test_another_command_is_run(tmp_path):
    for word in ("one", "two", "two"):
        run_jobs(shell(f"echo {word} >> {tmp_path}/ran"), tmp_path / "log")
    assert appended(tmp_path / "ran") == ["one", "two"]


def test_another_run_is_run(tmp_path):
    """The same command has other inputs when a step begins anew."""
    for run in ("monday", "monday", "tuesday", "tuesday"):
        run_jobs(shell(f"echo {run} >> {tmp_path}/ran"), tmp_path / "log", run=run)
        run_jobs(shell(f"echo same >> {tmp_path}/same"), tmp_path / "log2", run=run)
    assert appended(tmp_path / "ran") == ["monday", "tuesday"]
    assert len(appended(tmp_path / "same")) == 2


def test_first_command_runs_again_after_another(tmp_path):
    for word in ("one", "two", "one"):
        run_jobs(shell(f"echo {word} >> {tmp_path}/ran"), tmp_path / "log")
    assert appended(tmp_path / "ran") == ["one", "two", "one"]


def test_first_command_runs_again_after_another_that_failed(tmp_path):
    """The second may have overwritten what the first one made."""
    first, second = (shell(f"echo {word} > {tmp_path}/made{end}") for word, end in (("one", ""),
                     ("two", "; exit 1")))  # fmt: skip
    run_jobs(first, tmp_path / "log")
    with pytest.raises(UserError):
        run_jobs(second, tmp_path / "log")
    run_jobs(first, tmp_path / "log")
    assert appended(tmp_path / "made") == ["one"]


def test_only_what_failed_is_repeated(tmp_path):
    command = shell(f"echo JOB >> {tmp_path}/ran; [ JOB != 2 ] || [ -e {tmp_path}/mended ]")
    with pytest.raises(UserError, match=r"2\.log"):
        run_jobs(command, tmp_path / "JOB.log", nj=3, max_running=3)
    (tmp_path / "mended").touch()
    before = len(appended(tmp_path / "ran"))
    run_jobs(command, tmp_path / "JOB.log", nj=3, max_running=3)
    assert "1" not in appended(tmp_path / "ran")[before:]
    assert set(appended(tmp_path / "ran")) == {"1", "2", "3"}


def test_no_job_starts_after_a_failure(tmp_path):
    command = shell(f"echo JOB >> {tmp_path}/ran; exit 1")
    with pytest.raises(UserError):
        run_jobs(command, tmp_path / "JOB.log", nj=20, max_running=1)
    # The next job may have started while the failure was on its way.
    assert len(appended(tmp_path / "ran")) <= 2


def test_no_job_starts_after_a_failure_beside_a_long_job(tmp_path):
    command = shell(f"echo JOB >> {tmp_path}/ran; [ JOB != 1 ] || exec sleep 1.5; exit 1")
    with pytest.raises(UserError):
        run_jobs(command, tmp_path / "JOB.log", nj=20, max_running=2)
    assert len(appended(tmp_path / "ran")) <= 4


def test_logs_of_earlier_runs_are_kept(tmp_path):
    for number in range(3):
        run_jobs(shell(f"echo run {number}"), tmp_path / "stats.1.log")
    assert "run 2" in (tmp_path / "stats.1.log").read_text()
    assert "run 0" in (tmp_path / "stats.1.old1.log").read_text()
    assert "run 1" in (tmp_path / "stats.1.old2.log").read_text()


@pytest.mark.parametrize("max_running", [1, 3])
def test_max_running(tmp_path, max_running):
    """Each job looks how many are there beside it."""
    script = f"cd {tmp_path}; touch here.JOB; sleep 0.3; set -- here.*; echo $#; rm here.JOB"
    run_jobs(shell(script), tmp_path / "JOB.log", nj=6, max_running=max_running)
    counts = [int((tmp_path / f"{n}.log").read_text().splitlines()[2]) for n in range(1, 7)]
    assert max(counts) == max_running


def test_every_line_is_handed_on_once(tmp_path):
    lines = []
    script = "echo JOB a; sleep 0.7; printf 'JOB b'; sleep 0.7; echo ' c ä'; echo JOB d"
    run_jobs(shell(script), tmp_path / "JOB.log", nj=2, max_running=2, on_line=lines.append)
    for job in (1, 2):
        ours = [line for line in lines if line.startswith(str(job))]
        assert ours == [f"{job} a\n", f"{job} b c ä\n", f"{job} d\n"]
    logs = [(tmp_path / f"{job}.log").read_text() for job in (1, 2)]
    assert sorted(lines) == sorted(line for log in logs for line in log.splitlines(keepends=True))


def test_lines_come_while_the_job_runs(tmp_path):
    """Not only at its end: the job waits for what the reader of its line does."""
    seen = threading.Event()

    def on_line(line):
        if line == "now\n":
            (tmp_path / "go").touch()
            seen.set()

    script = f"echo now; for n in $(seq 100); do [ -e {tmp_path}/go ] && exit; sleep 0.1; done"
    run_jobs(shell(script + "; exit 1"), tmp_path / "log", on_line=on_line)
    assert seen.is_set()


def test_lines_come_before_the_failure(tmp_path):
    lines = []
    with pytest.raises(UserError):
        run_jobs(shell("echo last words; exit 1"), tmp_path / "log", on_line=lines.append)
    assert "last words\n" in lines


def is_running(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv of util-linux is not installed")
@pytest.mark.parametrize("nj", [1, 2])
def test_job_ends_when_its_parent_is_killed(tmp_path, nj):
    script = tmp_path / "parent.py"
    script.write_text(f"""
from espnet_recursive.recipe.jobs import run_jobs
if __name__ == "__main__":
    run_jobs(["sh", "-c", "echo $$ > {tmp_path}/JOB.part; mv {tmp_path}/JOB.part {tmp_path}/pid;"
              " exec sleep 60"], "{tmp_path}/JOB.log", nj={nj}, max_running={nj})
""")
    process = subprocess.Popen([sys.executable, script])
    wait_for((tmp_path / "pid").exists)
    pid = int((tmp_path / "pid").read_text())
    assert is_running(pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not is_running(pid))
    # Neither is it taken for finished.
    assert not list(tmp_path.glob("*.done"))


#: A job is the child of its worker.
KILL_WORKER = "kill -9 $PPID; exec sleep 60"


def test_a_killed_worker_loses_nothing(tmp_path):
    """Its job begins again on another worker; what the others do and did stays."""
    script = (
        f"cd {tmp_path}; echo JOB >> started; "
        f"if [ JOB = 2 ] && [ ! -e killed ]; then touch killed; {KILL_WORKER}; fi; "
        "sleep 0.2; echo JOB >> ended"
    )
    assert run_jobs(shell(script), tmp_path / "JOB.log", nj=6, max_running=2) == 6
    assert sorted(appended(tmp_path / "ended")) == ["1", "2", "3", "4", "5", "6"]
    assert sorted(appended(tmp_path / "started")) == ["1", "2", "2", "3", "4", "5", "6"]
    assert (tmp_path / "2.old1.log").exists(), "the log of the first attempt is kept"
    assert "# Ended (code 0)" in (tmp_path / "2.log").read_text()
    assert run_jobs(shell(script), tmp_path / "JOB.log", nj=6, max_running=2) == 0


def test_a_job_that_always_loses_its_worker(tmp_path):
    script = f"echo JOB >> {tmp_path}/started; [ JOB != 2 ] || {{ {KILL_WORKER}; }}"
    with pytest.raises(UserError, match=r"was killed 4 times(?s:.)*2\.log"):
        run_jobs(shell(script), tmp_path / "JOB.log", nj=3, max_running=2)
    assert appended(tmp_path / "started").count("2") == 4
    assert (tmp_path / "1.log.done").exists()
    assert not (tmp_path / "2.log.done").exists()


def test_gpus_are_dealt_out(tmp_path, monkeypatch):
    """Two GPUs, so two jobs at a time, each with one of them."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    script = f"cd {tmp_path}; echo $CUDA_VISIBLE_DEVICES > JOB.gpu; touch here.JOB; sleep 0.5; "
    script += "ls here.* | wc -l > JOB.count; rm here.JOB"
    run_jobs(shell(script), tmp_path / "JOB.log", nj=4, max_running=4, gpus=2)
    gpus = {(tmp_path / f"{job}.gpu").read_text().strip() for job in range(1, 5)}
    assert gpus == {"3", "5"}
    assert max(int((tmp_path / f"{job}.count").read_text()) for job in range(1, 5)) == 2


def test_gpus_are_left_alone_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    script = f"echo $CUDA_VISIBLE_DEVICES > {tmp_path}/JOB.gpu"
    run_jobs(shell(script), tmp_path / "JOB.log", nj=2, max_running=2)
    assert (tmp_path / "1.gpu").read_text().strip() == "3,5"


def test_what_a_killed_job_started_ends_with_it(tmp_path):
    script = f"(sleep 1; echo late >> {tmp_path}/written) & kill -9 $$"
    with pytest.raises(UserError, match="status -9"):
        run_jobs(shell(script), tmp_path / "log")
    run_jobs(shell(f"sleep 1.5; echo next >> {tmp_path}/written"), tmp_path / "log")
    assert appended(tmp_path / "written") == ["next"]


@pytest.mark.skipif(not shutil.which("setsid"), reason="setsid of util-linux is not installed")
def test_what_is_left_of_a_killed_run_is_waited_for(tmp_path):
    """A grandchild that left the job's group still writes: the next attempt comes after it."""
    script = f"setsid sh -c 'sleep 1; echo late >> {tmp_path}/written' & sleep 0.3; kill -9 $$"
    with pytest.raises(UserError, match="status -9"):
        run_jobs(shell(script), tmp_path / "log")
    run_jobs(shell(f"echo next >> {tmp_path}/written"), tmp_path / "log")
    assert appended(tmp_path / "written") == ["late", "next"]
