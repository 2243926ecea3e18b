"""RESULTS_PAPER.json: the data of all tables and pictures of the rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from espnet_recursive.analysis.paper.claims import claim_values
from espnet_recursive.analysis.paper.recovery import recovery_values
from espnet_recursive.analysis.paper.results import Result, Row
from espnet_recursive.analysis.paper.seed_spread import SeedSpread, seed_spreads
from espnet_recursive.analysis.paper.seeds import (
    Repeated,
    counterpart,
    improvement_over_seeds,
    leading,
    mean_interval,
    repeated,
)


def paper_values(rows: Sequence[Row]) -> dict[str, Any]:
    """Convert rows to plain values.

    Args:
        rows: What ``read_rows`` found.

    Returns:
        "rows", each with its "results", one a model and decoding, and their "means" over models
        that differ in the seed only; "seeds", how far these lie apart on each data set; "claims",
        those of the paper that can be looked at; and "recovery", what looped rows recover of the
        gain of a deep one.
    """
    groups = {row.name: repeated(row.results) for row in rows}
    chosen = leading(groups)
    spreads = seed_spreads(group for own in chosen.values() for group in own)
    policies = {row.name: row.policy for row in rows}
    return {
        "rows": [_row_values(row, groups, chosen) for row in rows],
        "seeds": [_spread_values(spread) for spread in spreads],
        "claims": claim_values(chosen, policies),
        "recovery": recovery_values(rows, groups),
    }


def _row_values(
    row: Row, groups: dict[str, list[Repeated]], chosen: dict[str, list[Repeated]]
) -> dict[str, Any]:
    paper, size = row.paper, row.size
    return {
        "row": row.name,
        "shape": str(size.shape),
        "recursion": asdict(size.shape),
        "encoder_name": row.encoder,
        "loop_policy": row.policy,
        "unique": size.unique_blocks,
        "executed": size.executed_blocks,
        "layers": size.layers,
        "encoder": size.encoder,
        "is_papers": row.is_papers,
        "paper_table": paper.table if paper else None,
        "paper_size_in_millions": paper.size if paper else None,
        "paper_error_rates": paper.error_rates if paper else {},
        "unit": paper.unit if paper else None,
        "baseline": paper.baseline if paper and paper.baseline != row.name else None,
        "experiments": [model.path.name for model in row.models],
        "results": [_result_values(result) for result in row.results],
        "means": [
            _mean_values(group, row, groups) | {"leading": group in chosen[row.name]}
            for group in groups[row.name]
        ],
    }


def _result_values(result: Result) -> dict[str, Any]:
    score = result.score
    return {
        "experiment": result.model.path.name,
        "seed": result.model.seed,
        "decoding": result.decoding,
        "decoded_at": result.decoded_at,
        "test_set": result.test_set,
        "unit": result.unit,
        "sentences": score.sentences,
        "units": score.units,
        "errors": score.errors,
        "error_rate": score.error_rate,
        "interval_95": asdict(score.interval_95) if score.interval_95 else None,
        "rtf": result.figures.get("rtf"),
        "mean_loops": result.figures.get("mean_loops"),
        "mean_executed_layers": result.figures.get("mean_executed_layers"),
    }


def _mean_values(group: Repeated, row: Row, groups: dict[str, list[Repeated]]) -> dict[str, Any]:
    one, interval = group.first, mean_interval(group)
    printed = row.paper.error_rates.get(one.test_set) if row.paper and row.is_papers else None
    return {
        "decoding": one.decoding,
        "own_decoding": one.own_decoding,
        "decoded_at": one.decoded_at,
        "test_set": one.test_set,
        "unit": one.unit,
        "experiments": [result.model.path.name for result in group.results],
        "seeds": [result.model.seed for result in group.results],
        "not_counted": [model.path.name for model in group.spare],
        "units": one.score.units,
        "error_rates": [result.score.error_rate for result in group.results],
        "error_rate": group.error_rate,
        "interval_95": asdict(interval) if interval else None,
        "paper": printed,
        "difference": None if printed is None else group.error_rate - printed,
        "rtf": group.figure("rtf"),
        "mean_loops": group.figure("mean_loops"),
        "mean_executed_layers": group.figure("mean_executed_layers"),
        "against_baseline": _against_baseline(group, row, groups),
    }


def _spread_values(spread: SeedSpread) -> dict[str, Any]:
    return asdict(spread) | {
        "resolved_by_one": spread.resolved(1),
        "resolved_by_all": spread.resolved(spread.seeds),
    }


def _against_baseline(
    group: Repeated, row: Row, groups: dict[str, list[Repeated]]
) -> dict[str, Any] | None:
    """The comparison with the baseline's models in a decoding of the same name."""
    if row.paper is None or row.paper.baseline == row.name:
        return None
    other = counterpart(group, groups.get(row.paper.baseline, ()))
    compared = other and improvement_over_seeds(other, group)
    if not (other and compared):
        return None
    names = [result.model.path.name for result in other.results]
    return asdict(compared) | {"decoding": other.first.decoding, "experiments": names}
