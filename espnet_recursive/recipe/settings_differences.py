"""How the settings of two trainings differ, in words."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.recipe.fingerprint import is_file

#: Statistics that differ by less, in standard deviations, are those of the same features: sums
#: over other numbers of jobs are not equal to the last bit.
_SAME_STATISTICS = 1e-3
_ABSENT = object()


def settings_differences(trained: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each difference in words, beginning with its key."""
    for key in [*trained, *(key for key in now if key not in trained)]:
        yield from _difference(key, trained.get(key, _ABSENT), now.get(key, _ABSENT))


def _difference(key: str, trained: Any, now: Any) -> Iterator[str]:
    if _equal(trained, now):
        return
    if is_file(trained) and is_file(now):
        there = now.get("content", now.get("mean")) is not None
        what = "has another content than in training" if there else "is not there"
        yield f"{key} ({now['file']}) {what}"
    elif isinstance(trained, dict) and isinstance(now, dict) and not is_file(trained):
        for name in [*trained, *(name for name in now if name not in trained)]:
            parts = (values.get(name, _ABSENT) for values in (trained, now))
            yield from _difference(f"{key}.{name}", *parts)
    elif key.endswith("token_list") and isinstance(trained, list) and isinstance(now, list):
        yield f"{key}: {different_tokens(trained, now)}"
    else:
        yield f"{key}: trained with {_short(trained)}, now {_short(now)}"


def different_tokens(first: list[Any], second: list[Any]) -> str:
    """How two token lists differ, in words."""
    if len(first) != len(second):
        return f"{len(first)} tokens there, {len(second)} here"
    pairs = zip(first, second, strict=True)
    places = [number for number, (one, other) in enumerate(pairs) if one != other]
    one, other = first[places[0]], second[places[0]]
    return (
        f"{len(places)} of {len(first)} tokens differ, the first is number {places[0]}: "
        f"{_cut(repr(one))} there, {_cut(repr(other))} here"
    )


def _equal(trained: Any, now: Any) -> bool:
    if trained is _ABSENT or now is _ABSENT:
        return trained is now
    if is_file(trained) and is_file(now):
        if "mean" in trained and "mean" in now:
            return _same_statistics(trained, now)
        contents = trained.get("content"), now.get("content")
        if None in contents:  # it cannot be known: whoever needs a file that is gone says so
            return Path(trained["file"]).name == Path(now["file"]).name
        return contents[0] == contents[1]
    if isinstance(trained, str) and isinstance(now, str):
        # Whoever loads a model makes its paths absolute.
        one, other = sorted((Path(trained), Path(now)), key=Path.is_absolute)
        length = len(one.parts)
        moved = other.is_absolute() and length > 0 and one.parts == other.parts[-length:]
        return trained == now or moved
    # Texts, since NaN is not equal to itself, and True is to 1.
    return json.dumps(trained, sort_keys=True) == json.dumps(now, sort_keys=True)


def _same_statistics(trained: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if trained["mean"] is None or now["mean"] is None:
        return True
    if len(trained["mean"]) != len(now["mean"]):
        return False
    unit = np.array(trained["deviation"])
    return all(
        bool(np.all(np.abs(np.array(trained[key]) - np.array(now[key])) <= _SAME_STATISTICS * unit))
        for key in ("mean", "deviation")
    )


def _short(value: Any) -> str:
    return _cut("nothing" if value is _ABSENT else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
