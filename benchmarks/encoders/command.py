"""Time and memory of recursive encoders against ESPnet's and SpeechBrain's of the same depth.

    python benchmarks/encoder_time.py              # the main lines, a few minutes
    python benchmarks/encoder_time.py --full       # everything
    python benchmarks/encoder_time.py --full --only memory

All competitors of a race do the same work in turn within each repeat, so that a busy machine slows
all of them, and each is divided by ESPnet's encoder with its defaults in the same repeat. ESPnet's
at its best is the fastest of its settings in that precision. What a machine or an installation
lacks is left out, with the reason. Peak memory is measured in processes of their own.

Tables are printed and written to OUTPUT.md, all figures to OUTPUT.json, pictures to OUTPUT.png and
OUTPUT.svg. Tables and figures are written after each race, so that a run that is cut keeps those.
"""

import argparse
import json
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import paper_rows_dir
from espnet_recursive.files.whole_files import whole_file

if TYPE_CHECKING:
    from .plan import Part
    from .results import Results

#: Rows that are counted.
COUNTED = ("B", "L1", "L2", "R4", "B3", "L5", "B2", "L4")


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("--full", action="store_true", help="measure everything")
    p.add_argument(
        "--only", nargs="+", metavar="NAME", help="races of these names (memory is one of them)"
    )
    p.add_argument(
        "--repeats", type=int, nargs=2, default=[3, 15], metavar=("FEWEST", "MOST"),
        help="of each race, within its time",
    )  # fmt: skip
    p.add_argument(
        "--minutes", type=float, default=13, help="what has not begun by then is left out"
    )
    p.add_argument(
        "--processor_time", action="store_true",
        help="count the processor's time, not the clock's: for a CPU that others use, one thread",
    )  # fmt: skip
    p.add_argument("--device", choices=("cpu", "cuda"), help="cuda where there is one by default")
    p.add_argument(
        "--plan", choices=("cpu", "cuda"), help="races of that device; by default of --device"
    )
    p.add_argument(
        "--shrink", type=int, default=1, metavar="N",
        help="an N-th of the utterances and of their length, to try the measurement itself",
    )  # fmt: skip
    p.add_argument("--threads", type=int, help="torch's own choice by default")
    p.add_argument(
        "--rows_dir", type=Path, default=paper_rows_dir(), help="folder of the encoder files"
    )
    p.add_argument(
        "--output", type=Path, default=Path("build/benchmarks/encoder_time"), help="without suffix"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch can use no GPU on this machine")
    if not 2 <= args.repeats[0] <= args.repeats[1]:
        raise UserError("--repeats: at least 2, and the fewest come first")
    if device == "cuda" and args.processor_time:
        raise UserError("--processor_time is for CPUs")
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.shrink < 1:
        raise UserError("--shrink: at least 1")
    results = measure(args, device)
    from .picture import plot

    print(_write(results, args.output))
    plot(results, [args.output.with_suffix(suffix) for suffix in (".png", ".svg")])
    failed = [why for result in results.results for why in result.left_out.values()]
    failed += [memory.left_out for memory in results.memories]
    if any(why.startswith("FAILED") for why in failed):
        raise UserError("some competitors failed: see what is left out above")


def measure(args: argparse.Namespace, device: str) -> "Results":
    """Run what is planned; return the results."""
    from .counted import count
    from .machine import this_machine
    from .plan import PLANS, shrunk
    from .results import Results

    planned = PLANS[args.plan or device][args.full]()
    known = list(dict.fromkeys(part.name for part in planned))
    if unknown := [name for name in args.only or () if name not in known]:
        raise UserError(f"--only {' '.join(unknown)}: there are {', '.join(known)}")
    parts = [shrunk(part, args.shrink) for part in planned if part.name in (args.only or known)]
    results = Results(this_machine(device))
    results.counted = {row: count(args.rows_dir, row) for row in COUNTED}
    _quiet()
    end = time.monotonic() + 60 * args.minutes
    with tqdm(total=len(parts), unit="part", disable=None) as bar:
        say = _write_line if bar.disable else bar.set_description
        for part in parts:
            if time.monotonic() > end:
                results.left_out.append(part.name)
            else:
                _measure(part, results, args, device, say)
                _write(results, args.output)
            bar.update()
    return results


def _write(results: "Results", output: Path) -> str:
    """Write tables and figures; return the tables."""
    from .report import report

    text = report(results)
    with whole_file(output.with_suffix(".json")) as file:
        file.write(json.dumps(results.as_dict(), indent=1) + "\n")
    with whole_file(output.with_suffix(".md")) as file:
        file.write(text)
    return text


def _measure(
    part: "Part", results: "Results", args: argparse.Namespace, device: str, say: Any
) -> None:
    from .peak_memory import peak_memory
    from .race import Race, run

    if isinstance(part, Race):
        clock = time.process_time if args.processor_time else time.perf_counter
        results.results += run(part, args.rows_dir, device, args.repeats, say, clock)
        return
    say(f"memory: {part.competitor}, {part.work}")
    threads = torch.get_num_threads()
    memory = peak_memory(part.competitor, part.work, args.rows_dir, device, threads)
    results.memories.append(memory)


def _write_line(text: str) -> None:
    """Progress for a log, where a bar would not do."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def _quiet() -> None:
    """Leave out what libraries say each time that an encoder is built or quantised."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=UserWarning)
    logging.getLogger().setLevel(logging.WARNING)
