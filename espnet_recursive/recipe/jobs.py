"""Commands with logs: one, or an array that differs in a number; restartable, with progress.

In the command and the log's path the word ``JOB`` stands for the number, as in Kaldi's run.pl.
A job that ended well leaves ``<log>.done`` and is not run again.
"""

import itertools
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.whole_files import whole_file

#: Lines of the log that a failure shows.
TAIL_LINES = 20
#: The word, not a part of another one.
_JOB = re.compile(r"(?<![A-Za-z0-9_])JOB(?![A-Za-z0-9_])")
#: Where util-linux has it: the kernel ends the job when this process is killed, so that a second
#: run never meets the remains of the first.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


@dataclass(frozen=True)
class Job:
    """One command, its log, and the run of the array that it belongs to."""

    command: tuple[str, ...]
    log: Path
    run: str

    @property
    def done_file(self) -> Path:
        """Beside the log; there when the job has ended well."""
        return self.log.with_name(f"{self.log.name}.done")

    @property
    def signature(self) -> str:
        """What `done_file` holds."""
        return f"{shlex.join(self.command)}\n{self.run}"

    def is_done(self) -> bool:
        """Whether this very job of this very run has ended well."""
        done = self.done_file
        return done.exists() and done.read_text(encoding="utf-8") == self.signature


def run_jobs(
    command: Sequence[str],
    log: Path | str,
    nj: int = 1,
    max_running: int = 1,
    on_line: Callable[[str], None] | None = None,
    run: str = "",
) -> int:
    """Run a command, or nj of them, with a log each.

    Args:
        command: The command; with nj > 1, ``JOB`` in it becomes 1 to nj.
        log: The log's path; must contain ``JOB`` where nj > 1.
        nj: Number of jobs.
        max_running: How many run at a time.
        on_line: Called with each line that is added to a log.
        run: A name for this run of the jobs. Jobs that ended well in a run of another name, with
            other inputs for instance, are run again.

    Returns:
        How many jobs ran; the others had ended well before.

    Raises:
        UserError: If a job fails, with its command, the end of its log and the log's place. No
            further jobs are started then; those running come to their end.
    """
    if nj < 1 or max_running < 1:
        raise UserError(f"there must be a job, and one running: --nj {nj}, {max_running} at a time")
    if nj > 1 and not _JOB.search(str(log)):
        raise UserError(f"--log {log} must contain JOB where there are {nj} jobs")
    jobs = [_numbered(command, str(log), number, run) for number in range(1, nj + 1)]
    pending = [job for job in jobs if not job.is_done()]
    for job in pending:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.done_file.unlink(missing_ok=True)
        _keep_old(job.log)
    with (
        ThreadPoolExecutor(max_running) as pool,
        _follow([job.log for job in pending], on_line),
    ):
        _run_all(pool, pending)
    return len(pending)


def _numbered(command: Sequence[str], log: str, number: int, run: str) -> Job:
    parts = tuple(_JOB.sub(str(number), part) for part in command)
    return Job(parts, Path(_JOB.sub(str(number), log)), run)


def _run_all(pool: Executor, pending: Sequence[Job]) -> None:
    futures = [pool.submit(_run_job, job) for job in pending]
    try:
        for future in as_completed(futures):
            future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _run_job(job: Job) -> None:
    with job.log.open("w", encoding="utf-8") as file:
        file.write(f"# {shlex.join(job.command)}\n# Started at {_now()}\n")
        file.flush()
        try:
            status = subprocess.run(
                [*_END_WITH_PARENT, *job.command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            ).returncode
        except OSError as error:
            file.write(f"{error}\n")
            status = 127
        file.write(f"\n# Ended (code {status}) at {_now()}\n")
    if status:
        lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise UserError(
            f"the command failed (status {status}):\n  {shlex.join(job.command)}\n"
            "the end of its log:\n" + "\n".join(lines[-TAIL_LINES:]) + "\n"
            f"the whole log: {job.log.resolve()}"
        )
    with whole_file(job.done_file) as file:
        file.write(job.signature)


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
        self._on_line = on_line or (lambda line: None)
        self._watched = list(logs) if on_line else []
        self._positions = dict.fromkeys(self._watched, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_follow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(0.5)  # after the stop, read once more: the last lines
            for log in self._watched:
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
