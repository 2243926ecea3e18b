"""Lightning's ranks start with the whole command of the runner.

Lightning starts a process for each further device with the name of the main module and
``sys.argv[1:]``. The main module is :mod:`espnet_recursive.run`, which has taken the script, or -m
and the module, out of the arguments; without them the ranks end at once.
"""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import wrapt

_LAUNCHER = "strategies.launchers.subprocess_script"
_COMMAND = "_basic_subprocess_cmd"


def start_ranks_with(head: Sequence[str]) -> None:
    """Have Lightning put some arguments before those of the script.

    Args:
        head: ``["-m", MODULE]`` or ``[SCRIPT]``.
    """

    def command(
        theirs: Callable[[], Sequence[str]], _instance: Any, _args: Any, _kwargs: Any
    ) -> list[str]:
        # Under Slurm and the like Lightning starts nothing, and this is not called.
        return [sys.executable, "-m", "espnet_recursive.run", *head, *sys.argv[1:]]

    def wrap(module: ModuleType) -> None:
        if hasattr(module, _COMMAND):
            wrapt.wrap_function_wrapper(module, _COMMAND, command)

    # The package has two names. The trainers' launchers take the function from that of Fabric.
    for package in ("lightning.fabric", "lightning_fabric"):
        wrapt.register_post_import_hook(wrap, f"{package}.{_LAUNCHER}")
