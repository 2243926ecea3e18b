"""Competitors in turn at the same work, so that a busy machine slows all of them alike."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from .competitors import Competitor
from .rows import Unavailable
from .work import Batch, Encoder, Work

#: One that takes this many times as long as the first is told so, and does not hold up the others.
_TOO_SLOW = 4.0
#: Batches before the time counts, and their size: then torch's compiler is done, for any length,
#: and Adam's moments are allocated.
_WARM_UP, _SMALL = 3, (2, 200)
#: What outputs are compared on.
_COMPARED = Work("inference", 1, 200)

Clock = Callable[[], float]
Say = Callable[[str], object]
Runner = Callable[[Batch], None]


@dataclass(frozen=True)
class Race:
    """Competitors that are built once; the first is what the others are divided by.

    Attributes:
        name: What tables and pictures call it.
        works: What they do, all of one kind.
        competitors: Who.
        seconds: How long the repeats may take, but for the fewest ones.
    """

    name: str
    works: Sequence[Work]
    competitors: Sequence[Competitor]
    seconds: float = 30.0


@dataclass
class Result:
    """The outcome of a race at one work.

    Attributes:
        name: The race.
        work: The work.
        baseline: What ratios are to.
        seconds: Competitor -> seconds of each repeat; the n-th ones had the same input.
        left_out: Competitor -> why it has none.
        differences: Competitor -> what its setting changed in its output, as a share of that output
            (root mean squares); of inference only.
    """

    name: str
    work: Work
    baseline: Competitor
    seconds: dict[Competitor, list[float]] = field(default_factory=dict)
    left_out: dict[Competitor, str] = field(default_factory=dict)
    differences: dict[Competitor, float] = field(default_factory=dict)


def run(
    race: Race,
    folder: Path,
    device: str,
    repeats: tuple[int, int] = (3, 15),
    say: Say = lambda _: None,
    clock: Clock = time.perf_counter,
) -> list[Result]:
    """Run a race.

    Args:
        race: The race.
        folder: The rows' files.
        device: "cpu" or "cuda".
        repeats: The fewest and the most.
        say: Told what is being done.
        clock: The clock, in seconds.

    Returns:
        A result for each work.
    """
    line_up = _LineUp(race, folder, device, clock)
    for competitor in race.competitors:
        say(f"{race.name}: {competitor}")
        line_up.add(competitor)
    seconds = _repeat(race, line_up, device, repeats, say, clock)
    del line_up.runners
    gc.collect()  # compiled code holds cycles, and what they keep would be missing in the next race
    if device == "cuda":
        torch.cuda.empty_cache()  # other processes measure peaks next
    return [
        Result(
            race.name,
            work,
            race.competitors[0],
            seconds[work],
            line_up.left_out,
            line_up.differences,
        )
        for work in race.works
    ]


class _LineUp:
    """Competitors that are built and warm.

    Attributes:
        runners: Competitor -> what does the work.
        left_out, differences: Those of :class:`Result`.
    """

    def __init__(self, race: Race, folder: Path, device: str, clock: Clock) -> None:
        self._race, self._folder, self._device, self._clock = race, folder, device, clock
        self._outputs: dict[tuple[str, str], torch.Tensor] = {}
        self._first: float | None = None
        self.runners: dict[Competitor, Runner] = {}
        self.left_out: dict[Competitor, str] = {}
        self.differences: dict[Competitor, float] = {}

    def add(self, competitor: Competitor) -> None:
        """Build one, or note why not."""
        try:
            runner, last = self._warm(competitor)
        except Unavailable as error:
            self.left_out[competitor] = str(error)
            return
        except Exception as error:  # one that fails must not cost the results of the others
            self.left_out[competitor] = _why(error)
            return
        self._first = self._first or last
        if last > _TOO_SLOW * self._first:
            self.left_out[competitor] = f"takes {last / self._first:.0f} times as long as the first"
            return
        self.runners[competitor] = runner

    def _warm(self, competitor: Competitor) -> tuple[Runner, float]:
        work = self._race.works[0]
        encoder = competitor.build(self._folder, self._device, work.kind)
        if work.kind == "inference":
            self._compare(competitor, encoder)
        runner = work.start(encoder)
        utterances, frames = _SMALL
        small = Work(work.kind, min(work.utterances, utterances), frames)
        batches = [small.batch(number, self._device) for number in range(_WARM_UP)]
        *_, last = [seconds(partial(runner, batch), self._clock) for batch in batches]
        return runner, last

    @torch.no_grad()
    def _compare(self, competitor: Competitor, encoder: Encoder) -> None:
        """Note how far an output is from that of the first setting of this system and row."""
        encoder.module.eval()
        output = encoder(_COMPARED.batch(0, self._device)).float()
        before = self._outputs.setdefault((competitor.system, competitor.row), output)
        if before is not output:
            difference = (output - before).square().mean().sqrt() / before.square().mean().sqrt()
            self.differences[competitor] = difference.item()


def _repeat(
    race: Race,
    line_up: _LineUp,
    device: str,
    repeats: tuple[int, int],
    say: Say,
    clock: Clock,
) -> dict[Work, dict[Competitor, list[float]]]:
    """Time all of them at all works, again and again.

    One that fails at a work, for want of memory perhaps, is out of the whole race.
    """
    runners = line_up.runners
    times: dict[Work, dict[Competitor, list[float]]] = {
        work: {competitor: [] for competitor in runners} for work in race.works
    }
    start = time.perf_counter()
    for number in range(repeats[1]):
        if number >= repeats[0] and time.perf_counter() - start > race.seconds:
            break
        say(f"{race.name}: repeat {number + 1}")
        for work in race.works:
            batch = work.batch(number, device)
            # From both ends in turn, so that it does not matter who comes after whom.
            for competitor in list(runners)[:: -1 if number % 2 else 1]:
                try:
                    taken = seconds(partial(runners[competitor], batch), clock)
                except Exception as error:
                    line_up.left_out[competitor] = f"{_why(error)} ({work})"
                    del runners[competitor]
                    for each in times.values():
                        del each[competitor]
                else:
                    times[work][competitor].append(taken)
    return times


def _why(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"FAILED: {type(error).__name__}: {lines[0]}"


def seconds(work: Callable[[], None], clock: Clock = time.perf_counter) -> float:
    """Time of `work`, what it gave to a GPU included."""
    _finish()
    start = clock()
    work()
    _finish()
    return clock() - start


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
