"""All that a machine with one GPU is asked for, within some minutes.

    tools/gpu_session.sh --minutes 8 --data prepared_an4 --out results
    tools/gpu_session.sh --device cpu --shrink 24 --minutes 8 --data ... --out ...   # a rehearsal

In order: what the machine is; whether the encoders compute there what they should; times and
memory of a training step beside ESPnet's; trainings on AN4 in bf16, one of them killed and resumed;
inference; Branchformers; and compiled layers. Each step has a share of the time. One that fails is
noted, and the next goes on; all results so far are written after each.

--data is a folder with `data`, `dump` and `exp` of egs2/an4/asr1 after its stages 1 to 10.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file

from .report import report
from .steps import Failed, Step, run_command, run_steps
from .training import Trainings

ROOT = Path(__file__).resolve().parents[2]
#: Seconds kept for the end.
_RESERVE = 10
_LOG_CHARACTERS = 2_000_000


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("--out", type=Path, required=True, help="folder for the results, seven files")
    p.add_argument("--minutes", type=float, default=8, help="for everything")
    p.add_argument("--data", type=Path, help="prepared AN4; without it, nothing is trained")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    p.add_argument("--shrink", type=int, default=1, metavar="N", help="less work, to try it")
    p.add_argument("--only", nargs="+", metavar="STEP", help="steps of these names")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    end = time.monotonic() + 60 * args.minutes - _RESERVE
    if args.device == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch can use no GPU on this machine; --device cpu tries the session")
    if args.shrink < 1 or args.minutes <= 0:
        raise UserError("--shrink is at least 1, and --minutes more than 0")
    if args.data and not args.data.is_dir():
        raise UserError(f"--data {args.data}: no such folder")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # ends commands, too
    with tempfile.TemporaryDirectory(prefix="gpu_session_") as work:
        session = Session(args, Path(work))
        steps = session.steps()
        names = [step.name for step in steps]
        if unknown := set(args.only or ()) - set(names):
            raise UserError(f"--only {' '.join(sorted(unknown))}: there are {', '.join(names)}")
        chosen = [step for step in steps if step.name in (args.only or names)]
        entries = run_steps(chosen, end, session.record)
    if bad := [str(entry["step"]) for entry in entries if entry["status"] != "ok"]:
        raise UserError(f"see {args.out}/RESULTS.md: not ok: {', '.join(bad)}")


class Session:
    """The steps, and what they have found."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self._args, self._work = args, work
        self._log = work / "session.log"
        self._steps: list[dict[str, Any]] = []
        self._environment: dict[str, Any] = {}
        self._checks: dict[str, Any] = {}
        self._benchmarks: dict[str, Any] = {}
        self._trainings: dict[str, Any] = {}

    def steps(self) -> list[Step]:
        """All steps, the most important first; their shares are about seconds on a fast GPU."""
        args = self._args
        found = [
            Step("environment", 15, self._find_environment),
            Step("check", 60, self._check()),
            Step("training step", 70, self._bench(["bf16 training step"])),
            Step("memory", 55, self._bench(["bf16 memory"])),
        ]
        if args.data:
            found += [
                Step("training L1, killed", 90, self._train("L1", True)),
                Step("training B", 50, self._train("B", False)),
            ]
        return [
            *found,
            Step("inference", 60, self._bench(["Transformer"])),
            Step("Branchformer", 45, self._bench(["Branchformer bf16 training step"])),
            Step("check, compiled", 45, self._check("latent_recursive_transformer", "--compile")),
            Step("training step, compiled", 90, self._bench(["bf16 training step, compiled"])),
        ]

    def record(self, entry: dict[str, Any]) -> None:
        """Note a step that is over, and write everything."""
        self._steps.append(entry)
        print(json.dumps(entry), file=sys.stderr, flush=True)
        out = self._args.out
        for name, content in {
            "environment": self._environment, "steps": self._steps, "checks": self._checks,
            "benchmarks": self._benchmarks, "trainings": self._trainings,
        }.items():  # fmt: skip
            _write(out / f"{name}.json", json.dumps(content, indent=1) + "\n")
        parts = self._environment, self._steps, self._checks, self._benchmarks, self._trainings
        _write(out / "RESULTS.md", report(*parts))
        if self._log.exists():
            text = self._log.read_text(encoding="utf-8", errors="replace")
            _write(out / "session.log", text[-_LOG_CHARACTERS:])

    def _find_environment(self, end: float) -> None:
        path = self._work / "environment.json"
        code = (
            "import json, sys; from benchmarks.device_check import environment; "
            "open(sys.argv[1], 'w').write(json.dumps(environment(sys.argv[2])))"
        )
        self._python(["-c", code, str(path), self._args.device], end)
        self._environment = json.loads(path.read_text())
        smi = self._work / "nvidia-smi.txt"
        if self._args.device == "cuda" and shutil.which("nvidia-smi"):
            run_command(["nvidia-smi"], end, smi, ROOT)
            self._environment["nvidia_smi"] = smi.read_text().splitlines()

    def _check(self, encoder: str = "", *options: str) -> Callable[[float], None]:
        name = "compiled" if options else "encoders"
        folder = self._work / f"check_{name}"
        size = str(256 if self._args.shrink == 1 else 32)
        chosen = ["--encoders", encoder] if encoder else []

        def run(end: float) -> None:
            command = ["benchmarks/device_check.py", "--device", self._args.device, "--size", size,
                       *chosen, *options, "--output", str(folder)]  # fmt: skip
            try:
                self._python(command, end)
            finally:
                if (file := folder / "CHECK.json").exists():
                    self._checks[name] = json.loads(file.read_text())

        return run

    def _bench(self, races: Sequence[str]) -> Callable[[float], None]:
        output = self._work / races[0].replace(" ", "_").replace(",", "")
        repeats = ["3", "12"] if self._args.shrink == 1 else ["2", "2"]

        def run(end: float) -> None:
            command = [
                "benchmarks/encoder_time.py", "--full", "--plan", "cuda", "--device",
                self._args.device, "--shrink", str(self._args.shrink), "--repeats", *repeats,
                "--output", str(output), "--only", *races,
            ]  # fmt: skip
            try:
                self._python(command, end)
            finally:
                if (file := output.with_suffix(".json")).exists():
                    self._benchmarks[races[0]] = json.loads(file.read_text())

        return run

    def _train(self, row: str, killed: bool) -> Callable[[float], None]:
        small = self._args.shrink > 1
        trainings = Trainings(
            ROOT, self._work, self._log, self._args.device, 2 if small else 3, 6 if small else None
        )

        def run(end: float) -> None:
            trainings.prepare(self._args.data)
            name = f"AN4, {row}, killed and resumed" if killed else f"AN4, {row}"
            found = self._trainings[name] = trainings.train(row, end, killed)
            if "problem" in found:
                raise Failed(found["problem"])

        return run

    def _python(self, arguments: Sequence[str], end: float) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        run_command([sys.executable, *arguments], end, self._log, ROOT, {"PYTHONPATH": path})


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text)


if __name__ == "__main__":
    main()
