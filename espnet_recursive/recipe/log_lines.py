"""The lines of logs, handed on while they are written."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Seconds between two looks at the logs.
INTERVAL = 0.5


@contextmanager
def follow(logs: Sequence[Path], on_line: Callable[[str], None] | None) -> Iterator[None]:
    """Call `on_line` with every whole line that is added to the logs while the block runs.

    Args:
        logs: Files, which may appear later; one that is replaced is read from its beginning.
        on_line: Called in a thread of its own, with the line and its end. None: nothing is read.
    """
    if on_line is None:
        yield
        return
    readers = [_Reader(log) for log in logs]
    stop = threading.Event()

    def watch() -> None:
        stopped = False
        while not stopped:
            stopped = stop.wait(INTERVAL)  # after the stop, read once more: the last lines
            for reader in readers:
                for line in reader.new_lines():
                    on_line(line)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class _Reader:
    def __init__(self, log: Path) -> None:
        self._log, self._inode, self._position = log, -1, 0

    def new_lines(self) -> Iterator[str]:
        try:
            file = self._log.open("rb")
        except FileNotFoundError:
            return
        with file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self._inode:
                self._inode, self._position = inode, 0
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                yield line.decode("utf-8", errors="replace")
