"""RESULTS_PAPER.md: our error rates beside the paper's, row for row."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tabulate import tabulate

from espnet_recursive.analysis.paper_results import Result, Row, compare_results
from espnet_recursive.recipe.whole_files import write_if_changed

#: What has to be known of the figures.
_NOTES = """\
Errors are counted as sclite counts them. 95 %: the interval over resampled utterances; the paper
gives no intervals and no seeds. Sizes are the encoder's layers alone, as the paper counts. RTF:
seconds of decoding for a second of speech, on the machine that decoded.
"""


def write_paper_results(rows: Sequence[Row], output: Path | str) -> None:
    """Write the tables as Markdown, and beside it the same as JSON.

    Args:
        rows: What ``read_rows`` found.
        output: RESULTS_PAPER.md; the JSON has the same name with .json.
    """
    values = [row_values(row, rows) for row in rows]
    text = json.dumps({"rows": values}, indent=2) + "\n"
    write_if_changed(Path(output).with_suffix(".json"), text)
    write_if_changed(output, markdown(values))


def row_values(row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """All that the tables say of one row.

    Args:
        row: The row.
        rows: All rows, among them its baseline, with which its results are compared.
    """
    paper = row.paper
    return {
        "row": row.name,
        "shape": row.size.shape,
        "layers": row.size.layers,
        "paper_size_in_millions": paper.size if paper else None,
        "paper_error_rates": paper.error_rates if paper else {},
        "unit": paper.unit if paper else None,
        "baseline": paper.baseline if paper and paper.baseline != row.name else None,
        "experiments": [path.name for path in row.experiments],
        "results": [_result_values(result, row, rows) for result in row.results],
    }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Say the values of the rows in Markdown: two tables for each data set.

    The one has our error rates beside the paper's, the other what was gained over the baselines.
    """
    results = [result for row in rows for result in row["results"]]
    decodings = list(dict.fromkeys(_path(result) for result in results))
    numbers = {path: f"[{number}]" for number, path in enumerate(decodings, 1)}
    lines = ["# Results beside the paper's", "", _NOTES]
    if missing := [row["row"] for row in rows if not row["results"]]:
        lines += [f"Without a result yet: {', '.join(missing)}.", ""]
    for test_set, unit in _data_sets(rows):
        lines += [f"## {test_set}, {unit.upper()} in percent", ""]
        lines += [_table(_lines(rows, test_set, unit, numbers)), ""]
        if gains := _gain_lines(rows, test_set, unit, numbers):
            lines += ["Against the baseline, on the same utterances:", "", _table(gains), ""]
    if decodings:
        lines += ["## Decodings", ""]
        lines += [f"{number}. `{path}`" for number, path in enumerate(decodings, 1)]
    return "\n".join(lines).rstrip() + "\n"


def _result_values(result: Result, row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    score = result.score
    printed = row.paper.error_rates.get(result.test_set) if row.paper else None
    return {
        "experiment": result.experiment.name,
        "decoding": result.decoding,
        "test_set": result.test_set,
        "unit": result.unit,
        "sentences": score.sentences,
        "units": score.units,
        "errors": score.errors,
        "error_rate": score.error_rate,
        "interval_95": asdict(score.interval_95) if score.interval_95 else None,
        "paper": printed,
        "difference": None if printed is None else score.error_rate - printed,
        "rtf": result.rtf,
        "against_baseline": _against_baseline(result, row, rows),
    }


def _against_baseline(result: Result, row: Row, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The comparison with the baseline's first result in a decoding of the same name."""
    if row.paper is None or row.paper.baseline == row.name:
        return None
    wanted = (result.test_set, result.unit, result.decoding)
    for other in (r for b in rows if b.name == row.paper.baseline for r in b.results):
        if (other.test_set, other.unit, other.decoding) != wanted:
            continue
        if compared := compare_results(other, result):
            return asdict(compared) | {"experiment": other.experiment.name}
    return None


def _data_sets(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The data sets with their units: the paper's first, then those that only we have."""
    paper = [(name, row["unit"]) for row in rows for name in row["paper_error_rates"]]
    ours = [(result["test_set"], result["unit"]) for row in rows for result in row["results"]]
    return list(dict.fromkeys(paper + ours))


def _lines(
    rows: Sequence[dict[str, Any]], test_set: str, unit: str, numbers: dict[str, str]
) -> list[dict[str, str]]:
    lines = []
    for row in rows:
        printed = row["paper_error_rates"].get(test_set) if row["unit"] == unit else None
        results = _of(row, test_set, unit)
        if not results and printed is not None:
            results = [{"state": "not decoded" if row["experiments"] else "not run"}]
        for result in results:
            interval = result.get("interval_95")
            lines.append(
                {
                    "row": row["row"],
                    "{n_r, L, n_p, n_c}": row["shape"],
                    "layers": f"{row['layers'] / 1e6:.2f}M",
                    "paper's layers": _number(row["paper_size_in_millions"], "{}M"),
                    unit.upper(): result.get("state") or f"{result['error_rate']:.2f}",
                    "95 %": "{low:.2f}–{high:.2f}".format(**interval) if interval else "",
                    f"paper's {unit.upper()}": _number(printed, "{:.2f}"),
                    "difference": _number(result.get("difference"), "{:+.2f}"),
                    "RTF": _number(result.get("rtf"), "{:.3f}"),
                    "decoding": "" if "state" in result else numbers[_path(result)],
                }
            )
    return lines


def _gain_lines(
    rows: Sequence[dict[str, Any]], test_set: str, unit: str, numbers: dict[str, str]
) -> list[dict[str, str]]:
    printed = {row["row"]: row["paper_error_rates"].get(test_set) for row in rows}
    lines = []
    for row in rows:
        for result in _of(row, test_set, unit):
            gain = result["against_baseline"]
            if gain is None:
                continue
            theirs = [printed[row["row"]], printed[row["baseline"]]]
            baseline = _path(result | {"experiment": gain["experiment"]})
            lines.append(
                {
                    "row": row["row"],
                    "baseline": row["baseline"],
                    "difference": f"{gain['difference']:+.2f}",
                    "95 %": "{low:+.2f} to {high:+.2f}".format(**gain["interval"]),
                    "paper's difference": "" if None in theirs else f"{theirs[0] - theirs[1]:+.2f}",
                    "probability of fewer errors": f"{gain['probability']:.3f}",
                    "decodings": f"{numbers[_path(result)]}, {numbers[baseline]}",
                }
            )
    return lines


def _of(row: dict[str, Any], test_set: str, unit: str) -> list[dict[str, Any]]:
    return [r for r in row["results"] if (r["test_set"], r["unit"]) == (test_set, unit)]


def _path(result: dict[str, Any]) -> str:
    return f"{result['experiment']}/{result['decoding']}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _table(lines: Sequence[dict[str, str]]) -> str:
    align = ("left", "left", *["right"] * (len(lines[0]) - 2))
    return tabulate(lines, "keys", "pipe", colalign=align, disable_numparse=True)
