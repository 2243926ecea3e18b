"""Output that a person reads: our own messages, and of the libraries their warnings."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Leave out what ESPnet says of every model and file, and the hub's client of every request."""
    root, ours = logging.getLogger(), logging.getLogger("espnet_recursive")
    levels = root.level, ours.level
    root.setLevel(logging.WARNING)
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
