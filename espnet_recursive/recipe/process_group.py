"""Processes that end with the one that started them, however it ends, and all that is theirs."""

import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Waits for the end of its input, which comes when the process that holds the other end is gone.
_GUARD = ("sh", "-c", "read -r _; kill -KILL 0")


@contextmanager
def process_group() -> Iterator[int]:
    """A group for commands, of which nothing is left when the block or this process ends.

    A guard leads the group. It ends all that is in it when this process is gone, be it by SIGKILL,
    which no handler sees, or by a signal to all of this process's own group.

    Yields:
        The group, for ``subprocess.Popen(process_group=...)``.

    Example:
        >>> with process_group() as group:
        ...     subprocess.run(["true"], process_group=group).returncode
        0
    """
    nowhere = subprocess.DEVNULL
    guard = subprocess.Popen(
        _GUARD, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, process_group=0
    )
    try:
        yield guard.pid
    finally:
        with suppress(OSError):  # the command ended its own group
            os.killpg(guard.pid, signal.SIGKILL)
        guard.communicate()


def end_with_parent() -> None:
    """Have this process, one of a pool, end when the process is gone that has the pool.

    Without this, processes of a pool wait for ever for work from one that was killed. Ctrl-C is
    left to that one, too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
