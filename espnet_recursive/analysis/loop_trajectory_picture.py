"""The picture of loop trajectories: figures over the loops, and paths of frames in a plane."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.analysis.loop_trajectory import FIGURES
from espnet_recursive.analysis.loop_trajectory_table import RANGE, TrajectoryReport
from espnet_recursive.analysis.style import COLORS, GREY, LINES, MARKERS, picture

#: Figure -> its unit, in the order of the panels; to_last is drawn over to_trained.
_PANELS = {
    "norm": "",
    "relative_change": "",
    "turn": "degrees",
    "update_turn": "degrees",
    "to_trained": "degrees",
}
#: Paths of frames that are drawn.
_PATHS = 40


def plot_trajectories(report: TrajectoryReport, outputs: Sequence[Path]) -> None:
    """Draw it.

    Args:
        report: The trajectories.
        outputs: The picture's paths; their suffixes (.png, .svg, .pdf) say the formats.
    """
    with picture(outputs, 2, 3, figsize=(10.5, 6.2)) as (figure, axes):
        *panels, last = axes.flat
        for panel, (name, unit) in zip(panels, _PANELS.items(), strict=True):
            _draw(panel, report, name, 0, "the trained depth")
            panel.set(title=FIGURES[name], xlabel="loop", ylabel=unit)
        if report.trajectories.loops > report.trajectories.trained_loops:
            _draw(panels[-1], report, "to_last", 1, "the last loop")
            panels[-1].set_title("angle to the state of")
            panels[-1].legend(handlelength=3, loc="upper center")
        _draw_paths(last, report)
        first, end = RANGE
        figure.suptitle(
            f"{Path(report.model).name}: {len(report.trajectories.of_utterances)} utterances, "
            f"their mean and {first}th to {end}th percentile; dotted: the trained depth",
            fontsize=10,
        )


def _draw(axes: Any, report: TrajectoryReport, name: str, series: int, label: str) -> None:
    column = list(FIGURES).index(name)
    loops = range(len(report.mean()))
    low, high = report.range()[:, :, column]
    color = COLORS[series]
    axes.plot(
        loops, report.mean()[:, column], color=color, linestyle=LINES[series],
        marker=MARKERS[series], markersize=4, label=label,
    )  # fmt: skip
    axes.fill_between(loops, low, high, color=color, alpha=0.18, linewidth=0)
    axes.axvline(report.trajectories.trained_loops, color=GREY, linewidth=1, linestyle=(0, (1, 2)))
    axes.set_ylim(0, None, auto=True)
    axes.set_xlim(-0.4, len(loops) - 0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_paths(axes: Any, report: TrajectoryReport) -> None:
    """Thin lines are frames, from their h_0; the thick line is the mean of all that were kept."""
    paths, trained = report.trajectories.paths, report.trajectories.trained_loops
    for path in paths[:: -(-len(paths) // _PATHS)]:
        axes.plot(*path.T, color="0.7", linewidth=0.7)
        axes.plot(*path[trained], color="0.5", marker="o", markersize=2)
    mean = paths.mean(0)
    axes.plot(*mean.T, color=COLORS[0], marker=MARKERS[0], markersize=3)
    for loop in sorted({0, trained, len(mean) - 1}):
        axes.annotate(
            str(loop), mean[loop], (-8, 6), textcoords="offset points", fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    first, second = report.trajectories.explained
    axes.set(
        title="paths of frames, and their mean",
        xlabel=f"1st component ({first:.0%})",
        ylabel=f"2nd component ({second:.0%})",
    )
