"""What was asked of speed and memory, and what was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .competitors import ESPNET, RECURSIVE, SB, Competitor, competitors
from .plan import GPU_STEP, SHORT, STEP, USUAL
from .results import Ratio, Results, fastest, ratio
from .work import Work

FLOAT, REDUCED = ("float32",), ("bfloat16", "int8")


@dataclass(frozen=True)
class Measured:
    """A measured figure.

    Attributes:
        value: Compared with the limit.
        who: What was compared with what.
        spread: The figure's quartiles; None where it is no time.
    """

    value: float
    who: str
    spread: tuple[float, float] | None = None


@dataclass(frozen=True)
class Target:
    """A limit.

    Attributes:
        text: What is asked.
        limit: The limit.
        at_least: Whether the figure should be this large; else, this small.
        measure: Looks for it; None where it was not measured.
        device: Where it is to be measured.
    """

    text: str
    limit: float
    at_least: bool
    measure: Callable[[Results], Measured | None]
    device: str = "cpu"

    def met(self, measured: Measured) -> bool:
        """Whether it is reached."""
        return measured.value >= self.limit if self.at_least else measured.value <= self.limit


def speed_up(
    work: Work,
    row: str,
    baseline: str,
    precisions: Sequence[str] = FLOAT,
    against: str = "defaults",
    system: str = ESPNET,
) -> Callable[[Results], Measured | None]:
    """How many times as fast as another our fastest setting is.

    Args:
        work: At what.
        row: Our row.
        baseline: The row whose depth the other has.
        precisions: Among which settings of ours are looked for.
        against: The name of the other's setting; "best" is its fastest in the precision of our
            fastest.
        system: Whose.
    """

    def measure(results: Results) -> Measured | None:
        # Where several races have this work, the one with the most competitors counts.
        found_races = [r for r in results.results if r.work == work]
        for result in sorted(found_races, key=lambda r: -len(r.seconds)):
            ours = fastest(result, _in(RECURSIVE, row, work, precisions))
            if ours is None:
                continue
            if against == "best":
                others = _in(system, baseline, work, (ours.setting.precision,))
            else:
                others = [c for c in competitors(system, baseline, work.kind)
                          if c.setting.name == against]  # fmt: skip
            other = fastest(result, others)
            if other and (found := ratio(result, other, ours)):
                return _measured(found, f"{ours} / {other}")
        return None

    return measure


def container_cost(work: Work) -> Callable[[Results], Measured | None]:
    """Time of our container around N layers over that of ESPnet's."""

    def measure(results: Results) -> Measured | None:
        for result in (r for r in results.results if r.work == work):
            for ours in (c for c in result.seconds if c.setting.name == "container"):
                if found := ratio(result, ours, result.baseline):
                    return _measured(found, f"{ours} / {result.baseline}")
        return None

    return measure


def memory_share(
    row: str,
    baseline: str,
    stock: Sequence[str],
    system: str = ESPNET,
    setting: str = "checkpoint_loops",
) -> Callable[[Results], Measured | None]:
    """Peak memory of a training step, checkpointed, over the smallest of another's settings."""

    def measure(results: Results) -> Measured | None:
        ours = results.memory(competitors(RECURSIVE, row, "training", [setting]), STEP)
        other = results.memory(competitors(system, baseline, "training", stock), STEP)
        if ours is None or other is None or not ours.megabytes or not other.megabytes:
            return None
        who = f"{ours.competitor} / {other.competitor}"
        return Measured(ours.megabytes / other.megabytes, who)

    return measure


def counted_share(attribute: str) -> Callable[[Results], Measured | None]:
    """A count of L1's layers over that of B's."""

    def measure(results: Results) -> Measured | None:
        if not {"L1", "B"} <= set(results.counted):
            return None
        ours, other = (getattr(results.counted[row], attribute) for row in ("L1", "B"))
        return Measured(ours / other, f"{ours / 1e6:.1f} MB / {other / 1e6:.1f} MB")

    return measure


def _in(system: str, row: str, work: Work, precisions: Sequence[str]) -> list[Competitor]:
    found = competitors(system, row, work.kind)
    return [c for c in found if c.setting.precision in precisions]


