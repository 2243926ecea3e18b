"""The results as a picture: how many times as fast, and how much memory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from espnet_recursive.analysis.style import COLORS, GREY, LINES, MARKERS, picture

from .competitors import ESPNET, RECURSIVE, SB, Competitor, competitors
from .peak_memory import Memory
from .plan import BY_LOOPS, STEP
from .race import Result
from .results import Results, fastest, ratio
from .work import Work

#: Baseline -> our row, and the title of its panel.
_PANELS = {
    "B": ("L1", "Transformer, d = 512: L1 and 24 layers"),
    "B3": ("L5", "Branchformer, d = 512: L5 and 24 layers"),
    "B2": ("L4", "Transformer, d = 256: L4 and 12 layers"),
}
#: Who is shown: name, system, precisions. Of each the fastest setting.
_SERIES = (
    ("ESPnet, best in fp32", ESPNET, ("float32",)),
    ("SpeechBrain, fp32", SB, ("float32",)),
    ("ours, fp32", RECURSIVE, ("float32",)),
    ("ESPnet, best in bf16 or int8", ESPNET, ("bfloat16", "int8")),
    ("ours, bf16 or int8", RECURSIVE, ("bfloat16", "int8")),
)

Panel = Callable[[Any], None]


def plot(results: Results, outputs: Sequence[Path]) -> None:
    """Draw what was measured; what was not has no panel.

    Args:
        results: The results.
        outputs: Paths of the picture; the suffixes (.png, .svg, .pdf) say the formats.
    """
    speeds = _speed_panels(results)
    panels = [*speeds, *_memory_panels(results), *_growth_panels(results)]
    if not panels:
        return
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    size = (6.2 * columns, 3.6 * rows + 0.8)
    with picture(outputs, rows, columns, figsize=size, squeeze=False) as (figure, axes):
        for draw, panel in zip(panels, axes.flat, strict=False):
            draw(panel)
        free = list(axes.flat)[len(panels) :]
        for panel in free:
            panel.set_axis_off()
        figure.suptitle(str(results.machine), fontsize=8, color=GREY, wrap=True)
        # One legend for all panels of speed, which may have different competitors.
        shown = [axes.flat[i].get_legend_handles_labels() for i in range(len(speeds))]
        legend = {name: handle for pair in shown for handle, name in zip(*pair, strict=True)}
        if legend and free:
            title = "Times as fast as ESPnet's defaults:\nmedians with quartiles, fastest settings"
            free[0].legend(legend.values(), legend, loc="center", title=title, fontsize=10)
        elif legend:
            figure.legend(legend.values(), legend, loc="outside lower center", ncols=3, fontsize=8)


def _speed_panels(results: Results) -> list[Panel]:
    panels: list[Panel] = []
    for baseline, (row, title) in _PANELS.items():
        found: dict[Work, Result] = {}
        for result in results.results:
            rows = {c.row for c in result.seconds if c.system == RECURSIVE}
            # Of several at the same work, the one that more take part in.
            best = found.get(result.work)
            more = best is None or len(result.seconds) > len(best.seconds)
            if result.baseline.row == baseline and row in rows and more:
                found[result.work] = result
        if found:
            panels.append(_speed(list(found.values()), row, title))
    return panels


def _speed(results: Sequence[Result], row: str, title: str) -> Panel:
    def draw(axes: Any) -> None:
        ordered = sorted(results, key=lambda r: (r.work.kind, r.work.utterances, r.work.frames))
        for number, (name, system, precisions) in enumerate(_SERIES):
            points = _points(ordered, row, system, precisions)
            if not points:
                continue
            shift = 0.17 * (number - 2)
            places = [place + shift for place, *_ in points]
            axes.errorbar(
                places,
                [p[1] for p in points],
                yerr=[[p[1] - p[2] for p in points], [p[3] - p[1] for p in points]],
                label=name,
                color=COLORS[number],
                marker=MARKERS[number],
                linestyle="none",
            )
            for place, (_, value, _, upper) in zip(places, points, strict=True):
                axes.annotate(
                    f"{value:.2f}", (place, upper), (0, 5), textcoords="offset points",
                    # Upright, since competitors stand nearer than a number is wide.
                    ha="center", va="bottom", rotation=90, fontsize=7, color=COLORS[number],
                )  # fmt: skip
        axes.axhline(1, color=GREY, linewidth=1, linestyle=LINES[1])
        axes.set_xticks(range(len(ordered)), [_label(r.work) for r in ordered])
        axes.set_xlim(-0.5, len(ordered) - 0.5)
        axes.margins(y=0.2)
        axes.grid(visible=False, axis="x")
        axes.set(title=title, ylabel="times as fast as ESPnet's defaults")

    return draw


def _points(
    results: Sequence[Result], row: str, system: str, precisions: Sequence[str]
) -> list[tuple[int, float, float, float]]:
    """(place, speed-up, its quartiles) at each work."""
    points = []
    for place, result in enumerate(results):
        takes_part = [
            c
            for c in result.seconds
            if c.system == system
            and c.setting.precision in precisions
            and (system != RECURSIVE or c.row == row)
        ]
        best = fastest(result, takes_part)
        if best and (found := ratio(result, result.baseline, best)):
            points.append((place, found.median, found.lower, found.upper))
    return points


def _label(work: Work) -> str:
    kind, rest = str(work).split(", ")
    return f"{'training step' if kind == 'training' else kind}\n{rest}"


def _memory_panels(results: Results) -> list[Panel]:
    steps = [m for m in results.memories if m.megabytes and m.work.utterances >= STEP.utterances]
    rows = {row for row, _ in _PANELS.values()} | set(_PANELS)
    shown = [memory for memory in steps if memory.competitor.row in rows]
    return [_memory(shown)] if shown else []


def _memory(memories: Sequence[Memory]) -> Panel:
    def draw(axes: Any) -> None:
        names = [f"{m.competitor.system} {m.competitor.row}, {m.competitor.setting.name}"
                 for m in memories]  # fmt: skip
        sizes = [(m.megabytes or 0) / 1e3 for m in memories]
        colors = [COLORS[2 if m.competitor.system == RECURSIVE else 0] for m in memories]
        axes.barh(names, sizes, color=colors, height=0.65)
        for place, size in enumerate(sizes):
            axes.annotate(f"{size:.2f}", (size, place), (3, 0), textcoords="offset points",
                          va="center", fontsize=8)  # fmt: skip
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.set(title=f"peak memory, {memories[0].work}", xlabel="GB above the idle process")

    return draw


def _growth_panels(results: Results) -> list[Panel]:
    series = []
    times = _times_by_loops(results)
    if len(times) > 1:
        series.append(("time of inference", times))
    for setting, name in (
        ("as configured", "memory of a training step"),
        ("checkpoint_loops", "the same, checkpoint_loops"),
    ):
        sizes = _sizes_by_loops(results, setting)
        if len(sizes) > 1:
            series.append((name, sizes))
    return [_growth(series)] if series else []


def _times_by_loops(results: Results) -> dict[int, float]:
    for result in results.results:
        if result.name == "growth with L":
            rows = {c.row: median(seconds) for c, seconds in result.seconds.items()}
            return {loops: rows[row] for loops, row in BY_LOOPS.items() if row in rows}
    return {}


def _sizes_by_loops(results: Results, setting: str) -> dict[int, float]:
    sizes = {}
    for loops, row in BY_LOOPS.items():
        who: list[Competitor] = competitors(RECURSIVE, row, "training", [f"{setting}/float32"])
        for work in {memory.work for memory in results.memories}:
            found = results.memory(who, work)
            if found and found.megabytes and work.utterances >= STEP.utterances:
                sizes[loops] = found.megabytes
    return sizes


def _growth(series: Sequence[tuple[str, dict[int, float]]]) -> Panel:
    def draw(axes: Any) -> None:
        for number, (name, values) in enumerate(series):
            one = values.get(5) or next(iter(values.values()))
            axes.plot(
                list(values), [value / one for value in values.values()], label=name,
                color=COLORS[number], marker=MARKERS[number], linestyle=LINES[number],
            )  # fmt: skip
        axes.set_xticks(list(BY_LOOPS))
        axes.set(title="growth with the number of loops", xlabel="L", ylabel="to L = 5",
                 ylim=(0, None))  # fmt: skip
        axes.legend(fontsize=8)

    return draw
