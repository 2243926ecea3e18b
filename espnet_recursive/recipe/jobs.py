"""Commands with logs: one, or an array that differs in a number; restartable, with progress.

In the command and the log's path the word ``JOB`` stands for the number, as in Kaldi's run.pl.
A job that ended well leaves ``<log>.done`` and is not run again.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from distributed import Future, KilledWorker, get_worker, wait

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.job import Job, run_job
from espnet_recursive.recipe.log_lines import follow
from espnet_recursive.recipe.workers import LOOK, Cluster, Workers, gpu_of_worker, start_workers

#: The word, not a part of another one.
_JOB = re.compile(r"(?<![A-Za-z0-9_])JOB(?![A-Za-z0-9_])")


def run_jobs(
    command: Sequence[str],
    log: Path | str,
    nj: int = 1,
    max_running: int = 1,
    on_line: Callable[[str], None] | None = None,
    run: str = "",
    cluster: Cluster | None = None,
    gpus: int = 0,
) -> int:
    """Run a command here, or nj of them on workers, with a log each.

    A worker that is killed is replaced, and its job begins again on another one; a job whose worker
    is killed time and again is an error. A log is locked as long as its job runs, so that a second
    run never writes beside what is left of a first one.

    Args:
        command: The command; with nj > 1, ``JOB`` in it becomes 1 to nj.
        log: The log's path; must contain ``JOB`` where nj > 1.
        nj: Number of jobs.
        max_running: How many run at a time.
        on_line: Called with each line that is added to a log.
        run: A name for this run of the jobs. Jobs that ended well in a run of another name, with
            other inputs for instance, are run again.
        cluster: Where the jobs of an array run: by default, on this machine.
        gpus: GPUs of this machine that are dealt out, one for each running job; 0 leaves
            CUDA_VISIBLE_DEVICES alone.

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
    cluster = cluster or Cluster()
    jobs = [_numbered(command, str(log), number, run) for number in range(1, nj + 1)]
    pending = [job for job in jobs if not job.is_done()]
    for job in pending:
        job.clear()
    number = min(max_running, len(pending), gpus or len(pending))
    with follow([job.log for job in pending], on_line):
        if cluster.name == "local" and number == 1:
            for job in pending:
                run_job(job, os.environ)
        elif pending:
            logs = pending[0].log.parent / "workers"
            with start_workers(cluster, number, logs) as workers:
                _run_all(pending, workers, gpus)
    return len(pending)


def _numbered(command: Sequence[str], log: str, number: int, run: str) -> Job:
    parts = tuple(_JOB.sub(str(number), part) for part in command)
    return Job(parts, Path(_JOB.sub(str(number), log)).absolute(), Path.cwd(), run)


def _run_all(pending: Sequence[Job], workers: Workers, gpus: int) -> None:
    """Keep every worker busy with one job, until the jobs are done or one has failed."""
    # Only what can run is handed over, so that a failure leaves nothing to call back.
    waiting = iter(pending)
    running = {_hand_over(job, workers, gpus): job for job in islice(waiting, workers.number)}
    failure: Exception | None = None
    while running:
        for future in _ended(running, workers):
            job = running.pop(future)
            try:
                future.result()
            except Exception as error:
                failure = failure or _explained(error, job)
            if failure is None:
                running |= {_hand_over(job, workers, gpus): job for job in islice(waiting, 1)}
    if failure is not None:
        raise failure


def _hand_over(job: Job, workers: Workers, gpus: int) -> Future:
    return workers.client.submit(_run_on_worker, job, gpus, pure=False)


def _run_on_worker(job: Job, gpus: int) -> None:
    environment = dict(os.environ)
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpu_of_worker(get_worker().name, gpus)
    run_job(job, environment)


def _ended(running: Iterable[Future], workers: Workers) -> set[Future]:
    """Wait for the next jobs that end, and see to the workers in the meantime."""
    while True:
        workers.look_after()
        with suppress(TimeoutError):
            return wait(list(running), timeout=LOOK, return_when="FIRST_COMPLETED").done


def _explained(error: Exception, job: Job) -> Exception:
    if not isinstance(error, KilledWorker):
        return error
    return UserError(
        f"the worker that ran this command was killed {error.allowed_failures + 1} times, for want "
        f"of memory or time perhaps:\n  {shlex.join(job.command)}\nits log: {job.log}"
    )
