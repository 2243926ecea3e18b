"""A training on several nodes of a Slurm allocation, as ESPnet starts it: one task a node.

ESPnet's own launcher does the same through Kaldi's slurm.pl, which submits a job. Here the nodes
are there already, so that a killed or requeued job is a whole, which starts again with its recipe.
"""

import os
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path


def srun_command(
    command: Sequence[str],
    num_nodes: int,
    ngpu: int,
    init_file_prefix: str,
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """The command that starts an ESPnet training on the nodes of this process's allocation.

    Its processes find each other through a file, which must be on a disk that all nodes see, or at
    a port of the first node where MASTER_PORT is set (and MASTER_ADDR, if it goes by another name).

    Args:
        command: The training; distributed options that it has already are left as they are.
        num_nodes: Number of nodes.
        ngpu: GPUs on each; with 0, one process a node trains on its CPUs.
        init_file_prefix: How the file's path begins.
        environment: The variables of the allocation.
    """
    options = {"--multiprocessing_distributed": "true", "--dist_launcher": "slurm"}
    if ngpu == 0:
        options["--dist_backend"] = "gloo"  # the default, nccl, is for GPUs
    if port := environment.get("MASTER_PORT"):
        # ESPnet's own reading of the list of nodes cuts names at a hyphen.
        options["--dist_master_addr"] = environment.get("MASTER_ADDR") or _first_node()
        options["--dist_master_port"] = port
    else:
        # A name of its own: what a killed training left in such a file would mislead the next one.
        file = Path(f"{init_file_prefix}{uuid.uuid4().hex}").absolute()
        options["--dist_init_method"] = f"file://{file}"
    given = {part.split("=")[0] for part in command}
    return [
        "srun",
        f"--nodes={num_nodes}",
        f"--ntasks={num_nodes}",
        "--ntasks-per-node=1",
        # All CPUs that the job has on the node: srun would bind the one task to one of them, and
        # data loaders with it.
        "--cpu-bind=none",
        "--kill-on-bad-exit=1",  # the others would wait for the one that failed
        "--wait=0",  # the first process averages checkpoints when the others have ended
        "--label",
        *command,
        *(part for name, value in options.items() if name not in given for part in (name, value)),
    ]


def remove_init_files(init_file_prefix: str) -> None:
    """Remove the files in which the processes of earlier trainings met."""
    prefix = Path(init_file_prefix)
    for file in prefix.parent.glob(f"{prefix.name}*"):
        file.unlink(missing_ok=True)


def _first_node() -> str:
    output = subprocess.run(
        ["scontrol", "show", "hostnames"], check=True, capture_output=True, text=True
    ).stdout
    return output.split()[0]
