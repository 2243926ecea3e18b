"""Loop trajectories as files: each utterance's figures, and what they are on average."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from espnet_recursive.analysis.loop_trajectory import FIGURES, Trajectories
from espnet_recursive.files.whole_files import whole_file

#: A range of the utterances: these percentiles.
RANGE = (10, 90)


@dataclass(frozen=True)
class TrajectoryReport:
    """The trajectories of a model on some speech.

    Attributes:
        model: The model's name.
        speech: What it was given, in words.
        trajectories: The trajectories.
    """

    model: str
    speech: str
    trajectories: Trajectories

    @property
    def frames(self) -> int:
        """Of all utterances."""
        return sum(one.frames for one in self.trajectories.of_utterances)

    def mean(self) -> np.ndarray:
        """(L + 1, len(FIGURES)), each utterance counting the same."""
        return self.trajectories.all_figures.mean(0)

    def range(self) -> np.ndarray:
        """(2, L + 1, len(FIGURES)), the percentiles of RANGE."""
        return np.percentile(self.trajectories.all_figures, RANGE, axis=0)


def write_trajectories(report: TrajectoryReport, folder: Path) -> None:
    """Write loop_trajectories.csv, a line for each utterance and loop, and .json, the means."""
    with whole_file(folder / "loop_trajectories.csv") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["utterance", "frames", "loop", *FIGURES])
        for one in report.trajectories.of_utterances:
            for loop, figures in enumerate(one.figures):
                cells = ("" if np.isnan(value) else f"{value:.6g}" for value in figures)
                writer.writerow([one.utterance, one.frames, loop, *cells])
    with whole_file(folder / "loop_trajectories.json") as file:
        json.dump(_as_json(report), file, indent=2)
        file.write("\n")


def trajectory_text(report: TrajectoryReport) -> str:
    """The printed text: a table of the means, and what it shows."""
    trained, loops = report.trajectories.trained_loops, report.trajectories.loops
    mean = report.mean()
    table = tabulate(
        [
            [f"{loop}{' (trained)' * (loop == trained)}", *map(_cell, figures)]
            for loop, figures in enumerate(mean)
        ],
        headers=["loop", *(name.replace("_", " ") for name in FIGURES)],
        tablefmt="github",
        disable_numparse=True,
        colalign=("left", *["right"] * len(FIGURES)),
    )
    utterances = len(report.trajectories.of_utterances)
    lines = [
        f"{report.model}: {trained} loops as configured, {loops} run; {utterances} utterances "
        f"({report.speech}), {report.frames} frames. Angles in degrees.",
        "",
        table,
        "",
        _turning(mean, trained),
    ]
    if loops > trained:
        lines.append(
            f"After {loops} loops the state lies {_at(mean, 'to_trained', loops):.1f} degrees from "
            f"that after {trained}, for which the layers behind were trained."
        )
    return "\n".join(lines)


def _turning(mean: np.ndarray, trained: int) -> str:
    """Whether the loops still change where the state points to, and whether they take it back."""
    first, last = _at(mean, "turn", 1), _at(mean, "turn", trained)
    back = [loop for loop in range(2, len(mean)) if _at(mean, "update_turn", loop) > 90]
    text = f"Loop 1 turns the state by {first:.1f} degrees, loop {trained} by {last:.1f}. "
    if back:
        return text + f"Loops that take back what the loop before did: {', '.join(map(str, back))}."
    return text + "No loop takes back what the loop before did (an angle of more than 90)."


def _at(mean: np.ndarray, figure: str, loop: int) -> float:
    return float(mean[loop, list(FIGURES).index(figure)])


def _cell(value: float) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.3f}" if 0 < value < 1 else f"{value:.1f}"


def _as_json(report: TrajectoryReport) -> dict[str, Any]:
    mean, (low, high) = report.mean(), report.range()

    def numbers(row: np.ndarray) -> dict[str, float | None]:
        return {
            name: None if np.isnan(value) else float(f"{value:.6g}")
            for name, value in zip(FIGURES, row, strict=True)
        }

    low_name, high_name = (f"percentile_{percentile}" for percentile in RANGE)
    return {
        "model": report.model,
        "speech": report.speech,
        "utterances": len(report.trajectories.of_utterances),
        "frames": report.frames,
        "trained_loops": report.trajectories.trained_loops,
        "num_loops": report.trajectories.loops,
        "loops": [
            {"loop": loop, "mean": numbers(mean[loop]), low_name: numbers(low[loop]),
             high_name: numbers(high[loop])}
            for loop in range(len(mean))
        ],
        "plane": {
            "explained": report.trajectories.explained.tolist(),
            "mean_path": report.trajectories.paths.mean(0).tolist(),
        },
    }  # fmt: skip
