"""The change of the error rate with depth in bins of utterances, as in Figure 3.

Bins by the error rate of one of the two models are biased. The errors of the baseline are in part
random, so in its bins of many errors any other model looks better, and in its bin without errors
any other model can only look worse, even where both are equally good (regression to the mean). So
utterances are binned by each of the two models, by the mean of both, which favours neither, and,
where there is one, by a third decoding, whose random errors are independent. A change that shows in
the bins by the baseline alone is no gain from depth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.bootstrap import Improvement, improvement
from espnet_recursive.recipe.scoring import UtteranceCounts, read_utterances

#: Upper ends of bins: error rates in percent, and units of the reference. Guesses: the numbers of
#: Figure 3 are not in the paper's text.
ERROR_EDGES = (0.0, 10.0, 20.0, 50.0)
LENGTH_EDGES = (2, 5, 10, 20, 30)


@dataclass(frozen=True)
class Bin:
    """A bin of utterances, and the change of their error rate.

    Attributes:
        label: Its limits, as "10–20".
        utterances: How many there are.
        units: Units of their references.
        first: Error rate of the baseline in them, in percent.
        second: Error rate of the other model.
        change: The second less the first, with its interval; None for fewer than two utterances.
    """

    label: str
    utterances: int
    units: int
    first: float
    second: float
    change: Improvement | None

    @property
    def difference(self) -> float:
        """The second error rate less the first, in points of percent."""
        return self.second - self.first


@dataclass(frozen=True)
class DepthGain:
    """Two decodings of a data set, bin by bin.

    Attributes:
        test_set: The name of the data set.
        unit: The unit of errors, "wer" or "cer".
        names: Of the baseline, the other model, and where there is one the third decoding.
        total: All utterances as one bin.
        views: The bins by "baseline", "both", "other", "third" (where there is a third decoding)
            and "length", in this order; bins without utterances are left out.
    """

    test_set: str
    unit: str
    names: Sequence[str]
    total: Bin
    views: Mapping[str, Sequence[Bin]]


def depth_gain(
    baseline: Path,
    other: Path,
    unit: str = "wer",
    third: Path | None = None,
    error_edges: Sequence[float] = ERROR_EDGES,
    length_edges: Sequence[int] = LENGTH_EDGES,
) -> DepthGain:
    """Compare two decodings of one data set in bins of its utterances.

    Args:
        baseline: Directory of the baseline's decoding, exp/<model>/<decoding>/<data set>.
        other: That of the other model.
        unit: The unit of errors, "wer" or "cer".
        third: A decoding by which utterances are binned, too: of the baseline with another seed,
            for instance.
        error_edges: Upper ends of the bins of error rates, in percent; a last bin is open.
        length_edges: Upper ends of the bins of lengths, in units of the reference.

    Raises:
        UserError: If a decoding was not scored, the decodings are not of the same utterances with
            the same references, or edges do not rise.
    """
    _check_edges("--error_edges", error_edges)
    _check_edges("--length_edges", length_edges)
    folders = [baseline, other] + ([third] if third else [])
    tables = [_read(folder, unit) for folder in folders]
    for folder, table in zip(folders[1:], tables[1:], strict=True):
        _check_same(baseline, tables[0], folder, table)
    rates = [{name: _rate(counts) for name, counts in table.items()} for table in tables]
    one, two = rates[:2]
    by: dict[str, Callable[[str], float]] = {
        "baseline": one.__getitem__,
        "both": lambda name: (one[name] + two[name]) / 2,
        "other": two.__getitem__,
    }
    if third:
        by["third"] = rates[2].__getitem__
    views = {view: _bins(tables, key, error_edges) for view, key in by.items()}
    views["length"] = _bins(tables, lambda name: tables[0][name].units, length_edges, whole=True)
    names = [str(Path(*folder.resolve().parts[-3:-1])) for folder in folders]
    total = _bin("all", list(tables[0]), tables)
    return DepthGain(baseline.resolve().name, unit, names, total, views)


def _bins(
    tables: Sequence[dict[str, UtteranceCounts]],
    key: Callable[[str], float],
    edges: Sequence[float],
    whole: bool = False,
) -> list[Bin]:
    groups: dict[float, list[str]] = {edge: [] for edge in (*edges, inf)}
    for name in tables[0]:
        groups[next(edge for edge in groups if key(name) <= edge)].append(name)
    lows = (None, *edges)
    return [
        _bin(_label(low, high, whole), names, tables)
        for low, (high, names) in zip(lows, groups.items(), strict=True)
        if names
    ]


def _bin(label: str, names: Sequence[str], tables: Sequence[dict[str, UtteranceCounts]]) -> Bin:
    units = [tables[0][name].units for name in names]
    first, second = ([table[name].errors for name in names] for table in tables[:2])
    total = max(1, sum(units))
    return Bin(
        label,
        len(names),
        sum(units),
        100 * sum(first) / total,
        100 * sum(second) / total,
        improvement(first, second, units),
    )


def _label(low: float | None, high: float, whole: bool) -> str:
    """The limits of a bin; the lower one is not in it, unless the numbers are integers."""
    if low is None:
        return f"{high:g}" if high == 0 else f"≤ {high:g}"
    if high == inf:
        return f"> {low:g}"
    first = low + whole
    return f"{high:g}" if first == high else f"{first:g}–{high:g}"


def _rate(counts: UtteranceCounts) -> float:
    """Errors in percent of the units; 100 for insertions where the reference is empty."""
    return 100 * counts.errors / (counts.units or max(1, counts.errors))


def _read(folder: Path, unit: str) -> dict[str, UtteranceCounts]:
    path = folder / f"score_{unit}" / "utterances.tsv"
    if not folder.is_dir():
        raise UserError(
            f"{folder} does not exist: name the decoding of a data set, "
            "exp/<model>/<decoding>/<data set>."
        )
    if not path.exists():
        inside = sorted(str(p.parents[1]) for p in folder.glob(f"*/score_{unit}/utterances.tsv"))
        hint = f"Decodings below it: {', '.join(inside)}" if inside else "Score it: stage 13"
        raise UserError(f"{path} does not exist. {hint}.")
    return read_utterances(path)


def _check_same(
    first: Path,
    one: dict[str, UtteranceCounts],
    second: Path,
    two: dict[str, UtteranceCounts],
) -> None:
    if not one:
        raise UserError(f"{first} has no utterances. Decode and score it again: stages 12 and 13.")
    missing, more = sorted(one.keys() - two), sorted(two.keys() - one)
    if missing or more:
        only = [f"{len(names)} only in {folder} ({names[0]}, ...)"
                for names, folder in ((missing, first), (more, second)) if names]  # fmt: skip
        raise UserError(
            f"{first} and {second} are not decodings of the same utterances: {'; '.join(only)}. "
            "Name decodings of one data set, both complete."
        )
    for name, counts in one.items():
        if counts.units != two[name].units:
            raise UserError(
                f"{name} has {counts.units} units in {first} and {two[name].units} in {second}: "
                "the references differ. Score both against the same text: stage 13."
            )


def _check_edges(option: str, edges: Sequence[float]) -> None:
    if not edges or list(edges) != sorted(set(edges)) or edges[0] < 0:
        raise UserError(
            f"{option} {' '.join(f'{edge:g}' for edge in edges)}: they are upper ends of bins, "
            "each larger than the one before, 0 or more."
        )