def _measured(found: Ratio, who: str) -> Measured:
    return Measured(found.median, who, (found.lower, found.upper))


def _pair(
    text: str, limits: tuple[float, float], work: Work, row: str, baseline: str,
    precisions: Sequence[str] = FLOAT,
) -> list[Target]:  # fmt: skip
    """Against ESPnet's defaults, and at its best in the same precision."""
    return [
        Target(f"{text}, to {how}", limit, True,
               speed_up(work, row, baseline, precisions, against))
        for limit, against, how in zip(
            limits, ("defaults", "best"), ("ESPnet's defaults", "its best in that precision"),
            strict=True,
        )
    ]  # fmt: skip


def _compact(row: str, baseline: str, limits: tuple[float, float, float]) -> list[Target]:
    """A row with a slim input layer and strides, against ESPnet at its best in each precision."""
    own = f"slim/{row}_slim_strides"
    cases = (("12 s, float32", USUAL, FLOAT), ("12 s, int8", USUAL, ("int8",)),
             ("training step, float32", STEP, FLOAT))  # fmt: skip
    return [
        Target(f"{row}, slim with strides, {what}, to ESPnet's best", limit, True,
               speed_up(work, own, baseline, precisions, "best"))
        for limit, (what, work, precisions) in zip(limits, cases, strict=True)
    ]  # fmt: skip


_STOCK = ("defaults", "SDPA")

TARGETS: tuple[Target, ...] = (
    Target("{24, 1, 0, 0}, inference, time to ESPnet's", 1.01, False, container_cost(USUAL)),
    Target("{24, 1, 0, 0}, training step, time to ESPnet's", 1.01, False, container_cost(STEP)),
    *_pair("L1, 12 s, float32", (1.15, 1.08), USUAL, "L1", "B"),
    *_pair("L5, 12 s, float32", (1.25, 1.2), USUAL, "L5", "B3"),
    *_pair("L1, 12 s, fastest", (2.2, 1.2), USUAL, "L1", "B", REDUCED),
    *_pair("L1, 2 s, fastest", (2.0, 1.3), SHORT, "L1", "B", REDUCED),
    *_pair("L1, training step, float32", (1.35, 1.05), STEP, "L1", "B"),
    *_pair("L5, training step, float32", (1.4, 1.1), STEP, "L5", "B3"),
    Target("L1 with checkpoint_loops, peak memory to ESPnet's defaults", 0.35, False,
           memory_share("L1", "B", _STOCK[:1])),
    Target("L1 with checkpoint_loops, peak memory to ESPnet's best", 0.5, False,
           memory_share("L1", "B", _STOCK)),
    Target("checkpoint_loops, peak memory of L = 20 to L = 5", 1.3, False,
           memory_share("loops_20", "L1", ["checkpoint_loops"], RECURSIVE)),
    *_compact("L1", "B", (2.3, 3.0, 1.8)),
    *_compact("L5", "B3", (2.0, 2.5, 1.6)),
    Target("L1, slim with strides, peak memory to ESPnet's defaults", 0.35, False,
           memory_share("slim/L1_slim_strides", "B", _STOCK[:1], setting="as configured/float32")),
    Target("L1's layers, bytes to all-reduce, to B's", 0.34, False, counted_share("all_reduce")),
    Target("L1's layers, optimiser state, to B's", 0.34, False, counted_share("optimizer")),
    Target("L1, training step of 48 x 12 s, bfloat16, to ESPnet's autocast", 1.8, True,
           speed_up(GPU_STEP, "L1", "B", ("bfloat16",), "autocast, defaults"), "cuda"),
    Target("L1, training step of 48 x 12 s, bfloat16, to ESPnet's best", 1.25, True,
           speed_up(GPU_STEP, "L1", "B", ("bfloat16",), "best"), "cuda"),
    Target("L1, training step of 48 x 12 s, bfloat16, to SpeechBrain's", 2.0, True,
           speed_up(GPU_STEP, "L1", "B", ("bfloat16",), "best", SB), "cuda"),
)  # fmt: skip
