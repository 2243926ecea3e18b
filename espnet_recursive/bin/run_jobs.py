"""Run a command, or an array of them, with logs and progress; finished jobs are not run again.

    run_jobs --log exp/stats/logdir/stats.JOB.log --nj 4 -- COMMAND --key_file keys.JOB.scp ...

JOB stands for the number of the job in the command and in the log's path. A job that ended well
leaves LOG.done, and is not run again with the same command in the same run; remove that file to run
it again. The jobs of an array run in processes of this machine, or as jobs of a batch system; a
single command always runs here.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.recipe.progress import Training, Utterances, screen

#: Those of recipe/workers.py, which imports Dask, for which a help should not wait.
CLUSTERS = ("local", "htcondor", "lsf", "moab", "oar", "pbs", "sge", "slurm")


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--log", required=True, help="log file; contains JOB where there are several")
    p.add_argument("--nj", type=int, default=1, help="number of jobs")
    p.add_argument(
        "--max_running", type=int, default=os.cpu_count(), help="jobs that run at a time"
    )
    p.add_argument("--cluster", default="local", help=f"where an array runs: {', '.join(CLUSTERS)}")
    p.add_argument(
        "--cluster_conf", type=Path, help="YAML with what a job of the batch system asks for"
    )
    p.add_argument(
        "--gpus", type=int, default=0, help="GPUs of this machine that are dealt out to the jobs"
    )
    p.add_argument(
        "--progress", choices=("training", "utterances"), help="what to look for in the logs"
    )
    p.add_argument("--total", type=int, default=0, help="number of utterances, for --progress")
    p.add_argument(
        "--run",
        default=os.environ.get("STEP_RUN", ""),
        help="name of this run; asr.sh sets STEP_RUN",
    )
    p.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    parts = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not parts:
        get_parser().error("no command given: write it after --")
    from espnet_recursive.recipe.jobs import run_jobs
    from espnet_recursive.recipe.workers import Cluster

    on_line = None
    if args.progress:
        reader = Training() if args.progress == "training" else Utterances(args.total)
        show = screen()

        def on_line(line: str) -> None:
            if report := reader.read(line):
                show(report)

    run_jobs(
        parts,
        args.log,
        args.nj,
        args.max_running,
        on_line,
        args.run,
        Cluster(args.cluster, args.cluster_conf),
        args.gpus,
    )
    if args.progress and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


if __name__ == "__main__":
    main()
