"""Runs that are ended at any moment, and two runs in one folder."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

from tools.faults.recipe import Recipe, differences
from tools.faults.trials import Outcome, judged

#: Stops of one folder, one after the other, before the run that comes to its end is compared.
STOPS = {"kill": 8, "sigint": 4, "sigterm": 4}
#: Stages of the recipe, of which each trial draws some, so that the short ones are met too.
STAGES = (1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14)
#: Of the time of an undisturbed run, how long after the begin of a stage a stop comes at most.
_SHARE = 1.5 / len(STAGES)
#: Name of a stop -> the signal, and whether all of the script's process group get it.
SIGNALS = {
    "kill": (signal.SIGKILL, True),
    "sigint": (signal.SIGINT, True),
    "sigterm": (signal.SIGTERM, False),
}


def stopped(
    kind: str, undisturbed: Recipe, seconds: float, folder: Path, rng: random.Random
) -> Outcome:
    """A run that is stopped several times, and started again each time.

    Args:
        kind: One of SIGNALS.
        undisturbed: A recipe that came to its end without a fault.
        seconds: How long it took.
        folder: A new folder.
        rng: Where the moments come from.
    """
    number, group = SIGNALS[kind]
    recipe = Recipe(folder)
    stages, left, traceback = [], 0, False
    for stage in sorted(rng.sample(STAGES, STOPS[kind])):
        run = recipe.start()
        while f"(stage {stage})" not in run.output() and run.process.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, _SHARE * seconds))
        stages.append(run.stage())
        if run.process.poll() is None:
            (os.killpg if group else os.kill)(run.process.pid, number)
        run.process.wait()
        left += run.end_others()
        traceback |= "Traceback (most recent call last)" in run.output()
    fault = f"in stages {' '.join(stages)}"
    status, output = recipe.run()
    outcome = judged(fault, status, output, differences(undisturbed, recipe), len(stages))
    if left:
        outcome = Outcome("silent", fault, f"{left} processes went on", len(stages))
    elif traceback:
        outcome = Outcome("traceback", fault, "in what the stopped run printed", len(stages))
    if outcome.verdict == "survived":
        shutil.rmtree(folder)
    return outcome


def two_runs(undisturbed: Recipe, seconds: float, folder: Path, rng: random.Random) -> Outcome:
    """Two runs of the same command in one folder; arguments as of `stopped`."""
    recipe = Recipe(folder)
    first = recipe.start()
    delay = rng.uniform(0, seconds)
    time.sleep(delay)
    fault, second = f"the second {delay:.0f} s later, in stage {first.stage()}", recipe.start()
    runs = [first.wait(), second.wait()]
    status, output = max(runs, key=lambda run: run[0] != 0)
    outcome = judged(fault, status, output, differences(undisturbed, recipe))
    if outcome.verdict == "survived":
        shutil.rmtree(folder)
    return outcome
