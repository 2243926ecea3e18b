"""Steps share the time, and a failure costs no other step."""

import os
import sys
import time

import pytest

from benchmarks.gpu.steps import Failed, Step, run_command, run_steps


def test_a_failure_is_noted_and_the_next_goes_on():
    ran, recorded = [], []

    def fails(end):
        raise ValueError("no such kernel")

    def gives_up(end):
        raise Failed("took too long")

    steps = [Step("a", 1, fails), Step("b", 1, gives_up), Step("c", 1, ran.append)]
    entries = run_steps(steps, time.monotonic() + 60, recorded.append)
    assert recorded == entries
    assert [entry["status"] for entry in entries] == ["failed", "failed", "ok"]
    assert "no such kernel" in entries[0]["why"] and entries[1]["why"] == "took too long"
    assert len(ran) == 1


def test_limits_follow_from_shares_and_nothing_begins_too_late():
    limits = []
    steps = [Step("a", 1, limits.append), Step("b", 3, limits.append)]
    start = time.monotonic()
    run_steps(steps, start + 100, lambda _: None)
    assert limits == pytest.approx([start + 40, start + 100], abs=1)
    (entry,) = run_steps(steps[:1], time.monotonic() - 1, lambda _: None)
    assert entry["status"] == "no time" and len(limits) == 2


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path):
    pid = tmp_path / "pid"
    command = ["bash", "-c", f"sleep 60 & echo $! > {pid}; wait"]
    with pytest.raises(Failed, match="took too long: bash -c"):
        run_command(command, time.monotonic() + 1, tmp_path / "log", tmp_path)
    child = int(pid.read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if f"{child} (sleep) Z" in _stat(child):
            return
        time.sleep(0.05)
    pytest.fail("the child still runs")


def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read()
    except FileNotFoundError:
        return f"{pid} (sleep) Z"


def test_the_last_words_of_a_command_that_fails(tmp_path):
    command = [sys.executable, "-c", "print('out of memory'); raise SystemExit(3)"]
    with pytest.raises(Failed, match="status 3: out of memory"):
        run_command(command, time.monotonic() + 60, tmp_path / "log", tmp_path)


def test_killed_on_a_condition_is_no_failure(tmp_path):
    ready = tmp_path / "ready"
    command = ["bash", "-c", f"touch {ready}; sleep 60"]
    end = time.monotonic() + 30
    assert run_command(command, end, tmp_path / "log", tmp_path, kill_when=ready.exists)
    assert time.monotonic() < end - 10
