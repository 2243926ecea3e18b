"""One command with its log, which is not run again once it ended well."""

import fcntl
import itertools
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.process_group import process_group

#: Lines of the log that a failure shows.
TAIL_LINES = 20
#: Where util-linux has it: the kernel ends the command when this process is killed, so that another
#: try never meets the remains of the first.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


@dataclass(frozen=True)
class Job:
    """One command, its log, the folder it runs in, and the run of the array that it belongs to."""

    command: tuple[str, ...]
    log: Path
    directory: Path
    run: str

    @property
    def done_file(self) -> Path:
        """Beside the log; there when the job has ended well."""
        return self.log.with_name(f"{self.log.name}.done")

    @property
    def signature(self) -> str:
        """The contents of `done_file`."""
        return f"{shlex.join(self.command)}\n{self.run}"

    def is_done(self) -> bool:
        """Whether this very job of this very run has ended well."""
        done = self.done_file
        return done.exists() and done.read_text(encoding="utf-8") == self.signature

    def clear(self) -> None:
        """Make room for a new try: the log of an earlier one is renamed.

        Where that one still runs, because a batch system has not ended it yet, this waits for it:
        two would write into the same files.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.done_file.unlink(missing_ok=True)
        if self.log.exists():
            with self.log.open("rb") as file:
                _lock(file)
            stem, suffix = self.log.stem, self.log.suffix
            names = (self.log.with_name(f"{stem}.old{n}{suffix}") for n in itertools.count(1))
            self.log.rename(next(name for name in names if not name.exists()))


class JobFailed(UserError):
    """A command that ended with another status than 0; a negative one is that of a signal."""

    def __init__(self, job: Job, status: int) -> None:
        super().__init__(job, status)
        self.job, self.status = job, status

    def __str__(self) -> str:
        """The command, the end of its log and the log's place."""
        lines = self.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return (
            f"the command failed (status {self.status}):\n  {shlex.join(self.job.command)}\n"
            "the end of its log:\n" + "\n".join(lines[-TAIL_LINES:]) + "\n"
            f"the whole log: {self.job.log}"
        )


def run_job(job: Job, environment: Mapping[str, str]) -> None:
    """Run the command of a job, unless it has ended well.

    Args:
        job: The job.
        environment: The variables that the command sees.

    Raises:
        JobFailed: If the command does.
    """
    if job.is_done():
        return
    job.clear()
    with job.log.open("w", encoding="utf-8") as file:
        _lock(file)  # until the command, too, has closed it
        file.write(f"# {shlex.join(job.command)}\n# Started at {_now()}\n")
        file.flush()
        try:
            # A group, since what the command itself has started would outlive both.
            with process_group() as group:
                status = subprocess.run(
                    [*_END_WITH_PARENT, *job.command],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    cwd=job.directory,
                    env=environment,
                    process_group=group,
                ).returncode
        except OSError as error:
            file.write(f"{error}\n")
            status = 127
        file.write(f"\n# Ended (code {status}) at {_now()}\n")
    if status:
        raise JobFailed(job, status)
    with whole_file(job.done_file) as file:
        file.write(job.signature)


def _lock(file: IO) -> None:
    with suppress(OSError):  # of a file system that has no locks
        fcntl.flock(file, fcntl.LOCK_EX)


def _now() -> str:
    return datetime.now().isoformat(sep=" ", timespec="seconds")
