"""The picture of Figure 3 of the paper, with several ways to bin the utterances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.analysis.depth_gain import Bin, DepthGain
from espnet_recursive.analysis.style import COLORS, GREY, MARKERS, picture
from espnet_recursive.recipe.scoring import UNITS

#: How each way to bin is called, and where its point stands in its bin.
_VIEWS = {
    "baseline": "by the baseline's errors (favours the other)",
    "both": "by the mean of both (favours neither)",
    "other": "by the other's errors (favours the baseline)",
    "third": "by a third decoding (favours neither)",
}
#: Bins of fewer utterances are drawn open, and do not count for how far the axis goes.
_FEW = 10
#: Points of print from one line of counts to the next.
_LINE = 12.5


def plot_depth_gain(result: DepthGain, outputs: Sequence[Path | str]) -> None:
    """Draw the change of the error rate in bins of error rates, and in bins of lengths.

    Args:
        result: The bins.
        outputs: The pictures' paths; their suffixes (.png, .svg, .pdf) say the formats.
    """
    unit, counted = result.unit.upper(), UNITS[result.unit]
    views = {view: result.views[view] for view in _VIEWS if view in result.views}
    shape = {"figsize": (10.5, 4.8), "width_ratios": (1.6, 1)}
    with picture(outputs, 1, 2, **shape) as (figure, (errors, lengths)):
        _draw(errors, views)
        _draw(lengths, {"length": result.views["length"]})
        errors.set(
            xlabel=f"{unit} of the utterance in percent (below it, how many utterances there are)",
            ylabel=f"change of the {unit}, points of percent\n(below 0: the other is better)",
            title="in bins of the error rate",
        )
        lengths.set(
            xlabel=f"{counted} of the reference (utterances)",
            title="in bins of the length",
        )
        figure.suptitle(_title(result), fontsize=10)
        # In the last panel, so that its entry is the legend's last.
        note = f"open: fewer than {_FEW} utterances (what is beyond the frame: see the table)"
        open_point = {"color": GREY, "markerfacecolor": "white", "markersize": 5.5}
        lengths.plot([], [], "o", label=note, **open_point)
        figure.legend(loc="outside lower center", ncols=2)


def _title(result: DepthGain) -> str:
    """The two models; their decodings, too, where these differ."""
    (first, one), (second, other) = (name.rpartition("/")[::2] for name in result.names[:2])
    if one == other and first and second and first != second:
        return f"{result.test_set}: {second}\nagainst the baseline, {first}"
    return f"{result.test_set}: {result.names[1]}\nagainst the baseline, {result.names[0]}"


def _draw(axes: Any, views: Mapping[str, Sequence[Bin]]) -> None:
    """One point with its interval for each bin of each way, side by side."""
    labels = list(dict.fromkeys(b.label for bins in views.values() for b in bins))
    labels.sort(key=_place)
    axes.axhline(0, color=GREY, linewidth=1)
    for number, (view, bins) in enumerate(views.items()):
        look: dict[str, Any] = {"color": COLORS[number], "marker": MARKERS[number]}
        if view == "length":
            look = {"color": COLORS[-1], "marker": MARKERS[3]}
        shift = 0.18 * (number - (len(views) - 1) / 2)
        for few in (False, True):
            some = [b for b in bins if (b.utterances < _FEW) == few]
            axes.errorbar(
                [labels.index(b.label) + shift for b in some],
                [b.difference for b in some],
                yerr=[_arms(some, low=True), _arms(some, low=False)],
                linestyle="none", markersize=5.5, elinewidth=1.2,
                label=None if few else _VIEWS.get(view),
                markerfacecolor="white" if few else look["color"], **look,
            )  # fmt: skip
        for place, label in enumerate(labels):
            # How many utterances there are, in the colour of their points.
            axes.annotate(
                str(next((b.utterances for b in bins if b.label == label), 0)), (place, 0),
                (0, -_LINE * (number + 1) - 6), textcoords="offset points", color=look["color"],
                xycoords=axes.get_xaxis_transform(), ha="center", va="top", fontsize=8.5,
            )  # fmt: skip
    # Empty lines keep the room of the counts.
    axes.set_xticks(range(len(labels)), [label + "\n" * len(views) for label in labels])
    axes.tick_params("x", length=0, labelsize=8.5)
    axes.grid(False, axis="x")
    axes.set_xlim(-0.6, len(labels) - 0.4)
    _scale(axes, [b for bins in views.values() for b in bins])


def _scale(axes: Any, bins: Sequence[Bin]) -> None:
    """As far as the bins with enough utterances go."""
    enough = [b for b in bins if b.utterances >= _FEW] or bins
    lows = [b.difference - arm for b, arm in zip(enough, _arms(enough, low=True), strict=True)]
    highs = [b.difference + arm for b, arm in zip(enough, _arms(enough, low=False), strict=True)]
    low, high = min(0.0, *lows), max(0.0, *highs)
    margin = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _arms(bins: Sequence[Bin], low: bool) -> list[float]:
    """Lengths of the interval below and above each point; 0 where there is none."""
    arms = []
    for b in bins:
        end = b.difference
        if b.change:
            end = b.change.interval.low if low else b.change.interval.high
        arms.append(abs(end - b.difference))
    return arms


def _place(label: str) -> float:
    """Bins in the order of their upper ends; the open one is the last."""
    if label.startswith(">"):
        return float("inf")
    return float(label.removeprefix("≤").split("–")[-1])
