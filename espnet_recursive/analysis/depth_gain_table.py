"""The change of the error rate with depth in bins, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tabulate import tabulate

from espnet_recursive.analysis.depth_gain import Bin, DepthGain
from espnet_recursive.files.whole_files import write_if_changed
from espnet_recursive.recipe.scoring import UNITS

#: What is said before the figures.
_WARNING = """\
Mind the regression to the mean: bins of the baseline's errors favour the other model, for the high
ones hold utterances in which the baseline was unlucky; where it made no error, the other can only
look worse. Bins of the other's errors favour the baseline, those of the mean of both neither. Trust
what all of them show. Best is --bin_by: a decoding by a further model, whose luck is its own.
"""
TITLES = {
    "baseline": "By the baseline's error rate (favours the other model)",
    "both": "By the mean of both error rates (favours neither)",
    "other": "By the other model's error rate (favours the baseline)",
    "third": "By the error rate in a third decoding (favours neither)",
    "length": "By length of the reference",
}


def write_depth_gain(result: DepthGain, output_dir: Path | str) -> Path:
    """Write depth_gain.md and depth_gain.json.

    Returns:
        depth_gain.md.
    """
    output_dir = Path(output_dir)
    write_if_changed(output_dir / "depth_gain.json", json.dumps(values(result), indent=2) + "\n")
    write_if_changed(output_dir / "depth_gain.md", markdown(result))
    return output_dir / "depth_gain.md"


def values(result: DepthGain) -> dict[str, Any]:
    """The result in plain values."""
    return {
        "test_set": result.test_set,
        "unit": result.unit,
        "baseline": result.names[0],
        "other": result.names[1],
        "third": result.names[2] if result.names[2:] else None,
        "all": _values(result.total),
        "bins": {view: list(map(_values, bins)) for view, bins in result.views.items()},
    }


def markdown(result: DepthGain) -> str:
    """Format the result as Markdown: a table for each way to bin."""
    unit, counted = result.unit.upper(), UNITS[result.unit]
    lines = [f"# Who gains from depth: {result.test_set}, {unit}", ""]
    lines += [f"* baseline: `{result.names[0]}`", f"* other: `{result.names[1]}`"]
    lines += [f"* third: `{name}`" for name in result.names[2:]]
    lines += ["", "Change: the other's error rate less the baseline's, in points of percent of the "
              f"{counted} in a bin; below 0 is a gain. 95 %: the interval over drawn utterances, "
              "the same ones for both.", "", _WARNING]  # fmt: skip
    for view, bins in result.views.items():
        head = f"length in {counted}" if view == "length" else f"{unit} in percent"
        lines += [f"## {TITLES[view]}", "", _table(head, [*bins, result.total], unit, counted), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: str, bins: Sequence[Bin], unit: str, counted: str) -> str:
    rows = [
        {
            head: b.label,
            "utterances": str(b.utterances),
            counted: f"{b.units:,}",
            f"baseline's {unit}": f"{b.first:.2f}",
            f"other's {unit}": f"{b.second:.2f}",
            "change": f"{b.difference:+.2f}",
            "95 %": "" if b.change is None
            else f"{b.change.interval.low:+.2f} to {b.change.interval.high:+.2f}",
        }
        for b in bins
    ]  # fmt: skip
    return tabulate(rows, "keys", "pipe", colalign=["right"] * len(rows[0]), disable_numparse=True)


def _values(b: Bin) -> dict[str, Any]:
    return {
        "bin": b.label,
        "utterances": b.utterances,
        "units": b.units,
        "baseline": b.first,
        "other": b.second,
        "difference": b.difference,
        "interval_95": asdict(b.change.interval) if b.change else None,
    }
