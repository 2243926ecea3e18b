"""Commands with logs: one, or an array that differs in a number; restartable, with progress.

In the command and the log's path the word ``JOB`` stands for the number, as in Kaldi's run.pl.
A job that ended well leaves ``<log>.done`` with its command, and is not run again for the same one.
"""

import itertools
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.whole_files import whole_file

#: Lines of the log that a failure shows.
TAIL_LINES = 20
#: Where util-linux has it: the kernel ends the job when this process is killed, so that a second
#: run never meets the remains of the first.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def run_jobs(
    command: Sequence[str],
    log: Path | str,
    nj: int = 1,
    max_running: int = 1,
    on_line: Callable[[str], None] | None = None,
) -> int:
    """Run a command, or nj of them, with a log each.

    Args:
        command: The command; with nj > 1, ``JOB`` in it becomes 1 to nj.
        log: The log's path; must contain ``JOB`` where nj > 1.
        nj: Number of jobs.
        max_running: How many run at a time.
        on_line: Called with each line that is added to a log.

    Returns:
        How many jobs ran; the others had ended well before.

    Raises:
        UserError: If a job fails, with its command, the end of its log and the log's place. No
            further jobs are started then; those running come to their end.
    """
    if nj > 1 and "JOB" not in str(log):
        raise UserError(f"--log {log} must contain JOB where there are {nj} jobs")
    jobs = [
        (
            [part.replace("JOB", str(job)) for part in command],
            Path(str(log).replace("JOB", f"{job}")),
        )
        for job in range(1, nj + 1)
    ]
    pending = [(parts, path) for parts, path in jobs if not _is_done(parts, path)]
    for _, path in pending:
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_old(path)
    with ThreadPoolExecutor(max_running) as pool, _follow([p for _, p in pending], on_line):
        _run_all(pool, pending)
    return len(pending)


def _run_all(pool: Executor, pending: Sequence[tuple[list[str], Path]]) -> None:
    futures = [pool.submit(_run_job, parts, path) for parts, path in pending]
    try:
        for future in futures:
            future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _run_job(command: list[str], log: Path) -> None:
    with log.open("w", encoding="utf-8") as file:
        file.write(f"# {shlex.join(command)}\n# Started at {_now()}\n")
        file.flush()
        try:
            status = subprocess.run(
                [*_END_WITH_PARENT, *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            ).returncode
        except OSError as error:
            file.write(f"{error}\n")
            status = 127
        file.write(f"# Ended (code {status}) at {_now()}\n")
    if status:
        end = "\n".join(
            log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        )
        raise UserError(
            f"the command failed (status {status}):\n  {shlex.join(command)}\n"
            f"the end of its log:\n{end}\nthe whole log: {log.resolve()}"
        )
    with whole_file(_done_file(log)) as file:
        file.write(shlex.join(command))


def _done_file(log: Path) -> Path:
    return log.with_name(f"{log.name}.done")


def _is_done(command: Sequence[str], log: Path) -> bool:
    done = _done_file(log)
    return done.exists() and done.read_text(encoding="utf-8") == shlex.join(command)


def _keep_old(log: Path) -> None:
    """Rename the log of an earlier run, which this one would overwrite."""
    if log.exists():
        numbers = itertools.count(1)
        names = (log.with_name(f"{log.stem}.old{number}{log.suffix}") for number in numbers)
        log.rename(next(name for name in names if not name.exists()))


def _now() -> str:
    return datetime.now().isoformat(sep=" ", timespec="seconds")


class _follow:
    """Hand every line that is added to the logs to `on_line` while the block runs."""

    def __init__(self, logs: Sequence[Path], on_line: Callable[[str], None] | None) -> None:
        self._logs, self._on_line = list(logs), on_line
        self._positions = dict.fromkeys(self._logs, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_follow":
        if self._on_line:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._on_line:
            self._thread.join()

    def _watch(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(0.5)  # after the stop, read once more: the last lines
            for log in self._logs:
                self._read(log)

    def _read(self, log: Path) -> None:
        if not log.exists():
            return
        with log.open("rb") as file:
            file.seek(self._positions[log])
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._positions[log] += len(line)
                self._on_line(line.decode("utf-8", errors="replace"))
