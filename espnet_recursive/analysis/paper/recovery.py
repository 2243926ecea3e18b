"""What a recursion recovers of the gain of a deep model over the few layers that it has.

    rho = (control - looped) / (control - deep)

of error rates. The control has the looped model's unique layers and runs them once; the deep model
has as many layers of its own as the looped one executes. 0: looping is no better than running the
layers once; 1: it is as good as layers of its own. Where the deep model is not better than the
control, nothing can be recovered, and the quotient of two differences by chance says nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from espnet_recursive.analysis.paper.results import Row
from espnet_recursive.analysis.paper.seeds import (
    Repeated,
    counterpart,
    error_rate_draws,
    interval_of,
    utterance_counts,
)
from espnet_recursive.recipe.bootstrap import Interval
from espnet_recursive.recipe.scoring import UNITS
from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.shape import RecursionShape

#: Options that do not change what an encoder computes.
_SAME_OUTPUT = {"checkpoint_loops", "compile"}
_OWN = {field.name for field in fields(RecursionConf)} - _SAME_OUTPUT
#: Options of a recursion, in which a looped row, its control and its deep row differ.
_LOOPS = {field.name for field in fields(RecursionShape)} | _OWN | _SAME_OUTPUT | {"num_blocks"}
_PLAIN = RecursionConf()


@dataclass(frozen=True)
class Recovery:
    """What a looped model recovers, of the mean error rates of three groups of models.

    Attributes:
        gain: Error rate of the control less that of the deep model, in points of percent.
        gain_interval: The 95 % interval of `gain`, over utterances and seeds.
        rho: The share of `gain` that the looped model has; None where `gain` is not above 0 for
            certain, which its interval says.
        rho_interval: The 95 % interval of `rho`, or None.
    """

    gain: float
    gain_interval: Interval
    rho: float | None
    rho_interval: Interval | None


def recovery(control: Repeated, looped: Repeated, deep: Repeated) -> Recovery | None:
    """Compute what a looped model recovers on the same utterances.

    Each draw takes utterances, the same ones for the three groups, and of each group seeds; the
    control of the numerator is that of the denominator.

    Args:
        control: Models of the looped row's unique layers, run once.
        looped: Models of the looped row.
        deep: Models with as many layers of their own as the looped row executes.

    Returns:
        The recovery; None if the utterances or their references differ, fewer than two, or without
        counts.
    """
    counts = [utterance_counts(group) for group in (control, looped, deep)]
    known = [own for own in counts if own is not None]
    if len(known) < 3 or any(own.units != known[0].units for own in known):
        return None
    draws = [error_rate_draws(own, generator) for generator, own in enumerate(known, 1)]
    gain, gains = control.error_rate - deep.error_rate, draws[0] - draws[2]
    gain_interval = interval_of(gains)
    if gain_interval.low <= 0:
        return Recovery(gain, gain_interval, None, None)
    # Of the draws at most one in 40 has no gain; there the quotient counts as without bound.
    recovered = draws[0] - draws[1]
    unbounded = np.where(recovered > 0, np.inf, -np.inf)
    shares = np.divide(recovered, gains, out=unbounded, where=gains > 0)
    rho = (control.error_rate - looped.error_rate) / gain
    return Recovery(gain, gain_interval, rho, interval_of(shares))


def control_of(row: Row, rows: Iterable[Row]) -> Row | None:
    """Find the row whose models are the control of a looped one."""
    return _find(row, rows, lambda size: size == row.size.shape.with_loops(1))


def deep_of(row: Row, rows: Iterable[Row]) -> Row | None:
    """Find the row with as many layers of its own as a looped one executes."""
    number = row.size.shape.executed_blocks
    return _find(row, rows, lambda size: (size.num_loops, size.unique_blocks) == (1, number))


def recovery_values(
    rows: Sequence[Row], groups: Mapping[str, Sequence[Repeated]]
) -> list[dict[str, Any]]:
    """Look at every looped row whose control and deep row are there, trained in the same way.

    Args:
        rows: What ``read_rows`` found.
        groups: The results of each row, one group for a decoding of a data set.

    Returns:
        For each looped row, data set and decoding at the model's own depth: the three rows with
        their error rates, the gain of depth, rho, their intervals, and the verdict.
    """
    values = []
    for row in rows:
        control, deep = control_of(row, rows), deep_of(row, rows)
        # Each utterance has its own depth by length, and so its own deep model.
        if row.size.shape.num_loops == 1 or row.policy == "length" or not (control and deep):
            continue
        for group in groups[row.name]:
            others = [_trained_alike(group, groups[other.name]) for other in (control, deep)]
            if group.first.decoded_at is None and others[0] and others[1]:
                found = recovery(others[0], group, others[1])
                names = (control.name, row.name, deep.name)
                if found:
                    values.append(_values(names, (others[0], group, others[1]), found))
    return values


def verdict(found: Recovery, counted: str) -> str:
    """Say whether there is something to recover.

    Args:
        found: The recovery.
        counted: What the errors were counted in, as "773 words".
    """
    if found.rho is not None:
        return "resolved"
    if found.gain_interval.high < 0:
        return "deep is worse than the control: nothing to recover"
    return f"not resolved by {counted}: deep may be no better than the control"


def _find(row: Row, rows: Iterable[Row], has_shape: Callable[[RecursionShape], bool]) -> Row | None:
    for other in rows:
        plain = RecursionConf.from_conf(other.options)
        if (
            has_shape(other.size.shape)
            and other.encoder == row.encoder
            and _without_loops(other) == _without_loops(row)
            # ESPnet has lists and None in the place of our empty tuples.
            and all((getattr(plain, k) or None) == (getattr(_PLAIN, k) or None) for k in _OWN)
        ):
            return other
    return None


def _without_loops(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.options.items() if key not in _LOOPS}


def _trained_alike(group: Repeated, candidates: Iterable[Repeated]) -> Repeated | None:
    settings = group.first.model.settings
    return counterpart(group, [c for c in candidates if c.first.model.settings == settings])


def _values(
    names: tuple[str, ...], groups: tuple[Repeated, ...], found: Recovery
) -> dict[str, Any]:
    one = groups[1].first
    roles = ("control", "row", "deep")
    return {
        **dict(zip(roles, names, strict=True)),
        "test_set": one.test_set,
        "unit": one.unit,
        "decoding": one.own_decoding,
        "experiments": [result.model.path.name for result in groups[1].results],
        "error_rates": [group.error_rate for group in groups],
        "seeds": [len(group.results) for group in groups],
        "units": one.score.units,
        "gain": found.gain,
        "gain_interval_95": asdict(found.gain_interval),
        "rho": found.rho,
        "rho_interval_95": asdict(found.rho_interval) if found.rho_interval else None,
        "verdict": verdict(found, f"{one.score.units:,} {UNITS[one.unit]}"),
    }
