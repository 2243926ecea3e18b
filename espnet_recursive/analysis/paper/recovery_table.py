"""What looped rows recover of the gain of depth, as Markdown."""

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

_NOTES = """\
rho = (control - looped) / (control - deep), of mean error rates. Control: the looped row's unique
layers, run once. Deep: as many layers of its own as the looped row executes. At 0 loops are no
better than the layers run once, at 1 as good as layers of their own. Intervals of 95 % over
resampled utterances and seeds. Where that of control - deep does not lie above 0, there is no rho.
"""


def recovery_lines(values: Sequence[dict[str, Any]]) -> list[str]:
    """Format the values of all data sets.

    Args:
        values: ``recovery_values``.

    Returns:
        Lines of Markdown; none without values.
    """
    lines = []
    data_sets = dict.fromkeys((value["test_set"], value["unit"]) for value in values)
    for number, (test_set, unit) in enumerate(data_sets):
        own = [v for v in values if (v["test_set"], v["unit"]) == (test_set, unit)]
        lines += [f"## What loops recover on {test_set}, {unit.upper()}", ""]
        lines += [] if number else [_NOTES]
        cells = [_cells(value) for value in own]
        align = ("left", *["right"] * (len(cells[0]) - 2), "left")
        table = tabulate(cells, headers="keys", tablefmt="pipe", colalign=align,
                         disable_numparse=True)  # fmt: skip
        lines += [table, ""]
    return lines


def _cells(value: dict[str, Any]) -> dict[str, str]:
    control, looped, deep = value["error_rates"]
    return {
        "looped": f"{value['row']}: {', '.join(value['experiments'])}",
        "its rate": f"{looped:.2f}",
        "control": f"{value['control']} {control:.2f}",
        "deep": f"{value['deep']} {deep:.2f}",
        "seeds": ", ".join(map(str, value["seeds"])),
        "control - deep": f"{value['gain']:+.2f}",
        "95 %": _ends(value["gain_interval_95"]),
        "rho": "" if value["rho"] is None else f"{value['rho']:+.2f}",
        "rho, 95 %": _ends(value["rho_interval_95"]),
        "verdict": value["verdict"],
    }


def _ends(interval: dict[str, float] | None) -> str:
    return "{low:+.2f} to {high:+.2f}".format(**interval) if interval else ""
