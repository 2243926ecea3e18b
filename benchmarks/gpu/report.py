"""The results of a session as one file of tables in Markdown."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from tabulate import tabulate

Rows = list[dict[str, Any]]


def report(
    environment: Mapping[str, Any],
    steps: Rows,
    checks: Mapping[str, Any],
    benchmarks: Mapping[str, Any],
    trainings: Mapping[str, Any],
) -> str:
    """All tables; what is missing is left out.

    Args:
        environment: That of :func:`benchmarks.device_check.environment`.
        steps: Entries of :func:`benchmarks.gpu.steps.run_steps`.
        checks, benchmarks, trainings: Step -> its figures.
    """
    who = environment.get("gpu", environment.get("device", "?"))
    parts = [f"# {who}, torch {environment.get('torch', '?')}"]
    wanted = ("step", "status", "seconds", "limit", "why")
    short = [{k: str(step.get(k, ""))[:120].replace("\n", " ") for k in wanted} for step in steps]
    parts += ["## Steps", _table(short)]
    for name, check in checks.items():
        rows = [
            {"encoder": r["encoder"], "what": r["what"], "difference": f"{r['difference']:.1e}",
             "limit": f"{r['limit']:.0e}", "ok": "yes" if r["ok"] else "NO"}
            for r in check["checks"]
        ]  # fmt: skip
        parts += [f"## {name}: relative differences", _table(rows)]
    for name, result in benchmarks.items():
        for race in result["times"]:
            parts += [f"## {name}: {race['race']}, {race['work']}", _race(race)]
        if result["memories"]:
            memories = [
                {"encoder": f"{m['system']} {m['row']}", "setting": m["setting"],
                 "precision": m["precision"], "peak MB": _peak(m)}
                for m in result["memories"]
            ]  # fmt: skip
            parts += [f"## {name}: {result['memories'][0]['work']}", _table(memories)]
    for name, training in trainings.items():
        parts += [
            f"## {name}: {training['num_loops']} loops, {training['executed_blocks']} layers "
            f"executed, {training['seconds']} s in all",
            _table([{k: f"{v:.5g}" for k, v in epoch.items()} for epoch in training["epochs"]]),
        ]
        if "resumed" in training:
            parts.append(f"Killed and resumed: {training['resumed']}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _race(race: Mapping[str, Any]) -> str:
    """Medians, and how many times as fast as ESPnet's each is, repeat by repeat."""
    entries = race["competitors"]
    eager = _stock(entries, "autocast, defaults") or _stock(entries, "defaults")
    rows = []
    for entry in entries:
        peers = [e for e in entries if e["system"] == "ESPnet"
                 and e["precision"] == entry["precision"]]  # fmt: skip
        best = min(peers, key=lambda e: median(e["seconds"]), default=None)
        rows.append(
            {"encoder": f"{entry['system']} {entry['row']}", "setting": entry["setting"],
             "precision": entry["precision"],
             "ms (median)": f"{1e3 * median(entry['seconds']):.2f}",
             "ESPnet eager / this": _times(eager, entry),
             "ESPnet's best in this precision / this": _times(best, entry)}
        )  # fmt: skip
    said = ""
    if eager is not None:
        said = f"Eager: {eager['setting']}, {eager['precision']}; {len(eager['seconds'])} repeats."
    out = [f"* left out: {e['system']} {e['row']}, {e['setting']}: {e['why']}."
           for e in race["left_out"]]  # fmt: skip
    return "\n\n".join(filter(None, [_table(rows), said, "\n".join(out)]))


def _stock(entries: Sequence[Mapping[str, Any]], setting: str) -> Mapping[str, Any] | None:
    found = [e for e in entries if e["system"] == "ESPnet" and e["setting"] == setting]
    return found[0] if found else None


def _times(other: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> str:
    if other is None:
        return ""
    ratios = [a / b for a, b in zip(other["seconds"], entry["seconds"], strict=True)]
    return f"{median(ratios):.3f}"


def _peak(memory: Mapping[str, Any]) -> str:
    return memory["left_out"] if memory["megabytes"] is None else f"{memory['megabytes']:.0f}"


def _table(rows: Rows) -> str:
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
