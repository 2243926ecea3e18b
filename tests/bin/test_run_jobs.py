"""The command behind every long step of a recipe."""

import os
import signal
import subprocess
import sys
import time

import pytest

from espnet_recursive.bin.run_jobs import main
from tests.signals import heed_ctrl_c

RESULTS = (
    "[host] 2026-01-01 00:00:00,000 (trainer:389) INFO: 2epoch results: [train] loss_ctc=9.000, "
    "loss=2.000, total_count=5, [valid] loss=3.000, acc=0.500, total_count=1"
)


def test_options_of_the_command_are_its_own(tmp_path):
    log = tmp_path / "stats.JOB.log"
    main(["--log", str(log), "--nj", "2", "--", "echo", "--nj", "7", "--log", "x.JOB", "--", "y"])
    assert "\n--nj 7 --log x.2 -- y\n" in (tmp_path / "stats.2.log").read_text()


def test_failure_ends_with_status_1_and_the_log(tmp_path):
    with pytest.raises(SystemExit) as raised:
        main(["--log", str(tmp_path / "log"), "--", "sh", "-c", "echo reason; exit 5"])
    message = str(raised.value.code)
    assert message.startswith("Error: the command failed (status 5)")
    assert "reason" in message and str(tmp_path / "log") in message


def test_no_command(tmp_path, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--log", str(tmp_path / "log"), "--"])
    assert raised.value.code == 2
    assert "no command given" in capsys.readouterr().err


def test_progress_of_training(tmp_path, capsys):
    (tmp_path / "lines").write_text(f"{RESULTS}\n")
    command = ["cat", str(tmp_path / "lines")]
    main(["--log", str(tmp_path / "log"), "--progress", "training", "--", *command])
    expected = "  epoch 2/?: train loss 2.000, valid loss 3.000, valid acc 0.500\n"
    assert capsys.readouterr().err == expected


def test_progress_of_decoding(tmp_path, capsys):
    line = "2026-01-01 00:00:00,000 (batch_beam_search:1259) INFO: best hypo: ▁GO\n"
    (tmp_path / "lines").write_text(line * 60)
    command = ["cat", str(tmp_path / "lines")]
    options = ["--nj", "2", "--progress", "utterances", "--total", "120"]
    main(["--log", str(tmp_path / "JOB.log"), *options, "--", *command])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"  {n} of 120 utterances decoded" for n in range(12, 121, 12)]


def test_run_has_a_name_from_the_surroundings(tmp_path, monkeypatch):
    """asr.sh names a run of a step; in another run finished jobs are run again."""
    command = ["--log", str(tmp_path / "log"), "--", "sh", "-c", f"echo x >> {tmp_path}/ran"]
    for name in ("first", "first", "second", "second", "first"):
        monkeypatch.setenv("STEP_RUN", name)
        main(command)
    main(["--run", "first", *command])
    assert (tmp_path / "ran").read_text() == "x\n" * 3


@pytest.mark.parametrize("nj", [1, 2])
def test_ctrl_c_is_no_success(tmp_path, nj):
    """Stages would take status 0 for a job that is done."""
    command = ["sh", "-c", f"touch {tmp_path}/begun; exec sleep 60"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "espnet_recursive.bin.run_jobs", "--nj", str(nj)),
            *("--log", str(tmp_path / "JOB.log"), "--", *command),
        ],
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert not list(tmp_path.glob("*.done"))
