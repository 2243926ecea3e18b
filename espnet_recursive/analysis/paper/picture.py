"""Pictures of a table's rows: error rates over loops, parameters or executed layers."""

from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path
from typing import Any

from espnet_recursive.analysis.paper.points import Panel, Point
from espnet_recursive.analysis.style import COLORS, GREY, LINES, MARKERS, picture

#: The paper's figures stand back behind ours.
_PAPER = "0.6"
_LABELS = {
    "loops": "loops L of the recurrent block",
    "parameters": "parameters of the layers, millions",
    "executed": "layers executed for an utterance (rows of one number side by side)",
}
#: Width of a panel in inches.
_WIDTHS = {"loops": 5.6, "parameters": 4.8, "executed": 6.4}
#: Points of print between a mean and its single seeds, and between rows in one place.
_SEEDS, _ROWS = 5, 13
#: How near rows are, as a ratio, that would hide each other.
_NEAR = 1.08


def plot_results(panels: Sequence[Panel], x: str, outputs: Sequence[Path | str]) -> None:
    """Draw the panels side by side.

    Points are means over the seeds with their 95 % intervals; small open points are single seeds.
    Rows that would hide each other stand side by side; rows without a fixed number of loops stand
    beside the axis of loops, with a dotted line across. The paper's are grey, without intervals.

    Args:
        panels: What there is to draw.
        x: What the axis shows: "loops", "parameters" or "executed".
        outputs: The pictures' paths; their suffixes (.png, .svg, .pdf) say the formats.
    """
    names = list(dict.fromkeys(n for p in panels for part in (p.series, p.paper) for n in part))
    looks = {
        name: {
            "color": color,
            "marker": marker,
            "line": LINES[number % len(LINES)],
        }
        for number, (name, color, marker) in enumerate(zip(names, COLORS, MARKERS, strict=False))
    }
    size = (max(6.0, _WIDTHS[x] * len(panels)), 4.4)
    with picture(outputs, 1, len(panels), figsize=size, squeeze=False) as (figure, axes):
        for panel, ax in zip(panels, axes[0], strict=True):
            _draw(ax, panel, x, looks)
            ax.set(xlabel=_LABELS[x], ylabel=f"{panel.unit.upper()} in percent", title=panel.title)
        _explain(axes[0][-1], panels)
        handles: dict[str, Any] = {}
        for ax in axes[0]:
            handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=2)


def _parts(panel: Panel) -> dict[str, Sequence[Point]]:
    """Our points, or where there are none the paper's."""
    return dict(panel.series or panel.paper)


def _draw(axes: Any, panel: Panel, x: str, looks: Mapping[str, dict[str, Any]]) -> None:
    shifts = {} if x == "loops" else _side_by_side(panel)
    for name, points in panel.paper.items():
        look = {"color": _PAPER, "marker": looks[name]["marker"], "size": 5}
        _means(axes, _sorted(points), look, shifts)
        if x == "loops":
            _line(axes, _sorted(points), look | {"line": "-"})
    for name, points in panel.series.items():
        _means(axes, _sorted(points), looks[name], shifts, name)
        if x == "loops":
            _line(axes, _sorted(points), looks[name])
    if x == "loops":
        _loops_axis(axes, panel)
    else:
        numbers = [p.x for own in _parts(panel).values() for p in own if p.x is not None]
        _ratios(axes, _apart(numbers, 0.25) if x == "executed" else ())
        _write_names(axes, panel, shifts)
    axes.margins(x=0.12, y=0.14)
    axes.autoscale_view()


def _side_by_side(panel: Panel) -> dict[str, float]:
    """The shift of each row to the right, in typographic points, so that none hides another."""
    places = {p.name: p.x for part in (panel.paper, panel.series) for own in part.values()
              for p in own if p.x is not None}  # fmt: skip
    groups: list[list[str]] = []
    for name in sorted(places, key=places.__getitem__):
        if groups and places[name] <= _NEAR * places[groups[-1][0]]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return {
        name: _ROWS * (number - (len(group) - 1) / 2)
        for group in groups
        for number, name in enumerate(group)
    }


