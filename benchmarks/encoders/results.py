"""Everything that was measured, and what can be asked of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from .competitors import Competitor
from .counted import Counted
from .machine import Machine
from .peak_memory import Memory
from .race import Result
from .work import Work


@dataclass(frozen=True)
class Ratio:
    """A median of ratios, repeat by repeat, with quartiles and extremes."""

    median: float
    lower: float
    upper: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, numerators: Sequence[float], denominators: Sequence[float]) -> "Ratio":
        """Of two measured in turn."""
        ratios = [n / d for n, d in zip(numerators, denominators, strict=True)]
        lower, middle, upper = quantiles(ratios, n=4, method="inclusive")
        return cls(middle, lower, upper, min(ratios), max(ratios))


@dataclass
class Results:
    """All results of a run.

    Attributes:
        machine: Where.
        results: Times.
        memories: Peaks of training steps.
        counted: Row -> what its parameters tell.
        left_out: Parts for which there was no time.
    """

    machine: Machine
    results: list[Result] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    counted: dict[str, Counted] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def memory(self, competitors: Iterable[Competitor], work: Work) -> Memory | None:
        """The one with the smallest peak among competitors."""
        wanted = set(competitors)
        found = [
            m
            for m in self.memories
            if m.competitor in wanted and m.work == work and m.megabytes is not None
        ]
        return min(found, key=lambda m: m.megabytes or 0, default=None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "machine": vars(self.machine),
            "times": [_result(result) for result in self.results],
            "memories": [
                _who(m.competitor)
                | {"work": str(m.work), "megabytes": m.megabytes, "left_out": m.left_out}
                for m in self.memories
            ],
            "counted": [vars(count) for count in self.counted.values()],
        }


def fastest(result: Result, among: Iterable[Competitor]) -> Competitor | None:
    """The one with the smallest median time."""
    found = [competitor for competitor in among if competitor in result.seconds]
    return min(found, key=lambda competitor: median(result.seconds[competitor]), default=None)


def ratio(result: Result, numerator: Competitor, denominator: Competitor) -> Ratio | None:
    """The ratio of two competitors' times; None where one of them has none."""
    if numerator not in result.seconds or denominator not in result.seconds:
        return None
    return Ratio.of(result.seconds[numerator], result.seconds[denominator])


def _who(competitor: Competitor) -> dict[str, str]:
    return {
        "system": competitor.system,
        "row": competitor.row,
        "setting": competitor.setting.name,
        "precision": competitor.setting.precision,
    }


def _result(result: Result) -> dict[str, Any]:
    competitors = []
    for competitor, seconds in result.seconds.items():
        entry: dict[str, Any] = _who(competitor) | {"seconds": seconds}
        if found := ratio(result, competitor, result.baseline):
            entry["ratio"] = vars(found)
        if competitor in result.differences:
            entry["difference"] = result.differences[competitor]
        competitors.append(entry)
    return {
        "race": result.name,
        "work": str(result.work),
        "competitors": competitors,
        "left_out": [_who(c) | {"why": why} for c, why in result.left_out.items()],
    }
