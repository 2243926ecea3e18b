"""RESULTS.md of an experiment, and RESULTS.json, written from the files of its decodings."""

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

from espnet_recursive import __version__
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import write_if_changed
from espnet_recursive.recipe.decoding_facts import read_decoding_facts
from espnet_recursive.recipe.scoring import UNITS, Score, headline_unit, read_score, results_row


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


def find_real_time_factors(asr_exp: Path | str) -> dict[str, dict[str, float]]:
    """Read what rtf.json says of each "<decoding>/<data set>" of an experiment."""
    asr_exp = Path(asr_exp)
    return {
        str(path.parent.relative_to(asr_exp)): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(asr_exp.glob("*/*/rtf.json"))
    }


def find_decoding_facts(asr_exp: Path | str) -> dict[str, dict[str, Any]]:
    """Read decoding.json of each "<decoding>/<data set>" of an experiment that has one."""
    asr_exp = Path(asr_exp)
    return {
        str(path.parent.relative_to(asr_exp)): facts
        for path in sorted(asr_exp.glob("*/*/decoding.json"))
        if (facts := read_decoding_facts(path.parent)) is not None
    }


def write_results(asr_exp: Path | str) -> Path:
    """Write RESULTS.md with a table a unit, in the columns of ESPnet's recipes, and RESULTS.json.

    ESPnet's columns are followed by the 95 % interval of the error rate.

    Returns:
        RESULTS.md.

    Raises:
        UserError: If there is no such folder.
    """
    asr_exp = Path(asr_exp)
    if not asr_exp.is_dir():
        raise UserError(f"{asr_exp} is no folder: name that of an experiment, exp/asr_...")
    scores = {unit: find_scores(asr_exp, unit) for unit in UNITS}
    headlines = {headline_unit(total) for total in scores["wer"].values()}
    environment = {
        "python": platform.python_version(),
        "espnet": version("espnet"),
        "espnet_recursive": __version__,
        "pytorch": version("torch"),
    }
    values: dict[str, Any] = {
        "experiment": asr_exp.name,
        "environment": environment,
        "scores": {
            unit: {name: asdict(s) | {"error_rate": s.error_rate} for name, s in found.items()}
            for unit, found in scores.items()
        },
        "real_time_factors": find_real_time_factors(asr_exp),
        "decodings": find_decoding_facts(asr_exp),
    }
    write_if_changed(asr_exp / "RESULTS.json", json.dumps(values, indent=2) + "\n")
    lines = [
        "# RESULTS",
        "## Environments",
        *(f"- {name} version: `{value}`" for name, value in environment.items()),
        "",
        f"## {asr_exp.name}",
    ]
    for unit in sorted(UNITS, key=lambda unit: unit not in headlines):
        rows = [{"dataset": name} | results_row(s) for name, s in scores[unit].items()]
        if rows:
            align = ("left", *["right"] * (len(rows[0]) - 1))
            table = tabulate(rows, "keys", "pipe", colalign=align, disable_numparse=True)
            lines += [f"### {unit.upper()}", table, ""]
    write_if_changed(asr_exp / "RESULTS.md", "\n".join(lines))
    return asr_exp / "RESULTS.md"
