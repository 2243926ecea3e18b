"""Disks that become full in a stage."""

import os
import random
import subprocess
from pathlib import Path

from tools.faults.recipe import Recipe, differences
from tools.faults.trials import Outcome, judged

#: Stages that write much, or files that others read.
STAGES = (1, 3, 5, 10, 11, 14)
#: Bytes of the disk beside the recipe's files.
_ROOM = 64 << 20


def full_disk(undisturbed: Recipe, folder: Path, rng: random.Random, number: int) -> Outcome:
    """A stage on a disk that becomes full; then there is room, and it is begun again.

    Args:
        undisturbed: A recipe that came to its end without a fault.
        folder: A new folder.
        rng: Where the room that the stage has comes from.
        number: The number of the trial; the stages take turns.
    """
    stage = STAGES[number % len(STAGES)]
    if os.geteuid() != 0:
        return Outcome("skipped", f"stage {stage}", "only root can mount a small disk")
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    try:
        return _full_disk(undisturbed, folder, stage, rng)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _full_disk(undisturbed: Recipe, folder: Path, stage: int, rng: random.Random) -> Outcome:
    recipe = Recipe(folder / "recipe", undisturbed)
    before = _used(folder)
    options = recipe.forget(stage)
    needed = before - _used(folder)
    room = int(needed * rng.uniform(0, 1))
    size = _used(folder) + room
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
    status, output = recipe.run(*options)
    fault = f"stage {stage} with room for {room} of {needed} bytes"
    first = judged(fault, status, output, ["a full disk was not met"])
    subprocess.run(["mount", "-o", f"remount,size={size + _ROOM}", str(folder)], check=True)
    if first.verdict == "traceback":
        return first
    status, output = recipe.run(*options)
    second = judged(f"{fault}, then with more", status, output, differences(undisturbed, recipe))
    if second.verdict != "survived":
        return Outcome("silent", second.fault, second.said or second.verdict)
    # Where the stage had enough, its results are right.
    return first if status or first.verdict == "refused" else second


def _used(folder: Path) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize
