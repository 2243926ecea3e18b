"""Break runs of the mini_an4 recipe and files of it on purpose, and count what was noticed.

    tools/check_faults.sh                                 all of it, for some hours
    tools/check_faults.sh --only flip --number 40 DIR     forty bits

DIR gets faults.jsonl, a line for each trial, and the table faults.md. Trials that are there already
are not made again; the folders of those that were not survived stay.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from tools.faults import disks, files, stops
from tools.faults.recipe import Recipe
from tools.faults.trials import Outcome, Trial, Trials

#: Kind -> trials by default; a trial of the first six stops a run several times.
KINDS = {
    "kill": 5,
    "kill_stage": 24,
    "sigint": 2,
    "sigint_stage": 12,
    "sigterm": 2,
    "sigterm_stage": 12,
    "two_runs": 3,
    "two_runs_stage": 12,
    "full_disk": 24,
    "flip": 200,
    "edit": 0,
}


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("dir", nargs="?", type=Path, help="folder; by default a new one under /tmp")
    p.add_argument("--only", action="append", choices=KINDS, metavar="KIND",
                   help=f"faults to try, once or more: {', '.join(KINDS)}")  # fmt: skip
    p.add_argument("--number", type=int, help="trials of each kind; edit: every key by default")
    p.add_argument("--seed", type=int, default=0, help="another one makes other faults")
    return p


@command
def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # small disks are unmounted
    folder = (args.dir or Path(tempfile.mkdtemp(prefix="check_faults."))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"folder: {folder}", flush=True)
    undisturbed, seconds = _undisturbed(folder)
    trials = Trials(folder, args.seed)
    for kind in args.only or KINDS:
        number = args.number or KINDS[kind] or len(files.edits_of(undisturbed))
        for n in range(1, number + 1):
            work = folder / "work" / f"{args.seed}_{kind}_{n}"
            trials.run(kind, n, number, _trial(kind, n, undisturbed, seconds, work))
    print(trials.table(), end="")
    if any(outcome.verdict in ("silent", "traceback") for _, outcome in trials.outcomes()):
        raise SystemExit(1)


def _undisturbed(folder: Path) -> tuple[Recipe, float]:
    """A run without a fault, and how many seconds it took."""
    recipe, took = Recipe(folder / "undisturbed"), folder / "undisturbed_seconds"
    if not took.exists():
        start = time.monotonic()
        status, output = recipe.run()
        if status:
            raise SystemExit(f"the run without a fault failed: {output[-2000:]}")
        took.write_text(f"{time.monotonic() - start:.1f}\n")
        print(f"a run without a fault: {took.read_text().strip()} s", flush=True)
    return recipe, float(took.read_text())


def _trial(kind: str, number: int, undisturbed: Recipe, seconds: float, work: Path) -> Trial:
    def trial(rng) -> Outcome:
        shutil.rmtree(work, ignore_errors=True)  # of a trial that did not come to its end
        if kind in stops.SIGNALS:
            return stops.stopped(kind, undisturbed, seconds, work, rng, number)
        if kind.startswith("two_runs"):
            return stops.two_runs(kind, undisturbed, seconds, work, rng, number)
        if kind == "full_disk":
            return disks.full_disk(undisturbed, work, rng, number)
        return getattr(files, {"flip": "flipped", "edit": "edited"}[kind])(
            undisturbed, work, rng, number - 1
        )

    return trial


if __name__ == "__main__":
    main()
