"""The progress in ESPnet's logs, as one line to read."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

_EPOCH_STARTED = re.compile(r"(\d+)/(\d+)epoch started(?:\. Estimated time to finish: (.*))?")
_EPOCH_RESULTS = re.compile(r"(\d+)epoch results: (.*)")
# ESPnet leaves out a comma now and then, so a number ends where it ends: "loss=0.5lr=2.0".
_NUMBER = r"[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|nan|inf)"
_BATCHES = re.compile(rf"(\d+)epoch:train:(\d+-\d+)batch: .*?(?<![a-z_])loss=({_NUMBER})")
_PHASE = re.compile(r"\[(train|valid)\] ([^\[]*)")
_UTTERANCE = re.compile(r"best hypo: |TooShortUttError|is too short for subsampling")


@dataclass(frozen=True)
class ProgressLine:
    """One piece of progress; a lasting one gets a line, another one is shown until the next."""

    text: str
    lasting: bool = False


class Training:
    """Epochs, losses and accuracy, from the log of any ESPnet training."""

    def __init__(self) -> None:
        self.max_epoch = "?"
        self.remaining = ""

    def read(self, line: str) -> ProgressLine | None:
        """Return what `line` of the log says, or None."""
        if match := _EPOCH_STARTED.search(line):
            self.max_epoch, self.remaining = match[2], match[3] or ""
            left = f", about {self.remaining} left" if self.remaining else ""
            return ProgressLine(f"epoch {match[1]}/{self.max_epoch} started{left}")
        if match := _BATCHES.search(line):
            return ProgressLine(
                f"epoch {match[1]}/{self.max_epoch}, batch {match[2]}: loss {match[3]}"
            )
        if match := _EPOCH_RESULTS.search(line):
            numbers = [
                f"{phase} {key} {values[key]}"
                for phase, values in parse_results(match[2]).items()
                for key in ("loss", "acc")
                if key in values
            ]
            return ProgressLine(
                f"epoch {match[1]}/{self.max_epoch}: " + ", ".join(numbers), lasting=True
            )
        return None


class Utterances:
    """Decoded utterances of a known number, from the logs of ``asr_inference``."""

    def __init__(self, total: int = 0) -> None:
        self.total, self.done = total, 0

    def read(self, line: str) -> ProgressLine | None:
        """Return what `line` of the log says, or None."""
        if not _UTTERANCE.search(line):
            return None
        self.done += 1
        # Every tenth of a long list gets a line, so that a log file shows the way too.
        step = max(self.total // 10, 1)
        lasting = self.total >= 100 and self.done % step == 0
        return ProgressLine(f"{self.done} of {self.total or '?'} utterances decoded", lasting)


def parse_results(results: str) -> dict[str, dict[str, str]]:
    """Parse "[train] loss=1.0, ..., [valid] loss=2.0, ..." into the values of each phase."""
    return {
        phase: dict(item.split("=", 1) for item in items.split(", ") if "=" in item)
        for phase, items in _PHASE.findall(results)
    }


def screen(write: Callable[[str], object] | None = None) -> Callable[[ProgressLine], None]:
    """Return a function that shows reports on standard error, in place where it is a terminal."""
    out = write or sys.stderr.write
    terminal = write is None and sys.stderr.isatty()

    def show(report: ProgressLine) -> None:
        if terminal:
            out(f"\r\033[K  {report.text}" + ("\n" if report.lasting else ""))
            sys.stderr.flush()
        elif report.lasting:
            out(f"  {report.text}\n")

    return show
