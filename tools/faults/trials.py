"""Trials of faults, one after the other, kept in a file as they end, and their table."""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from espnet_recursive.files.whole_files import whole_file

#: What can become of a fault. Nothing is to be silent, and a traceback is no message to a user.
VERDICTS = ("refused", "survived", "silent", "traceback", "skipped")
TRACEBACK = "Traceback (most recent call last)"
#: What says why something ended; some lines of the recipe only say where.
_SENTENCE = re.compile(
    r"Error: (?!stage \S+ (failed in the command|stopped at line)|the command failed \(status)"
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a fault.

    Attributes:
        verdict: "refused": a sentence says what is wrong; "survived": the results are those of an
            undisturbed run; "silent": they are not, and nothing was said; "traceback": Python's;
            "skipped": it could not be tried here.
        fault: What was done.
        said: The sentence, or what differs.
        faults: How many faults the trial made, one after the other.
    """

    verdict: str
    fault: str
    said: str = ""
    faults: int = 1


#: Makes faults in a folder of its own; the generator is that of the trial.
Trial = Callable[[random.Random], Outcome]


def judged(
    fault: str, status: int, output: str, differences: list[str], faults: int = 1
) -> Outcome:
    """The outcome of a fault, from how what met it ended.

    Args:
        fault: What was done.
        status: That of the command that met the fault, 0 if it ended well.
        output: What it printed.
        differences: What differs from an undisturbed run, if it ended well.
        faults: How many faults there were.
    """
    if status:
        sentence = next((line for line in output.splitlines() if _SENTENCE.search(line)), "")
        # A signal, such as a fault of segmentation, says less than a traceback.
        noisy = TRACEBACK in output or status < 0 or not sentence
        verdict, said = "traceback" if noisy else "refused", sentence or output[-300:]
        if noisy:
            said = output.rstrip().splitlines()[-1] if output.strip() else f"status {status}"
        return Outcome(verdict, fault, said.strip(), faults)
    return Outcome("silent" if differences else "survived", fault, "; ".join(differences), faults)


class Trials:
    """The outcomes in a folder: a line of JSON each, so that a later start goes on.

    Args:
        folder: Where faults.jsonl and the table, faults.md, are or go.
        seed: A trial depends on this, its kind and its number alone.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._file = folder / "faults.jsonl"
        self._done: dict[tuple[int, str, int], Outcome] = {}
        lines = self._file.read_text().split("\n") if self._file.exists() else [""]
        if lines.pop():  # a line that a kill cut off: that trial is made again
            with whole_file(self._file) as file:
                file.writelines(f"{line}\n" for line in lines)
        for line in lines:
            record = json.loads(line)
            key = (record.pop("seed"), record.pop("kind"), record.pop("number"))
            self._done[key] = Outcome(**record)

    def run(self, kind: str, number: int, of: int, trial: Trial) -> None:
        """Make a trial, unless it was made before; print its outcome and write the table.

        Args:
            kind: Its kind.
            number: Its number, from 1.
            of: How many there are of the kind.
            trial: What makes it.
        """
        key = (self._seed, kind, number)
        if key in self._done:
            return
        start = time.monotonic()
        outcome = self._done[key] = trial(random.Random("/".join(map(str, key))))
        names = {"seed": self._seed, "kind": kind, "number": number}
        with self._file.open("a") as file:
            file.write(json.dumps(names | asdict(outcome)) + "\n")
        said = f": {outcome.said[:300]}" if outcome.said else ""
        seconds = time.monotonic() - start
        print(
            f"{kind} {number}/{of} ({seconds:.0f} s) {outcome.verdict}: {outcome.fault}{said}",
            flush=True,
        )
        with whole_file(self._folder / "faults.md") as file:
            file.write(self.table())

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        """The kind and the outcome of all trials of the seed."""
        return ((kind, outcome) for (seed, kind, _), outcome in self._done.items()
                if seed == self._seed)  # fmt: skip

    def table(self) -> str:
        """The number of faults of each kind and verdict, and what was silent or a traceback."""
        counts: dict[str, Counter[str]] = {}
        bad = []
        for kind, outcome in self.outcomes():
            counts.setdefault(kind, Counter())[outcome.verdict] += outcome.faults
            if outcome.verdict in ("silent", "traceback"):
                bad.append(f"* {kind}, {outcome.verdict}: {outcome.fault}: {outcome.said[:500]}")
        lines = [
            f"| fault | tried | {' | '.join(VERDICTS)} |",
            f"|---|--:|{'--:|' * len(VERDICTS)}",
        ]
        for kind, count in sorted(counts.items()):
            tried = count.total() - count["skipped"]
            numbers = " | ".join(str(count[verdict]) for verdict in VERDICTS)
            lines.append(f"| {kind} | {tried} | {numbers} |")
        return "\n".join([*lines, *([""] if bad else []), *bad]) + "\n"
