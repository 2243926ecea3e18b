"""Workers that run job arrays by Dask: processes of this machine, or jobs of a batch system."""

import logging
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, LocalCluster, Status

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.read_yaml import read_yaml

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster

_LOG = logging.getLogger(__name__)

#: dask-jobqueue's classes of batch systems, by the names that its configuration has for them.
BATCH_SYSTEMS = {
    "htcondor": "HTCondorCluster",
    "lsf": "LSFCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "slurm": "SLURMCluster",
}
#: Seconds between two looks at the workers of a batch system.
LOOK = 20
CLUSTERS = ("local", *BATCH_SYSTEMS)

#: Of Dask's server for health checks; 8787 is taken where two arrays run.
_ANY_PORT = ":0"
_OURS = {
    # A job changes its own number of threads where it wants to.
    "distributed.nanny.pre-spawn-environ": {},
    # A job that loads weights keeps the interpreter from answering for a while: no reason to worry.
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.admin.tick.limit": "1h",
}


@dataclass(frozen=True)
class Cluster:
    """The place where a job array runs.

    Attributes:
        name: One of CLUSTERS.
        conf: For a batch system, a YAML with what each of its jobs asks for, as dask-jobqueue reads
            it: ``jobqueue: {slurm: {cores: 2, memory: 8GB, queue: cpu, walltime: "04:00:00"}}``.
            Without it, the user's own ``~/.config/dask/*.yaml`` counts.
    """

    name: str = "local"
    conf: Path | None = None

    def __post_init__(self) -> None:
        if self.name not in CLUSTERS:
            raise UserError(f"--cluster {self.name}: none of {', '.join(CLUSTERS)}")


class Workers:
    """Processes that each run one job at a time.

    Attributes:
        client: What jobs are given to.
        number: How many there are to be; of a batch system they come when it has room.
    """

    def __init__(
        self, client: Client, cluster: "LocalCluster | JobQueueCluster", number: int
    ) -> None:
        self.client, self.number, self._cluster = client, number, cluster
        self._looked, self._present = time.monotonic(), 0

    def look_after(self) -> None:
        """Now and then, see which workers are there, and have those that are gone replaced.

        Dask itself starts a process of this machine again; a batch system is asked for a new job
        in the place of one that was preempted or whose time was over.
        """
        if isinstance(self._cluster, LocalCluster) or time.monotonic() < self._looked + LOOK:
            return
        self._looked = time.monotonic()
        present = len(self.client.scheduler_info(n_workers=-1)["workers"])
        if present != self._present or present == 0:
            _LOG.info("%d of %d workers are there", present, self.number)
        self._present = present
        try:
            _submit(self._cluster, self.number)
        except UserError as error:
            # Those that are left go on.
            _LOG.warning("a lost worker is not replaced for now: %s", error)


@contextmanager
def start_workers(cluster: Cluster, number: int, log_dir: Path) -> Iterator[Workers]:
    """Start workers, and end them with the block.

    Args:
        cluster: Where.
        number: How many.
        log_dir: Where workers of a batch system leave their own output.

    Raises:
        UserError: If the batch system is not here, or does not take what is asked of it.
    """
    with dask.config.set(_OURS):
        if cluster.name == "local":
            with (
                LocalCluster(
                    n_workers=number,
                    threads_per_worker=1,
                    dashboard_address=_ANY_PORT,
                    scheduler_kwargs={"dashboard": False},
                    memory_limit=0,  # the memory is that of the jobs, which Dask does not see
                    silence_logs=logging.CRITICAL,
                ) as local,
                Client(local) as client,
            ):
                yield Workers(client, local, number)
        else:
            with _batch_system(cluster, log_dir) as batch:
                _submit(batch, number)
                _LOG.info(
                    "asked %s for %d workers, whose output is in %s", cluster.name, number, log_dir
                )
                with Client(batch) as client:
                    yield Workers(client, batch, number)


