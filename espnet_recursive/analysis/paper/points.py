"""The points in pictures of a table's rows, from RESULTS_PAPER.json and loop_sweep.json."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.recursion.shape import RecursionShape

#: What error rates can be drawn over.
AXES = ("loops", "parameters", "executed")


@dataclass(frozen=True)
class Point:
    """An error rate and its place on the axis.

    Attributes:
        name: The row, with the depth at which it was decoded where that is not its own.
        x: Loops, parameters of the layers in millions, or executed layers; None for a row whose
            loops differ, which has no place on the axis.
        rate: The error rate in percent.
        ends: Its 95 % interval.
        seeds: The error rate of each seed, where there are several.
    """

    name: str
    x: float | None
    rate: float
    ends: tuple[float, float] | None = None
    seeds: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """The contents of one panel.

    Attributes:
        title: Its title.
        unit: The unit of errors, "wer" or "cer".
        series: Points of one kind, by its name.
        paper: The paper's points of the same data set, by the names of the same series.
    """

    title: str
    unit: str
    series: Mapping[str, Sequence[Point]]
    paper: Mapping[str, Sequence[Point]]


def read_results(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a RESULTS_PAPER.json.

    Args:
        path: The file, or the folder of experiments that it is in.

    Raises:
        UserError: If it is not there, or lacks the means over seeds.
    """
    path = path / "RESULTS_PAPER.json" if path.is_dir() else path
    remedy = "Write it with espnet-recursive paper-results, or a recipe's run_paper.sh."
    if not path.exists():
        raise UserError(f"{path} does not exist. {remedy}")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        old = bool(rows) and "means" not in rows[0]
        if not old:  # earlier versions wrote the tuple as text alone
            rows = [{"recursion": _recursion_of(row["shape"])} | row for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no table of rows. {remedy}") from error
    if old:
        raise UserError(f"{path} is of an earlier version. {remedy}")
    return rows


def panels(
    rows: Sequence[dict[str, Any]],
    x: str,
    test_sets: Sequence[str] = (),
    decoding: str | None = None,
    sweeps: Sequence[Path] = (),
) -> list[Panel]:
    """Choose the points of a picture: a panel for each data set, and one for the paper.

    Where the rows are the paper's own, its figures are in the panel of the same data set. Smaller
    rows correspond to the paper's: its figures then have a panel of their own, of its hardest set.

    Args:
        rows: What ``read_results`` gives.
        x: One of AXES.
        test_sets: The data sets; all by default.
        decoding: The name of the decoding; that which most rows have by default.
        sweeps: loop_sweep.json of models that were decoded at several depths, for "loops".

    Raises:
        UserError: If there is nothing to draw.
    """
    rows = _in_picture(rows, x)
    means = [mean for row in rows for mean in row["means"] if mean["leading"]]
    if not means:
        raise UserError(f"No row of the table has a result that could be drawn over {x}.")
    names = Counter(mean["own_decoding"] for mean in means)
    decoding = decoding or names.most_common(1)[0][0]
    data_sets = list(dict.fromkeys(
        (m["test_set"], m["unit"]) for m in means if m["own_decoding"] == decoding
    ))  # fmt: skip
    for name in test_sets:
        if name not in dict(data_sets):
            there = ", ".join(dict(data_sets)) or "nothing"
            raise UserError(
                f"--test_sets {name}: what was decoded with {decoding} is {there}. "
                f"Choose of that, or another --decoding: {', '.join(names)}."
            )
    found = [
        _panel(rows, x, (name, unit), decoding, sweeps)
        for name, unit in data_sets
        if name in (test_sets or dict(data_sets))
    ]
    if not found:
        raise UserError(f"--decoding {decoding}: no row has it. Decodings: {', '.join(names)}.")
    paper = _papers_panel(rows, x)
    return [*found, paper] if paper else found


def _recursion_of(shape: str) -> dict[str, int]:
    """The numbers of a tuple {n_r, L, n_p, n_c}."""
    return asdict(RecursionShape(*map(int, shape.strip("{}").split(","))))


def _in_picture(rows: Sequence[dict[str, Any]], x: str) -> list[dict[str, Any]]:
    """The rows that differ in what the axis shows.

    Over the loops, those that share all else: the largest such group. Over the parameters, those
    with a fixed number of loops, without the rows of Table 2, which have the parameters of L1.
    """
    if x == "executed":
        return list(rows)
    if x == "parameters":
        return [r for r in rows if r["loop_policy"] == "fixed" and r["paper_table"] != 2]
    kinds = [(r["encoder_name"], *_unique_blocks(r)) for r in rows]
    if not kinds:
        return []
    most = Counter(kinds).most_common(1)[0][0]
    return [r for r, kind in zip(rows, kinds, strict=True) if kind == most]


def _panel(
    rows: Sequence[dict[str, Any]],
    x: str,
    data_set: tuple[str, str],
    decoding: str,
    sweeps: Sequence[Path],
) -> Panel:
    series: dict[str, list[Point]] = {}
    paper: dict[str, list[Point]] = {}
    for row in rows:
        name = _series(row, rows, x)
        printed = row["paper_error_rates"].get(data_set[0]) if row["is_papers"] else None
        if printed is not None:
            paper.setdefault(name, []).append(Point(_bare(row), _place(row, {}, x), printed))
        for mean in row["means"]:
            wanted = mean["leading"] and mean["own_decoding"] == decoding
            if not wanted or (mean["test_set"], mean["unit"]) != data_set:
                continue
            if mean["decoded_at"] and row["loop_policy"] == "fixed" and x != "executed":
                continue  # another depth than its own says nothing of the row
            ends = mean["interval_95"]
            series.setdefault(name, []).append(
                Point(
                    _name(row, mean),
                    _place(row, mean, x),
                    mean["error_rate"],
                    (ends["low"], ends["high"]) if ends else None,
                    mean["error_rates"] if mean["error_rates"][1:] else (),
                )
            )
    for sweep in sweeps if x == "loops" else ():
        series |= _sweep(sweep, data_set)
    return Panel(f"{data_set[0]}, {data_set[1].upper()}", data_set[1], series, paper)


def _papers_panel(rows: Sequence[dict[str, Any]], x: str) -> Panel | None:
    """The paper's figures of rows that only correspond to ours; not where it has no such axis."""
    series: dict[str, list[Point]] = {}
    test_set = ""
    for row in rows if x != "executed" else ():
        if row["is_papers"] or not row["paper_error_rates"] or row["unit"] != "wer":
            continue
        test_set, rate = list(row["paper_error_rates"].items())[-1]
        place = row["paper_size_in_millions"] if x == "parameters" else _place(row, {}, x)
        series.setdefault(_series(row, rows, x), []).append(Point(_bare(row), place, rate))
    if not series:
        return None
    return Panel(f"the paper, LibriSpeech {test_set}, WER", "wer", {}, series)


def _series(row: dict[str, Any], rows: Sequence[dict[str, Any]], x: str) -> str:
    """Rows of one series differ in what the axis shows."""
    if x == "loops":
        return "trained with this number of loops"
    architecture = row["encoder_name"].removeprefix("latent_recursive_")
    several = len({other["encoder_name"] for other in rows}) > 1
    _, prelude, coda = _unique_blocks(row)
    kind = "with prelude and coda" if prelude + coda else "recurrent block alone"
    return f"{architecture}: {kind}" if several else kind


def _place(row: dict[str, Any], mean: Mapping[str, Any], x: str) -> float | None:
    if x == "parameters":
        return row["layers"] / 1e6
    if x == "executed":
        measured = mean.get("mean_executed_layers")
        return row["executed"] if measured is None else measured
    return row["recursion"]["num_loops"] if row["loop_policy"] == "fixed" else None


def _name(row: dict[str, Any], mean: Mapping[str, Any]) -> str:
    """A row's name, and of those whose loops differ the depth of the decoding."""
    name, loops = _bare(row), mean.get("decoded_at")
    if loops is None and row["loop_policy"] == "schedule":
        loops = row["recursion"]["num_loops"]
    return name if loops is None else f"{name} at {loops}"


def _unique_blocks(row: dict[str, Any]) -> tuple[int, int, int]:
    """Layers of the recurrent block, the prelude and the coda: all of the tuple but the loops."""
    recursion = row["recursion"]
    return recursion["recurrent_blocks"], recursion["prelude_blocks"], recursion["coda_blocks"]


def _bare(row: dict[str, Any]) -> str:
    """A row's name; "length" and "schedule" are enough to say."""
    return row["row"] if row["loop_policy"] == "fixed" else row["row"].removeprefix("loops_")


def _sweep(path: Path, data_set: tuple[str, str]) -> dict[str, list[Point]]:
    """One model at several depths, where the sweep is of this data set."""
    try:
        sweep = json.loads(path.read_text(encoding="utf-8"))
        depths = [depth for depth in sweep["depths"] if depth["loop_exit"] is None]
        if (sweep["data_set"], sweep["unit"]) != data_set:
            return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no loop_sweep.json of espnet-recursive sweep-loops.") from error
    model = path.resolve().parents[1].name
    return {
        f"{model}, decoded with this number": [
            Point(depth["name"], depth["num_loops"], depth["error_rate"])
            for depth in depths
            if depth["num_loops"]
        ]
    }
