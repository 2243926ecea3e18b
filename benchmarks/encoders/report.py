"""The results as tables in Markdown."""

from statistics import median
from typing import Any

from tabulate import tabulate

from .race import Result
from .results import Results, ratio
from .targets import TARGETS, Target
from .work import Work


def report(results: Results) -> str:
    """All tables, the targets last."""
    parts = [str(results.machine)]
    for result in results.results:
        parts += [f"## {result.name}: {result.work}", _times(result)]
    if results.memories:
        parts += ["## Peak memory of a training step above the idle process", _memories(results)]
    if results.counted:
        parts += ["## Counted, layers alone", _counted(results)]
    if results.left_out:
        names = ", ".join(dict.fromkeys(results.left_out))
        parts.append(f"There was no time for: {names}. Give it more with --minutes.")
    parts += ["## Targets", targets_table(results)]
    return "\n\n".join(parts) + "\n"


def targets_table(results: Results) -> str:
    """Targets, figures measured, and whether they are met."""
    return _table([_target(target, results) for target in TARGETS])


def _times(result: Result) -> str:
    first = result.seconds.get(result.baseline, [])
    rows = []
    for competitor, seconds in result.seconds.items():
        row: dict[str, Any] = _who(competitor)
        found = ratio(result, competitor, result.baseline)
        if found:
            row |= {
                "ratio": f"{found.median:.3f}",
                "quartiles": f"{found.lower:.3f} - {found.upper:.3f}",
                "extremes": f"{found.smallest:.3f} - {found.largest:.3f}",
            }
        row |= {"seconds": f"{median(seconds):.4g}"}
        if result.differences:
            row["differs by"] = _share(result.differences.get(competitor))
        rows.append(row)
    said = f"{len(first)} repeats; ratio is of times, to {result.baseline}.\n"
    left_out = [f"* left out: {who}: {why}." for who, why in result.left_out.items()]
    table = [_table(rows), ""] if rows else []
    return "\n".join([*table, said, *left_out])


def _memories(results: Results) -> str:
    first: dict[Work, float] = {}
    rows = []
    for memory in results.memories:
        row: dict[str, Any] = {"work": str(memory.work)} | _who(memory.competitor)
        if memory.megabytes is None:
            rows.append(row | {"MB": memory.left_out})
            continue
        least = first.setdefault(memory.work, memory.megabytes)
        rows.append(
            row
            | {"MB": f"{memory.megabytes:.0f}", "to the first": f"{memory.megabytes / least:.3f}"}
        )
    return _table(rows)


def _counted(results: Results) -> str:
    largest = max(count.all_reduce for count in results.counted.values())
    return _table(
        [
            {
                "row": count.row,
                "MB to all-reduce": f"{count.all_reduce / 1e6:.1f}",
                "MB of optimiser state": f"{count.optimizer / 1e6:.1f}",
                "to the largest": f"{count.all_reduce / largest:.3f}",
            }
            for count in results.counted.values()
        ]
    )


def _target(target: Target, results: Results) -> dict[str, str]:
    asked = f"{'>=' if target.at_least else '<='} {target.limit:g}"
    row = {"target": target.text, "asked": asked, "measured": "", "met": "", "what": ""}
    if target.device != results.machine.device:
        return row | {"measured": f"skipped: no {target.device}"}
    measured = target.measure(results)
    if measured is None:
        return row | {"measured": "not measured"}
    spread = f" ({measured.spread[0]:.2f} - {measured.spread[1]:.2f})" if measured.spread else ""
    return row | {
        "measured": f"{measured.value:.3f}{spread}",
        "met": "yes" if target.met(measured) else "no",
        "what": measured.who,
    }


def _who(competitor: Any) -> dict[str, str]:
    return {
        "encoder": f"{competitor.system} {competitor.row}",
        "setting": competitor.setting.name,
        "precision": competitor.setting.precision,
    }


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"


def _table(rows: list[dict[str, Any]]) -> str:
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
