"""Start a training on several nodes of the Slurm allocation that this runs in.

    launch --num_nodes 2 --ngpu 4 --init_file_prefix exp/asr/.dist_init_ -- COMMAND ...

Becomes srun with one task a node, and ESPnet's options for that. With MASTER_PORT set, the
processes meet at that port of the first node (or of MASTER_ADDR) instead of in a file.
"""

import argparse
import os
import shutil
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.launch import remove_init_files, srun_command


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("--num_nodes", type=int, required=True, help="number of nodes")
    p.add_argument("--ngpu", type=int, default=1, help="GPUs on each node; 0: its CPUs")
    p.add_argument(
        "--init_file_prefix",
        default=".dist_init_",
        help="how the path of the file begins in which processes meet, on a disk that all share",
    )
    p.add_argument("command", nargs=argparse.REMAINDER, help="-- and the training's command")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    parts = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not parts:
        get_parser().error("no command given: write it after --")
    if "SLURM_JOB_ID" not in os.environ or not shutil.which("srun"):
        raise UserError("not in a Slurm allocation with srun: start with sbatch or salloc")
    remove_init_files(args.init_file_prefix)
    srun = srun_command(parts, args.num_nodes, args.ngpu, args.init_file_prefix)
    # In the place of this process: who ends it ends srun, and Slurm then ends the training.
    os.execvp(srun[0], srun)


if __name__ == "__main__":
    main()
