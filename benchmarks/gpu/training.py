"""Trainings of the AN4 recipe on a GPU: one is killed and resumed, one is not."""

import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.recipe.train_config import read_encoder_config
from espnet_recursive.recursion.shape import RecursionShape

from .steps import Failed, run_command

_STARTED = re.compile(r"(\d+)/\d+epoch started")
_RESUMED = "The training was resumed using"
_STATISTICS = "loss", "loss_ctc", "acc", "time", "train_time", "gpu_max_cached_mem_GB"


@dataclass(frozen=True)
class Trainings:
    """The recipe in a folder of its own, with prepared data.

    Attributes:
        root: The clone.
        work: Where the recipe is copied to.
        log: Where output goes.
        device: "cpu" or "cuda".
        epochs: How many.
        iterations: How many batches an epoch has, at most; None for all.
    """

    root: Path
    work: Path
    log: Path
    device: str
    epochs: int
    iterations: int | None = None

    @property
    def recipe(self) -> Path:
        """The folder of the recipe."""
        return self.work / "egs2" / "an4" / "asr1"

    def prepare(self, data: Path) -> None:
        """Copy the recipe and what its stages 1 to 10 made.

        Args:
            data: A folder with the recipe's ``data``, ``dump`` and ``exp``, paths in them
                relative to the recipe.

        Raises:
            Failed: If one of them is missing.
        """
        if missing := [name for name in ("data", "dump", "exp") if not (data / name).is_dir()]:
            raise Failed(f"{data} has no {', '.join(missing)}: run stages 1 to 10 of egs2/an4/asr1")
        if self.recipe.exists():
            return
        unwanted = shutil.ignore_patterns("data", "dump", "exp", "downloads")
        shutil.copytree(self.root / "egs2", self.work / "egs2", symlinks=True, ignore=unwanted)
        shutil.copytree(self.root / "conf", self.work / "conf")
        for name in ("data", "dump", "exp"):
            shutil.copytree(data / name, self.recipe / name)

    def train(self, row: str, end: float, killed: bool = False) -> dict[str, Any]:
        """Train a row.

        Args:
            row: A file of the recipe's conf/encoder/.
            end: When it has to be over, in ``time.monotonic()``.
            killed: Whether to kill it after its first epoch, and to start it again.

        Returns:
            Its epochs, and, if killed, what the second start did.

        Raises:
            Failed: If it does not end, or does not go on where it was.
        """
        config = read_encoder_config(self.recipe / "conf" / "encoder" / f"{row}.yaml")
        shape = RecursionShape.from_conf(config["encoder_conf"])
        found: dict[str, Any] = {
            "row": row, "num_loops": shape.num_loops, "executed_blocks": shape.executed_blocks,
            "device": self.device, "bf16": self.device == "cuda",
        }  # fmt: skip
        start = time.monotonic()
        if killed:
            found["resumed"] = self._kill(row, end)
        self._run(row, end)
        found["seconds"] = round(time.monotonic() - start, 1)
        stats = self._statistics(row)
        found["epochs"] = [_epoch(number, stats[number]) for number in sorted(stats)]
        if sorted(stats) != list(range(1, self.epochs + 1)):
            raise Failed(f"{row}: the epochs of the checkpoint are {sorted(stats)}")
        if killed:
            again = found["resumed"]
            log = self._experiment(row) / "train.log"
            text = log.read_text(encoding="utf-8", errors="replace")
            _, resumed, tail = text.rpartition(_RESUMED)
            started = [int(number) for number in _STARTED.findall(tail)] if resumed else []
            again["epochs_after"] = started
            kept = {number: _epoch(number, stats[number]) for number in again["epochs_before"]}
            again["epochs_kept"] = kept == again.pop("_before")
            expected = [*range(max(kept) + 1, self.epochs + 1)]
            again["right"] = started == expected and again["epochs_kept"]
            if not again["right"]:
                found["problem"] = f"resumed at {started}, expected {expected}"
        return found

    def _kill(self, row: str, end: float) -> dict[str, Any]:
        checkpoint = self._experiment(row) / "checkpoint.pth"

        def in_the_next_epoch() -> bool:
            return checkpoint.exists() and time.time() - checkpoint.stat().st_mtime > 1

        if not self._run(row, end, kill_when=in_the_next_epoch):
            raise Failed(f"{row}: ended before it could be killed")
        time.sleep(0.5)  # the kernel kills what this one had started
        stats = self._statistics(row)
        before = {number: _epoch(number, stats[number]) for number in stats}
        return {"epochs_before": sorted(stats), "left_running": self._running(), "_before": before}

    def _run(self, row: str, end: float, **options: Any) -> bool:
        more = f"--max_epoch {self.epochs} --use_amp {str(self.device == 'cuda').lower()}"
        if self.iterations:
            more += f" --num_iters_per_epoch {self.iterations}"
        command = [
            "./run.sh", "--stage", "11", "--stop_stage", "11", "--use_lm", "false",
            "--ngpu", "1" if self.device == "cuda" else "0", "--asr_tag", f"gpu_{row}",
            "--encoder_config", f"conf/encoder/{row}.yaml", "--asr_args", more,
        ]  # fmt: skip
        # The copied recipe looks for the package beside itself: the clone's comes with this.
        path = os.pathsep.join(filter(None, [str(self.root), os.environ.get("PYTHONPATH")]))
        return run_command(command, end, self.log, self.recipe, {"PYTHONPATH": path}, **options)

    def _experiment(self, row: str) -> Path:
        return self.recipe / "exp" / f"asr_gpu_{row}"

    def _statistics(self, row: str) -> Mapping[int, Mapping[str, Any]]:
        checkpoint = self._experiment(row) / "checkpoint.pth"
        return torch.load(checkpoint, "cpu", weights_only=True)["reporter"]["stats"]

    def _running(self) -> int:
        """How many processes still have the recipe as their folder."""
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                found += (process / "cwd").readlink() == self.recipe
            except OSError:  # over already, or another user's
                continue
        return found


def _epoch(number: int, stats: Mapping[str, Any]) -> dict[str, Any]:
    """The report of an epoch; times in seconds."""
    epoch: dict[str, Any] = {"epoch": number}
    for part in ("train", "valid"):
        for key, value in stats.get(part, {}).items():
            if key in _STATISTICS or "loops" in key:
                if isinstance(value, Mapping):
                    value = value["__timedelta_seconds__"]
                epoch[f"{part}_{key}"] = value
    return epoch
