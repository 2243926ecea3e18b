"""Steps that share the time of a session, the most important first."""

import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A step may take this many times its share of what is left: those ahead matter more.
_MORE = 1.6


class Failed(Exception):
    """A step did not come to its end; the message says why."""


@dataclass(frozen=True)
class Step:
    """A part of the session.

    Attributes:
        name: What the results call it.
        share: Its part of the time, in any unit.
        run: Does it, given the time in ``time.monotonic()`` at which it has to be over.
    """

    name: str
    share: float
    run: Callable[[float], None]


def run_steps(
    steps: Sequence[Step], end: float, record: Callable[[dict], None]
) -> list[dict[str, object]]:
    """Run one after the other; one that fails is noted, and the next goes on.

    Args:
        steps: The steps.
        end: When all have to be over, in ``time.monotonic()``.
        record: Called with each step's entry once it is over.

    Returns:
        The entries: step, status ("ok", "failed" or "no time"), seconds, limit, why.
    """
    entries = []
    for number, step in enumerate(steps):
        start = time.monotonic()
        left = end - start
        ahead = sum(other.share for other in steps[number:])
        limit = min(left, _MORE * left * step.share / ahead)
        entry: dict[str, object] = {"step": step.name, "status": "ok", "limit": round(limit, 1)}
        if left <= 0:
            entry["status"] = "no time"
        else:
            try:
                step.run(start + limit)
            except Failed as error:
                entry |= {"status": "failed", "why": str(error)}
            except Exception:  # whatever it is, it must not cost the other results
                entry |= {"status": "failed", "why": traceback.format_exc(limit=-3)}
        entry["seconds"] = round(time.monotonic() - start, 1)
        entries.append(entry)
        record(entry)
    return entries


def run_command(
    command: Sequence[str],
    end: float,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    kill_when: Callable[[], bool] | None = None,
) -> bool:
    """Run a command in a process group of its own, which is killed when the time is over.

    Args:
        command: The command.
        end: When it has to be over, in ``time.monotonic()``.
        log: Where its output is appended.
        cwd: Where it runs.
        environment: Variables beside those of this process.
        kill_when: Kills it (SIGKILL) once this is true, and that is no failure.

    Returns:
        Whether `kill_when` killed it.

    Raises:
        Failed: If it ends with another status than 0, or takes too long.
    """
    with log.open("a", encoding="utf-8") as output:
        print(f"$ {' '.join(command)}", file=output, flush=True)
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | dict(environment or {}), start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                if kill_when is not None and kill_when():
                    return True
                if time.monotonic() > end:
                    raise Failed(f"took too long: {' '.join(command[:4])} ...")
                time.sleep(0.05)
        finally:
            _kill_group(process)
    if process.returncode:
        raise Failed(f"status {process.returncode}: {_last_words(log)}")
    return False


def _kill_group(process: subprocess.Popen) -> None:
    """Kill what is left of a command."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), "no output")
