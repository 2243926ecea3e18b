"""The picture of a sweep of depths: accuracy and time over the loops that were run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from espnet_recursive.analysis.loop_sweep import depth_label
from espnet_recursive.analysis.loop_sweep_table import LoopSweep, Outcome
from espnet_recursive.analysis.style import COLORS, GREY, LINES, MARKERS, picture

_LOOPS = "loops, mean over the utterances"
#: How near two numbers at the axis of loops may be, as a share of its length.
_NEAR = 0.05


@dataclass(frozen=True)
class _Series:
    """Outcomes that belong to one line; lines differ in more than colour."""

    name: str
    outcomes: Sequence[Outcome]
    look: dict[str, Any]

    def draw(self, axes: Any, attribute: str, **look: Any) -> None:
        values = [
            o.score.error_rate if attribute == "rate" else getattr(o, attribute)
            for o in self.outcomes
        ]
        axes.plot([o.mean_loops for o in self.outcomes], values, **self.look | look)


def plot_loop_sweep(result: LoopSweep, output: Path | str) -> Path:
    """Draw error rate, and time of the encoder and in all, over the mean number of loops.

    Each criterion has a panel of its own, beside the numbers of loops that all utterances run.

    Args:
        result: The sweep.
        output: The picture's path; its suffix (.png, .svg, .pdf) says the format.

    Returns:
        `output` as a path.
    """
    fixed, *exits = _series(result)
    panels = max(1, len(exits))
    size = (max(7.5, 3.1 * (panels + 1)), 3.9)
    loops = sorted(o.mean_loops for o in result.outcomes)
    span = loops[-1] - loops[0]
    with picture(output, 1, panels + 1, figsize=size) as (figure, axes):
        *rates, times = axes
        for number, panel in enumerate(rates):
            panel.sharey(rates[0])
            fixed.draw(panel, "rate", label=None if number else fixed.name)
            if exits:
                exits[number].draw(panel, "rate", label=exits[number].name)
                _write_thresholds(panel, exits[number], span)
            panel.set(xlabel=_LOOPS, title=f"{result.data_set}: {exits[number].name}"
                      if exits else result.data_set)  # fmt: skip
            _mark_accepted(panel, result)
        rates[0].set_ylabel(f"{result.reference.unit.upper()} in percent")
        _scale(rates[0], result)
        for series in (fixed, *exits):
            series.draw(times, "rtf_encoder")
            series.draw(times, "rtf", markerfacecolor="white")
        _mark_cheapest(rates, exits, result, times)
        times.set(xlabel=_LOOPS, ylabel="seconds for a second of speech", ylim=(0, None),
                  title="time: encoder (filled), in all (open)")  # fmt: skip
        for panel in axes:
            _write_loops(panel, [o.mean_loops for o in fixed.outcomes], span)
        figure.legend(loc="outside lower center", ncols=len(exits) + 2, handlelength=3)
    return Path(output)


def _series(result: LoopSweep) -> list[_Series]:
    """The numbers of loops for all, and then the criteria."""
    groups: dict[str | None, list[Outcome]] = {None: []}
    for outcome in result.outcomes:
        groups.setdefault(outcome.depth.loop_exit, []).append(outcome)
    looks = [
        {"color": color, "linestyle": line, "marker": marker}
        for color, line, marker in zip(COLORS, LINES, MARKERS, strict=False)
    ]
    return [
        _Series(
            f"{criterion} < threshold" if criterion else "the same loops for all",
            sorted(outcomes, key=lambda o: o.mean_loops),
            look,
        )
        for (criterion, outcomes), look in zip(groups.items(), looks, strict=False)
    ]


def _write_thresholds(axes: Any, series: _Series, span: float) -> None:
    """Thresholds above the panel, each with a line down through its point.

    Those whose points are nearer than a number is high are written together.
    """
    groups: list[list[Outcome]] = []
    for o in sorted(series.outcomes, key=lambda o: o.mean_loops):
        if not groups or o.mean_loops - groups[-1][0].mean_loops > _NEAR * span:
            groups.append([])
        groups[-1].append(o)
    names = []
    for group in groups:
        thresholds = sorted(o.depth.loop_exit_threshold or 0 for o in group)
        several = thresholds if len(thresholds) < 3 else [thresholds[0], thresholds[-1]]
        joint = ", " if len(thresholds) == len(several) else " to "
        names.append(joint.join(f"{threshold:g}" for threshold in several))
    places = [fmean(o.mean_loops for o in group) for group in groups]
    for place in places:
        axes.axvline(place, color=GREY, linewidth=0.6, linestyle=(0, (1, 3)), zorder=0)
    above = axes.secondary_xaxis("top")
    above.set_xticks(places, names, rotation=90)
    above.tick_params(length=2, labelsize=8)
    above.spines["top"].set_visible(False)


def _write_loops(axes: Any, numbers: Sequence[float], span: float) -> None:
    """The numbers of loops below the panel, those that do not touch."""
    written: list[float] = []
    for number in numbers:
        if not written or number - written[-1] > _NEAR * span:
            written.append(number)
    axes.set_xticks(written, [f"{number:g}" for number in written])


def _mark_accepted(axes: Any, result: LoopSweep) -> None:
    """The largest error rate that is accepted."""
    axes.axhline(result.accepted_rate, color=GREY, linewidth=1, linestyle=(0, (1, 2)))


def _mark_cheapest(
    rates: Sequence[Any], exits: Sequence[_Series], result: LoopSweep, last: Any
) -> None:
    """A ring around the cheapest depth that is accurate enough, in its panel.

    Its entry in the legend is that of the `last` panel, and so comes last.
    """
    best = result.cheapest
    ring = {"marker": "o", "markersize": 14, "markerfacecolor": "none", "markeredgecolor": GREY}
    panel = next(
        (p for p, series in zip(rates, exits, strict=False) if best in series.outcomes), rates[0]
    )
    panel.plot(best.mean_loops, best.score.error_rate, **ring)
    accepted = f"at most {result.max_loss:g} % more errors than {depth_label(result.configured)}"
    last.plot([], [], linestyle="none", label=f"cheapest with {accepted} (dotted)", **ring)


def _scale(axes: Any, result: LoopSweep) -> None:
    """Rates that differ much are on a scale that still tells the good ones apart."""
    from matplotlib.ticker import StrMethodFormatter

    values = [o.score.error_rate for o in result.outcomes]
    if min(values) > 0 and max(values) > 2 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(y=0.22)
    if min(values) == max(values):
        axes.set_ylim(values[0] - 1, values[0] + 1)