@contextmanager
def _batch_system(cluster: Cluster, log_dir: Path) -> Iterator["JobQueueCluster"]:
    kind = getattr(_import_dask_jobqueue(), BATCH_SYSTEMS[cluster.name])
    conf = _read_conf(cluster)
    log_dir.mkdir(parents=True, exist_ok=True)
    with dask.config.set(conf):
        key = f"jobqueue.{cluster.name}"
        # Of options given twice the last counts: one job at a time, with all cores of the worker.
        arguments = [*dask.config.get(f"{key}.worker-extra-args"), "--nthreads", "1"]
        arguments += ["--memory-limit", "0"]
        log_directory = dask.config.get(f"{key}.log-directory") or str(log_dir.resolve())
        try:
            batch = kind(
                worker_extra_args=arguments,
                log_directory=log_directory,
                scheduler_options={"dashboard": False, "dashboard_address": _ANY_PORT},
                silence_logs=logging.CRITICAL,
            )
        except (ValueError, TypeError) as error:
            where = cluster.conf or "without --cluster_conf"
            raise UserError(
                f"--cluster {cluster.name} ({where}): {reason(error)}\nWrite it under "
                f"jobqueue.{cluster.name}.cores and .memory in the YAML of --cluster_conf."
            ) from error
        with batch:
            program = shlex.split(batch._dummy_job.submit_command)[0]
            if not shutil.which(program):
                raise UserError(
                    f"--cluster {cluster.name}: {program} is not on the PATH. Start on a machine "
                    "that submits jobs there, or leave --cluster out to run them on this one."
                )
            yield batch


def _import_dask_jobqueue() -> ModuleType:
    """Import dask-jobqueue, and leave Ctrl-C as it was.

    Its import has Ctrl-C end the process with status 0, which tells a stage that the job is done.
    """
    handler = signal.getsignal(signal.SIGINT)
    import dask_jobqueue

    signal.signal(signal.SIGINT, handler)
    return dask_jobqueue


def _read_conf(cluster: Cluster) -> dict[str, Any]:
    """The user's settings for this batch system, whose keys dask-jobqueue must know."""
    if cluster.conf is None:
        return {}
    key = f"jobqueue.{cluster.name}"
    conf = read_yaml(cluster.conf)
    section = (conf.get("jobqueue") or {}).get(cluster.name)
    if not isinstance(section, Mapping):
        raise UserError(f"{cluster.conf} has no section {key}: write what a job asks for there")
    known = {_key(name) for name in dask.config.get(key)}
    for name in section:
        if _key(name) not in known:
            raise UserError(
                f"{cluster.conf}: dask-jobqueue has no key {key}.{name}. "
                f"Keys: {', '.join(sorted(known))}"
            )
    return {f"{key}.{_key(name)}": value for name, value in section.items()}


def _key(name: str) -> str:
    return name.replace("_", "-")


def _submit(batch: "JobQueueCluster", number: int) -> None:
    """Have as many jobs in the batch system as there are workers to be.

    Raises:
        UserError: If it refuses one.
    """
    # As `scale` does, which keeps to itself what the batch system says.
    while len(batch.worker_spec) < number:
        batch.worker_spec.update(batch.new_worker_spec())
    try:
        batch.sync(batch._correct_state)
    except (OSError, RuntimeError, ValueError) as error:
        for worker in batch.workers.values():
            if worker.status == Status.created:
                worker.status = Status.failed  # which closing the cluster asks for
        raise UserError(
            f"the batch system does not take a worker's job: {reason(error)}\nThe job:\n"
            f"{batch.job_script()}"
        ) from error


def gpu_of_worker(worker: object, gpus: int) -> str:
    """Which GPU a worker of this machine has: each job sees that one alone.

    Args:
        worker: The name of the worker, a number.
        gpus: How many there are.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(number) for number in range(gpus)]
    return names[int(str(worker)) % min(gpus, len(names))]
