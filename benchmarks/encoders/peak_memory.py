"""Peak memory of a training step above that of an idle process, each in a process of its own."""

import multiprocessing
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import torch

from .competitors import Competitor
from .rows import Unavailable
from .work import Encoder, Work

_IMPORTS = f"{__package__}.espnet_imports"
_SMALL = Work("training", 1, 100)


@dataclass(frozen=True)
class Memory:
    """A training step of one competitor.

    Attributes:
        competitor: Who.
        work: What.
        megabytes: Peak above the idle process: weights, gradients, moments, activations. None where
            it was left out.
        left_out: Why.
    """

    competitor: Competitor
    work: Work
    megabytes: float | None
    left_out: str = ""


def peak_memory(
    competitor: Competitor, work: Work, folder: Path, device: str, threads: int
) -> Memory:
    """Measure in a new process.

    Args:
        competitor: Who.
        work: What it does.
        folder: The rows' files.
        device: On "cpu", what the process holds at most less what it held after imports and a step
            of a tiny encoder; on "cuda", ``torch.cuda.max_memory_allocated``.
        threads: torch's.
    """
    # The server imports ESPnet once and starts no threads; each child is a copy of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_IMPORTS])
    # Not every Python 3.12 hands on where a script's own modules are.
    path = patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    try:
        with path, ProcessPoolExecutor(1, context) as pool:
            arguments = (competitor, work, folder, device, threads)
            return Memory(competitor, work, pool.submit(measure, *arguments).result())
    except Unavailable as error:
        return Memory(competitor, work, None, str(error))
    except Exception as error:  # a lack of memory must not cost the other results
        reason = f"FAILED: {type(error).__name__}: {error}".splitlines()[0]
        return Memory(competitor, work, None, reason)


def measure(competitor: Competitor, work: Work, folder: Path, device: str, threads: int) -> float:
    """Megabytes of training steps in this process, which has done nothing else."""
    torch.set_num_threads(threads)
    # Code takes memory too when it is used for the first time, so a tiny encoder goes ahead.
    classes = import_module(_IMPORTS).CLASSES
    tiny = classes["latent_recursive_transformer"](80, output_size=16, linear_units=16)
    _SMALL.start(Encoder(tiny.to(device)))(_SMALL.batch(0, device))
    del tiny
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        idle = torch.cuda.memory_allocated() / 1e6
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        idle = _resident("VmRSS")
    run = work.start(competitor.build(folder, device, work.kind))
    for each in (_SMALL, work):  # Adam's moments are there from the first step's end on
        run(each.batch(0, device))
    peak = torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else _resident("VmHWM")
    return peak - idle


def _resident(key: str) -> float:
    """A line of the process's status, in megabytes."""
    status = Path("/proc/self/status").read_text()
    match = re.search(rf"^{key}:\s+(\d+) kB", status, re.M)
    assert match, f"/proc/self/status has no {key}"
    return int(match[1]) * 1024 / 1e6
