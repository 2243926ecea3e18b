"""Sampling rates as people write them."""

import re
from typing import Any

from espnet_recursive.errors import UserError

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(k?)(?:hz)?", re.IGNORECASE)


def parse_hertz(value: Any, name: str) -> int:
    """Read a rate: 16000, "16000", "16k" or "22.05k".

    Args:
        value: The rate, in Hz where there is no k.
        name: Where it stands, for the message.

    Returns:
        Whole Hz, 1 or more.

    Raises:
        UserError: If it is no such rate.
    """
    match = _RATE.fullmatch(str(value).strip())
    hertz = round(float(match[1]) * (1000 if match[2] else 1)) if match else 0
    if hertz < 1:
        raise UserError(f"{name} {value}: expected a sampling rate such as 16k or 16000")
    return hertz
