"""The picture of the similarity of layers: a heat map of each measure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.analysis.layer_similarity_table import MEASURES, SimilarityReport
from espnet_recursive.analysis.style import picture

#: Perceptually uniform, the same to eyes that do not tell red from green, and readable in grey.
_COLORS = "cividis"
#: Up to this number of states, the values are written into the cells.
_NUMBERED = 13
#: What two digits do not tell from 1.
_CLOSE = 0.995
#: Labels that fit on an axis.
_LABELS = 26


def plot_similarity(report: SimilarityReport, outputs: Sequence[Path]) -> None:
    """Draw it; a frame marks the middle layers that could be one block, lines mark the loops.

    Args:
        report: The similarities.
        outputs: The picture's paths; their suffixes (.png, .svg, .pdf) say the formats.
    """
    states = len(report.labels)
    side = 4.6 if states <= _NUMBERED else 5.2
    with picture(outputs, 1, 2, figsize=(2 * side, side)) as (figure, panels):
        for axes, (measure, name) in zip(panels, MEASURES.items(), strict=True):
            _draw(figure, axes, report, measure)
            axes.set_title(name)
        figure.suptitle(_title(report), fontsize=10)


def _draw(figure: Any, axes: Any, report: SimilarityReport, measure: str) -> None:
    matrix = report.matrix(measure)
    low = min(0.9, np.floor(matrix.min() * 10) / 10)
    image = axes.imshow(matrix, cmap=_COLORS, vmin=low, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    step = -(-len(matrix) // _LABELS)
    places = range(0, len(matrix), step)
    labels = [report.labels[place] for place in places]
    axes.set_xticks(places, labels, fontsize=8, rotation=90 if len(labels) > _NUMBERED else 0)
    axes.set_yticks(places, labels, fontsize=8)
    axes.tick_params(length=0)
    axes.set(xlabel="state after layer", ylabel="state after layer")
    if len(matrix) <= _NUMBERED:
        _write_numbers(axes, image, matrix)
    _mark_loops(axes, report)
    if block := report.block(measure):
        _frame(axes, block.prelude + 1, block.layers)


def _write_numbers(axes: Any, image: Any, matrix: np.ndarray) -> None:
    different = matrix[~np.eye(len(matrix), dtype=bool)]
    digits = 3 if (different >= _CLOSE).any() else 2
    for (row, column), value in np.ndenumerate(matrix):
        text = "1" if row == column else f"{value:.{digits}f}".replace("0.", ".", 1)
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        axes.text(
            column, row, text, ha="center", va="center", color="white" if dark else "black",
            fontsize=7 if digits == 2 else 6,
        )  # fmt: skip


def _mark_loops(axes: Any, report: SimilarityReport) -> None:
    """Lines before the first loop, between loops and behind the last."""
    if (shape := report.recursion) is None:
        return
    end = len(report.labels) - shape.coda_blocks
    for place in range(1 + shape.prelude_blocks, end + 1, shape.recurrent_blocks):
        if place < len(report.labels):
            axes.axhline(place - 0.5, color="white", linewidth=1)
            axes.axvline(place - 0.5, color="white", linewidth=1)


def _frame(axes: Any, start: int, size: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (start - 0.5, start - 0.5)
    for color, width in (("white", 4), ("black", 1.6)):
        axes.add_patch(
            Rectangle(corner, size, size, fill=False, edgecolor=color, linewidth=width, zorder=3)
        )


def _title(report: SimilarityReport) -> str:
    similarity = report.similarity
    return (
        f"{Path(report.model).name}: likeness of layers, {similarity.utterances} utterances, "
        f"{similarity.frames} frames"
    )
