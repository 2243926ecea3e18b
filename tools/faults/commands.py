"""Commands of a finished recipe, run again in processes that have imported everything already."""

import contextlib
import importlib
import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tools.faults.recipe import Recipe

DECODING = "exp/asr_faults/decode/test/logdir"
#: Imported once, since this takes longer than most commands.
_IMPORTS = (
    "espnet_recursive.run",
    "espnet_recursive.bin.asr_inference",
    "espnet_recursive.bin.transcribe",
    "espnet2.bin.asr_train",
    "espnet2.bin.lm_train",
    "espnet2.bin.asr_inference",
)
_SECONDS = 600


def logged(recipe: Recipe, log: str, *more: str) -> list[str]:
    """The command that a log of the recipe begins with, from the module on, with more options."""
    with (recipe.dir / log).open() as file:
        command = shlex.split(file.readline().removeprefix("# "))
    return [*command[command.index("-m") + 1 :], *more]


def decode(recipe: Recipe) -> list[str]:
    """Decoding of the test set."""
    return logged(recipe, f"{DECODING}/asr_inference.1.log")


def resume_asr(recipe: Recipe) -> list[str]:
    """An epoch more of the recogniser's training."""
    return logged(recipe, "exp/asr_faults/train.log", "--max_epoch", "4")


def resume_lm(recipe: Recipe) -> list[str]:
    """An epoch more of the language model's training."""
    return logged(recipe, "exp/lm_faults/train.log", "--max_epoch", "3")


def transcribe(recipe: Recipe) -> list[str]:
    """The packed model, with the test set's audio."""
    (pack,), (audio,) = (
        recipe.dir.glob("exp/asr_faults/*.zip"),
        recipe.dir.glob("dump/raw/test/data/*"),
    )
    options = ["--model", str(pack), "--format", "json", "--output", "transcript.json"]
    options += ["--config", "conf/decode_asr.yaml"]
    return ["espnet_recursive.bin.transcribe", str(audio), *options]


def run(recipe: Recipe, command: Sequence[str]) -> tuple[int, str]:
    """Run a module with arguments in the recipe's folder: the status and what it printed."""
    for name in _IMPORTS:
        importlib.import_module(name)
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _be(recipe.dir, command, log.fileno())
        _, status = os.waitpid(child, 0)
        log.seek(0)
        return os.waitstatus_to_exitcode(status), log.read().decode(errors="replace")


def _be(directory: Path, command: Sequence[str], log: int) -> None:
    """Become the command."""
    status = 1
    try:
        signal.alarm(_SECONDS)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(directory)
        module, *arguments = command
        importlib.import_module(module).main(arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
