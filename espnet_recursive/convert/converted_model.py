"""The result of a conversion."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ConvertedModel:
    """A model that was converted.

    Attributes:
        config: Its configuration.
        model: ESPnet's model, in evaluation mode.
        how: What was done, in a line.
        notes: What the user should know about it.
    """

    config: dict[str, Any]
    model: Any
    how: str
    notes: tuple[str, ...] = ()
