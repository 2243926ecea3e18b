"""Values as assignments that bash reads, quoted, so that no value is taken for shell code."""

import shlex
from collections.abc import Mapping, Sequence


def assignments(values: Mapping[str, str | Sequence[str]]) -> str:
    """One line ``name=value`` for each value, or ``name=(word ...)`` where it is words.

    Args:
        values: Name -> value. Names are those of variables.

    Raises:
        ValueError: If a name could not be one of a variable.
    """
    lines = []
    for name, value in values.items():
        if not name.isidentifier() or not name.isascii():
            raise ValueError(f"{name!r} is no name of a variable")
        if isinstance(value, str):
            lines.append(f"{name}={shlex.quote(value)}")
        else:
            lines.append(f"{name}=({' '.join(map(shlex.quote, value))})")
    return "\n".join(lines)
