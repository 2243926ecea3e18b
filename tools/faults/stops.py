"""Runs that are ended at any moment, and two runs in one folder."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from tools.faults.recipe import WRITTEN, Recipe, Run, differences
from tools.faults.trials import TRACEBACK, Outcome, judged

#: Stops of one folder, one after the other, before the run that comes to its end is compared.
STOPS = {
    **{"kill": 8, "kill_stage": 4},
    **{"sigint": 4, "sigint_stage": 2, "sigterm": 4, "sigterm_stage": 2},
}
#: Ending of the kinds that run a single stage, which take turns, beside the results of the others.
OF_STAGE = "_stage"
#: Runs that may end before they are stopped; each shows how long the stage really takes.
_TRIES = 4
#: Stages, of which each trial draws some, so that the short ones are met too.
STAGES = tuple(WRITTEN)
#: Name of a stop -> the signal, and whether all of the script's process group get it.
SIGNALS = {
    "kill": (signal.SIGKILL, True),
    "kill_stage": (signal.SIGKILL, True),
    "sigint": (signal.SIGINT, True),
    "sigint_stage": (signal.SIGINT, True),
    "sigterm": (signal.SIGTERM, False),
    "sigterm_stage": (signal.SIGTERM, False),
}


def stopped(
    kind: str, undisturbed: Recipe, seconds: float, folder: Path, rng: random.Random, number: int
) -> Outcome:
    """A run that is stopped several times, and started again each time.

    Args:
        kind: One of SIGNALS; those without OF_STAGE run the whole recipe.
        undisturbed: A recipe that came to its end without a fault.
        seconds: How long it took.
        folder: A new folder.
        rng: Where the moments come from.
        number: The number of the trial; single stages take turns.
    """
    if kind.endswith(OF_STAGE):
        stages = [STAGES[(number - 1) % len(STAGES)]] * STOPS[kind]
        recipe = Recipe(folder, undisturbed)
        options = recipe.forget(stages[0])
    else:
        stages = sorted(rng.sample(STAGES, STOPS[kind]))
        recipe, options = Recipe(folder), ()
    lasts = undisturbed.stage_seconds(seconds)
    stopped_in, left, traceback = [], 0, False
    for stage in stages:
        for _ in range(_TRIES):
            run, took = _stopped_run(kind, recipe, options, stage, rng.uniform(0, lasts[stage]))
            left += run.end_others()
            traceback |= TRACEBACK in run.output()
            if took is None:
                stopped_in.append(run.stage())
                break
            # It takes less than was thought: again, so that any moment of it can be met.
            lasts[stage] = took
            outcome = _judged(undisturbed, recipe, run, stopped_in)
            if stopped_in and outcome.verdict != "survived":
                return outcome
            recipe.forget(stage)
    if not stopped_in:
        return Outcome("skipped", f"stage {stages[0]}", "it was done before it could be stopped")
    run = recipe.start(*options)
    run.wait()
    outcome = _judged(undisturbed, recipe, run, stopped_in)
    if left:
        outcome = replace(outcome, verdict="silent", said=f"{left} processes went on")
    elif traceback:
        outcome = replace(outcome, verdict="traceback", said="in what a stopped run printed")
    if outcome.verdict == "survived":
        shutil.rmtree(folder)
    return outcome


def _judged(undisturbed: Recipe, recipe: Recipe, run: Run, stopped_in: list[str]) -> Outcome:
    """The outcome of a run that ended by itself after others were stopped."""
    fault = f"in stages {' '.join(stopped_in)}"
    different = differences(undisturbed, recipe)
    return judged(fault, run.process.returncode, run.output(), different, len(stopped_in))


def _stopped_run(
    kind: str, recipe: Recipe, options: tuple[str, ...], stage: int, delay: float
) -> tuple[Run, float | None]:
    """A run, stopped so many seconds into a stage, and how long it took if it ended before."""
    signal_number, group = SIGNALS[kind]
    run = recipe.start(*options)
    while f"(stage {stage})" not in run.output() and run.process.poll() is None:
        time.sleep(0.05)
    begin = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.process.wait(delay)
    took = None if run.process.poll() is None else time.monotonic() - begin
    if took is None:
        (os.killpg if group else os.kill)(run.process.pid, signal_number)
    run.process.wait()
    return run, took


def two_runs(
    kind: str, undisturbed: Recipe, seconds: float, folder: Path, rng: random.Random, number: int
) -> Outcome:
    """Two runs of the same command in one folder; arguments as of `stopped`."""
    if kind.endswith(OF_STAGE):
        recipe, stage = Recipe(folder, undisturbed), STAGES[(number - 1) % len(STAGES)]
        options = recipe.forget(stage)
        seconds = undisturbed.stage_seconds(seconds)[stage]
    else:
        recipe, options = Recipe(folder), ()
    first = recipe.start(*options)
    delay = rng.uniform(0, seconds)
    time.sleep(delay)
    fault = f"the second {delay:.0f} s later, in stage {first.stage()}"
    second = recipe.start(*options)
    runs = [first.wait(), second.wait()]
    status, output = max(runs, key=lambda run: run[0] != 0)
    outcome = judged(fault, status, output, differences(undisturbed, recipe))
    if outcome.verdict == "survived":
        shutil.rmtree(folder)
    return outcome
