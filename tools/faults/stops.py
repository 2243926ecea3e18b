"""Runs that are ended at any moment, and two runs in one folder."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tools.faults.recipe import WRITTEN, Recipe, differences
from tools.faults.trials import TRACEBACK, Outcome, judged

#: Stops of one folder, one after the other, before the run that comes to its end is compared.
STOPS = {"kill": 8, "kill_stage": 4, "sigint": 4, "sigterm": 4}
#: Stages, of which each trial draws some, so that the short ones are met too.
STAGES = tuple(WRITTEN)
#: Name of a stop -> the signal, and whether all of the script's process group get it.
SIGNALS = {
    "kill": (signal.SIGKILL, True),
    "kill_stage": (signal.SIGKILL, True),
    "sigint": (signal.SIGINT, True),
    "sigterm": (signal.SIGTERM, False),
}


def stopped(
    kind: str, undisturbed: Recipe, seconds: float, folder: Path, rng: random.Random, number: int
) -> Outcome:
    """A run that is stopped several times, and started again each time.

    Args:
        kind: One of SIGNALS; "kill_stage" runs a single stage beside the results of the others,
            all other kinds the whole recipe.
        undisturbed: A recipe that came to its end without a fault.
        seconds: How long it took.
        folder: A new folder.
        rng: Where the moments come from.
        number: The number of the trial; single stages take turns.
    """
    signal_number, group = SIGNALS[kind]
    if kind == "kill_stage":
        stages = [STAGES[number % len(STAGES)]] * STOPS[kind]
        recipe = Recipe(folder, undisturbed)
        options = recipe.forget(stages[0])
    else:
        stages = sorted(rng.sample(STAGES, STOPS[kind]))
        recipe, options = Recipe(folder), ()
    lasts = undisturbed.stage_seconds(seconds)
    stopped_in, left, traceback = [], 0, False
    for stage in stages:
        run = recipe.start(*options)
        while f"(stage {stage})" not in run.output() and run.process.poll() is None:
            time.sleep(0.05)
        begin = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(rng.uniform(0, lasts[stage]))
        if run.process.poll() is None:
            stopped_in.append(run.stage())
            (os.killpg if group else os.kill)(run.process.pid, signal_number)
        elif (
            kind == "kill_stage" and not stopped_in
        ):  # it takes less; the next stop is of all of it
            lasts[stage] = time.monotonic() - begin
            recipe.forget(stage)
        run.process.wait()
        left += run.end_others()
        traceback |= TRACEBACK in run.output()
    fault = f"in stages {' '.join(stopped_in)}"
    if not stopped_in:
        return Outcome("skipped", f"stage {stages[0]}", "it was done before it could be stopped")
    status, output = recipe.run(*options)
    outcome = judged(fault, status, output, differences(undisturbed, recipe), len(stopped_in))
    if left:
        outcome = Outcome("silent", fault, f"{left} processes went on", len(stopped_in))
    elif traceback:
        outcome = Outcome("traceback", fault, "in what a stopped run printed", len(stopped_in))
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
