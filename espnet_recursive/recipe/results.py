"""RESULTS.md of an experiment, written from the files of its decodings."""

import platform
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from espnet_recursive import __version__
from espnet_recursive.recipe.scoring import UNITS, Score, read_score, results_row
from espnet_recursive.recipe.whole_files import write_if_changed


def find_scores(asr_exp: Path | str, unit: str) -> dict[str, Score]:
    """Read the scores of all decodings of an experiment.

    Returns:
        The score of each "<decoding>/<data set>".
    """
    asr_exp = Path(asr_exp)
    return {
        str(path.parents[1].relative_to(asr_exp)): read_score(path)
        for path in sorted(asr_exp.glob(f"*/*/score_{unit}/result.json"))
    }


def write_results(asr_exp: Path | str) -> Path:
    """Write RESULTS.md with a table a unit, in the columns of ESPnet's recipes.

    Returns:
        The file.
    """
    asr_exp = Path(asr_exp)
    lines = [
        "# RESULTS",
        "## Environments",
        f"- python version: `{platform.python_version()}`",
        f"- espnet version: `{version('espnet')}`",
        f"- espnet_recursive version: `{__version__}`",
        f"- pytorch version: `{version('torch')}`",
        "",
        f"## {asr_exp.name}",
    ]
    for unit in UNITS:
        rows = [
            {"dataset": name} | results_row(s) for name, s in find_scores(asr_exp, unit).items()
        ]
        if rows:
            align = ("left", *["right"] * (len(rows[0]) - 1))
            table = tabulate(rows, "keys", "pipe", colalign=align, disable_numparse=True)
            lines += [f"### {unit.upper()}", table, ""]
    write_if_changed(asr_exp / "RESULTS.md", "\n".join(lines))
    return asr_exp / "RESULTS.md"
