"""Nothing outlives its run: neither commands, nor what they started, nor processes of a pool."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_recursive.recipe.data_dir import write_data_dir
from espnet_recursive.recipe.process_group import process_group

JOBS = """
from espnet_recursive.recipe.jobs import run_jobs
if __name__ == "__main__":
    script = "sleep 600 & (sleep 600 & sleep 600) & touch JOB.started; wait"
    run_jobs(["sh", "-c", script], "JOB.log", nj={nj}, max_running={nj})
"""
FORMAT = """
from espnet_recursive.recipe.format_audio import format_data_dir
if __name__ == "__main__":
    format_data_dir("data", "out", 16000, nj=2)
"""


def processes_of(mark):
    """Processes, zombies apart, that have the mark in their environment, as children inherit it."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in environment and state != "Z":
            found.add(int(folder.name))
    return found


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path):
    """Start a script in a group of its own; give it and the mark of all that it starts."""
    mark = f"MARK_OF_TEST={tmp_path}"

    def run(script):
        path = tmp_path / "script.py"
        path.write_text(script)
        environment = os.environ | dict([mark.split("=", 1)])
        return subprocess.Popen(
            [sys.executable, path], cwd=tmp_path, env=environment, process_group=0
        ), mark

    yield run
    for pid in processes_of(mark):
        os.kill(pid, signal.SIGKILL)


def end(process, how):
    match how:
        case "kill":
            process.send_signal(signal.SIGKILL)
        case "terminate":
            process.send_signal(signal.SIGTERM)
        case "kill the group":
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("how", ["kill", "terminate", "kill the group"])
@pytest.mark.parametrize("nj", [1, 2])
def test_grandchildren_of_jobs_end(start, tmp_path, nj, how):
    process, mark = start(JOBS.format(nj=nj))
    wait_for(lambda: len(list(tmp_path.glob("*.started"))) == nj)
    assert len(processes_of(mark)) > 4 * nj
    end(process, how)
    wait_for(lambda: not processes_of(mark))


def test_what_a_command_leaves_behind_ends_with_it(tmp_path):
    with process_group() as group:
        left = subprocess.run(
            ["sh", "-c", "sleep 600 > /dev/null & echo $!"],
            stdout=subprocess.PIPE,
            process_group=group,
        )
        assert Path(f"/proc/{int(left.stdout)}").exists()
    wait_for(lambda: not Path(f"/proc/{int(left.stdout)}").exists())


@pytest.mark.parametrize("how", ["kill", "terminate", "kill the group"])
def test_processes_of_stage_3_end_and_write_nothing_more(start, tmp_path, how):
    """Also the command that one of them waits for."""
    soundfile.write(tmp_path / "a.wav", np.zeros(1600, np.int16), 8000)
    wav_scp = {f"utt{n:03d}": tmp_path / "a.wav" for n in range(400)}
    wav_scp["utt399"] = f"touch {tmp_path}/waiting; sleep 600 |"
    text, speakers = (dict.fromkeys(wav_scp, value) for value in ("A", "spk"))
    write_data_dir(tmp_path / "data", wav_scp, text, speakers)
    process, mark = start(FORMAT)
    wait_for((tmp_path / "waiting").exists)
    assert len(processes_of(mark)) > 4
    end(process, how)
    wait_for(lambda: not processes_of(mark))
    written = sorted((tmp_path / "out" / "data").iterdir())
    time.sleep(0.5)
    assert sorted((tmp_path / "out" / "data").iterdir()) == written
