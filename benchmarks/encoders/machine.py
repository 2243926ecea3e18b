"""The machine that the figures were measured on."""

import os
import platform
import re
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

_PACKAGES = ("espnet", "speechbrain", "flash_attn")


@dataclass(frozen=True)
class Machine:
    """The machine and its software.

    Attributes:
        device: "cpu" or "cuda".
        name: Of the CPU or GPU.
        vectors: The CPU's widest instructions that torch uses.
        cores: That this process may use.
        threads: That torch uses.
        load: Processes that ran or waited on average in the last minute, before anything started; a
            busy machine makes the spread of ratios larger.
        day: Date of the measurement.
        packages: Name -> version of those that are compared.
    """

    device: str
    name: str
    vectors: str
    cores: int
    threads: int
    load: float
    day: str
    packages: dict[str, str]

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.name}, {self.cores} cores ({self.vectors}), {self.threads} threads, "
            f"load before {self.load:.1f}; {packages}; {self.day}"
        )


def this_machine(device: str) -> Machine:
    """Describe this machine as it is now."""
    name = torch.cuda.get_device_name() if device == "cuda" else _cpu_name()
    return Machine(
        device,
        name,
        torch.backends.cpu.get_cpu_capability(),
        len(os.sched_getaffinity(0)),
        torch.get_num_threads(),
        os.getloadavg()[0],
        date.today().isoformat(),
        {"torch": str(torch.__version__)} | _versions(),
    )


def _cpu_name() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1].strip() if found else platform.machine()


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
