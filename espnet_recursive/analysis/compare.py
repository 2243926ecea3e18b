"""Trained models side by side: a table, transcripts, and a picture of the learning curves."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from espnet_recursive.analysis.experiment import Experiment
from espnet_recursive.analysis.style import COLORS, LINES, picture, plain_numbers
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_text
from espnet_recursive.recipe.scoring import Score


def comparison_table(
    experiments: Sequence[Experiment], units: Sequence[str]
) -> list[dict[str, Any]]:
    """One row for each model: sizes, the losses of its last epoch, and its error rates.

    Reductions refer to the layers of the first model.
    """
    baseline = experiments[0].size.layers
    rows = []
    for experiment in experiments:
        size = experiment.size
        row: dict[str, Any] = {
            "model": experiment.name,
            "{n_r, L, n_p, n_c}": str(size.shape),
            "executed": size.executed_blocks,
            "parameters in layers": f"{size.layers:,}",
            "of the first": f"{size.layers / baseline:.0%}",
            "in all": f"{experiment.parameters:,}",
        }
        for phase in ("train", "valid"):
            losses = experiment.curves[phase]["loss"]
            row[f"{phase} loss"] = f"{losses[max(losses)]:.2f}" if losses else ""
        for unit in units:
            for data_set, score in _by_data_set(experiment.scores[unit]).items():
                row[f"{data_set} {unit.upper()}"] = f"{score.error_rate:.1f} %"
        rows.append(row)
    return rows


def transcripts(
    experiments: Sequence[Experiment], data_dirs: Sequence[Path | str], number: int = 5
) -> list[str]:
    """Lines with the reference of utterances and the transcript by each model.

    Args:
        experiments: The models; each is looked up in its decodings of the data sets.
        data_dirs: Data directories; the directory's name is the data set's.
        number: Maximum number of utterances of each data set.

    Raises:
        UserError: If a model has not decoded a data set.
    """
    lines = []
    width = max(len("spoken"), *(len(experiment.name) for experiment in experiments))
    for data_dir in map(Path, data_dirs):
        references = read_text(data_dir / "text")
        hypotheses = {e.name: _hypotheses(e, data_dir.name) for e in experiments}
        lines.append(f"{data_dir.name}:")
        for utterance in list(references)[:number]:
            lines.append(f"  {utterance}")
            lines.append(f"    {'spoken':<{width}}  {references[utterance]}")
            for name, text in hypotheses.items():
                lines.append(f"    {name:<{width}}  {text.get(utterance, '(not decoded)')}")
    return lines


def plot_learning_curves(experiments: Sequence[Experiment], output: Path | str) -> Path:
    """Draw loss and accuracy of each epoch, training and validation, one colour a model.

    Args:
        experiments: The models.
        output: The picture's path; its suffix (.png, .svg, .pdf) says the format.

    Returns:
        `output` as a path.
    """
    with picture(output, 1, 2, figsize=(10, 4.2)) as (figure, (loss, accuracy)):
        for color, experiment in zip(cycle(COLORS), experiments, strict=False):
            size = experiment.size
            label = f"{experiment.name} {size.shape}, {size.layers:,} in layers"
            for line, phase in zip(LINES, ("train", "valid"), strict=False):
                for axes, key in ((loss, "loss"), (accuracy, "acc")):
                    values = experiment.curves[phase][key]
                    axes.plot(
                        list(values),
                        list(values.values()),
                        line,
                        color=color,
                        label=f"{label}: {phase}" if axes is loss else None,
                    )
        loss.set(yscale="log", xlabel="epoch", ylabel="loss (log scale)", title="Loss")
        plain_numbers(loss.yaxis)
        accuracy.set(
            xlabel="epoch", ylabel="token accuracy of the decoder", title="Accuracy", ylim=(0, 1.03)
        )
        for axes in (loss, accuracy):
            axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside lower center", ncols=2)
    return Path(output)


def _by_data_set(scores: dict[str, Score]) -> dict[str, Score]:
    return {name.rsplit("/", 1)[-1]: score for name, score in scores.items()}


def _hypotheses(experiment: Experiment, data_set: str) -> dict[str, str]:
    found = sorted(experiment.path.glob(f"*/{data_set}/text"))
    if not found:
        raise UserError(f"{experiment.path} has no decoding of {data_set}: run stage 12 first.")
    return read_text(found[-1])