def _means(
    axes: Any,
    points: Sequence[Point],
    look: Mapping[str, Any],
    shifts: Mapping[str, float],
    name: str | None = None,
    place: float | None = None,
) -> None:
    """Means with their intervals, and beside them the single seeds.

    `place` is where points stand that have none of their own.
    """
    for number, p in enumerate(points):
        x = p.x if place is None else place
        low, high = p.ends or (p.rate, p.rate)
        shift = shifts.get(p.name, 0.0)
        axes.errorbar(
            x, p.rate, yerr=[[max(0.0, p.rate - low)], [max(0.0, high - p.rate)]],
            marker=look["marker"], color=look["color"], markersize=look.get("size", 6),
            elinewidth=1.2, capsize=2.5 if p.ends else 0, linestyle="none", zorder=3,
            label=None if number else name, transform=_beside(axes, shift),
        )  # fmt: skip
        axes.plot(
            [x] * len(p.seeds), p.seeds, linestyle="none", marker=look["marker"], markersize=3.5,
            color=look["color"], markerfacecolor="white", markeredgewidth=0.8, zorder=4,
            transform=_beside(axes, shift - _SEEDS),
        )  # fmt: skip
        # The axes do not see points that are moved aside.
        axes.update_datalim([(x, end) for end in (p.rate, low, high, *p.seeds)])


def _line(axes: Any, points: Sequence[Point], look: Mapping[str, Any]) -> None:
    axes.plot([p.x for p in points], [p.rate for p in points], look["line"], color=look["color"],
              linewidth=1.2)  # fmt: skip


def _loops_axis(axes: Any, panel: Panel) -> None:
    """Numbers of loops on a scale of ratios, and beside it the rows whose number differs."""
    own = _parts(panel)
    numbers = [p.x for points in own.values() for p in points if p.x is not None]
    marks = [p for points in own.values() for p in points if p.x is None]
    first, end = min(numbers, default=1.0), max(numbers, default=1.0)
    places = [end * 2 ** (1.3 + 2 * number) for number in range(len(marks))]
    for number, (place, mark) in enumerate(zip(places, marks, strict=True)):
        color = COLORS[2 + number % 4] if panel.series else _PAPER
        look = {"color": color, "marker": MARKERS[2 + number % 4]}
        _means(axes, [mark], look, {}, place=place)
        axes.plot([first, place], [mark.rate] * 2, ":", color=color,
                  linewidth=1)  # fmt: skip
    printed = {p.name: p for points in panel.paper.values() for p in points if p.x is None}
    for place, mark in zip(places, marks, strict=True) if panel.series else ():
        # The paper does not say at which depth its schedule was decoded: beside both of ours.
        if beside := printed.get(mark.name.split(" ")[0]):
            axes.plot(place, beside.rate, "o", color=_PAPER, markersize=5)
    if marks:
        axes.axvline(end * 2**0.6, color=GREY, linewidth=0.6)
    names = [mark.name.replace(" ", "\n", 1) for mark in marks]
    _ratios(axes, _apart(numbers, 0.4), places, names)


def _apart(numbers: Sequence[float], octaves: float) -> list[float]:
    """Numbers that can be written below an axis: of two that would touch, the first."""
    written: list[float] = []
    for number in numbers:
        if all(abs(log2(number / other)) > octaves for other in written):
            written.append(number)
    return written


def _ratios(
    axes: Any,
    numbers: Sequence[float] = (),
    places: Sequence[float] = (),
    names: Sequence[str] = (),
) -> None:
    """A scale of ratios, with these numbers below it, and with names at further places."""
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    axes.set_xscale("log", base=2)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if numbers:
        axes.set_xticks([*numbers, *places], [*(f"{n:.3g}" for n in numbers), *names])


def _beside(axes: Any, points: float) -> Any:
    """The data's coordinates, shifted to the right by a number of typographic points."""
    from matplotlib.transforms import ScaledTranslation

    return axes.transData + ScaledTranslation(points / 72, 0, axes.figure.dpi_scale_trans)


def _write_names(axes: Any, panel: Panel, shifts: Mapping[str, float]) -> None:
    """A row's name above each point; a long one upright."""
    for p in (p for own in _parts(panel).values() for p in own):
        top = max((p.rate, *p.seeds, *(p.ends or ())))
        axes.annotate(
            p.name, (p.x, top), (shifts[p.name], 5), textcoords="offset points", fontsize=8,
            ha="center", va="bottom", rotation=0 if len(p.name) < 4 else 90, zorder=5,
        )  # fmt: skip


def _sorted(points: Sequence[Point]) -> list[Any]:
    return sorted((p for p in points if p.x is not None), key=lambda p: p.x or 0.0)


def _explain(axes: Any, panels: Sequence[Panel]) -> None:
    """Entries of the legend for what is in the panels besides the rows."""
    if any(p.seeds for panel in panels for own in panel.series.values() for p in own):
        axes.plot([], [], "o", color=GREY, markerfacecolor="white", markersize=3.5,
                  label="single seeds; filled: their mean, 95 % interval")  # fmt: skip
    if any(panel.paper for panel in panels):
        axes.plot([], [], "o", color=_PAPER, markersize=5, label="the paper's figures")
